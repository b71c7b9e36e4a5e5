"""The folder that an export writes: sources and constants of each part, a Makefile, an example and README.md."""

from __future__ import annotations

import shutil
from pathlib import Path

from insitu.core import InsituError, read_text, write_text
from insitu.export.readme import readme

SOURCES = Path(__file__).parent / "c"
PARTS = {"model.c": "MEMORY", "network.c": "NETWORK", "head.c": "HEAD", "replay.c": "REPLAY"}  # constants of each part
SERIAL = ("insitu_serial.c", "insitu_requests.c")  # that a firmware needs, too
EXAMPLES = {  # with the parts that they use; the first of which all are there is the folder's
    "network_memory.c": ("network.c", "model.c"),
    "memory.c": ("model.c",),
    "network_head.c": ("network.c", "head.c"),
    "head.c": ("head.c",),
    "network.c": ("network.c",),
}


def write_part(folder: Path, sources: tuple[str, ...], made: dict[str, str]) -> list[Path]:
    """Write a part of an export into ``folder``, made on demand, next to parts written before; return its files.

    ``sources`` are copied; ``made`` are texts by file name. Files of the same names are replaced, others are kept.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in sources:
            shutil.copyfile(SOURCES / name, folder / name)
    except OSError as error:
        raise InsituError(f"could not write {folder}: {error.strerror or error}; choose another folder") from error
    made = made | _common(folder, made)
    for name, text in made.items():
        write_text(folder / name, text)
    return [folder / name for name in (*sources, *made)]


def comment(what: str) -> str:
    """Return the first line of a file of constants, which README.md repeats."""
    return f"/* Written by `insitu export c`: {what}. */"


def sizes_of_buffers(sizes: dict[str, int]) -> str:
    """Return the header of a part with the sizes that an application needs."""
    lines = [f"#define INSITU_{name} {size}u" for name, size in sizes.items()]
    return "\n".join([comment("sizes of buffers"), *lines, ""])


def code(folder: Path) -> list[str]:
    """Return the sources in ``folder`` of the parts there, without constants and serial line."""
    known = (file.name for file in SOURCES.glob("insitu*.c") if file.name not in SERIAL)
    return sorted(name for name in known if (folder / name).is_file())


def _common(folder: Path, made: dict[str, str]) -> dict[str, str]:
    """Return what depends on all parts in the folder, of which ``made`` are about to be written."""
    described = {name: what for name in PARTS if (what := _description(made.get(name), folder / name))}
    example = next((name for name, needed in EXAMPLES.items() if all(part in described for part in needed)), None)
    if example is None:  # latents for replay without a network
        return {}
    files = " ".join([*code(folder), *described])
    pictures = {"bars.h": read_text(SOURCES / "examples" / "bars.h")} if example.startswith("network") else {}
    return pictures | {
        "Makefile": read_text(SOURCES / "Makefile").replace("FILES =", f"FILES = {files}", 1),
        "example.c": read_text(SOURCES / "examples" / example),
        "README.md": readme(described),
    }


def _description(text: str | None, file: Path) -> str:
    """Return what ``comment`` was given for a file of constants, '' where the folder has none."""
    if text is None:
        text = read_text(file) if file.is_file() else ""
    return text.partition("\n")[0].partition(": ")[2].removesuffix(". */")
