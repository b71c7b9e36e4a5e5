"""Verify, summarise, back up, export or import a memory stored in a file, or forget classes of it.

usage: insitu memory verify PATH
       insitu memory info PATH [--json]
       insitu memory backup PATH OUT
       insitu memory export PATH OUT
       insitu memory import PATH FROM [--substrate NAME | --replay]
       insitu memory forget PATH LABEL ...

'backup' writes a verified copy as a single file, also while a writer is active.
'export' writes OUT.safetensors and OUT.json, in the format of docs/memory.md; 'import' creates the new file PATH from
such a pair. With --substrate, the name of a substrate or device, the journal is replayed on it; with --replay, on the
original substrate. 'forget' RESETs the columns of these classes; the journal still holds their examples.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from insitu.core import InsituError

SHOWN = 20  # classes


def main(args: list[str]) -> int:
    """Run the action named by the first argument on the memory at the second one."""
    match args:
        case ["verify", path]:
            from insitu.memory.storage import maintenance

            events = maintenance.verify(Path(path))
            print(f"intact  {path}, {events} event{'s' * (events != 1)}")
        case ["info", path, *rest] if rest in ([], ["--json"]):
            from insitu.memory.storage import maintenance

            summary = maintenance.info(Path(path))
            print(json.dumps(summary, ensure_ascii=False, indent=2) if rest else _table(path, summary))
        case ["backup", path, out]:
            from insitu.memory.storage import maintenance

            print(f"copy    {maintenance.back_up(Path(path), Path(out))}")
        case ["export", path, out]:
            from insitu.memory.storage import interchange

            arrays, card = interchange.export_memory(Path(path), Path(out))
            print(f"arrays  {arrays}\ncard    {card}")
        case ["import", path, source, *rest]:
            _import(Path(path), Path(source), rest)
        case ["forget", path, *labels] if labels:
            _forget(Path(path), labels)
        case _:
            raise InsituError(
                f"memory takes verify, info, backup, export, import or forget, with their arguments; "
                f"got {' '.join(args) or 'nothing'}; see 'insitu memory --help'"
            )
    return 0


def _table(path: str, summary: dict[str, Any]) -> str:
    classes, events = summary["classes"], summary["events"]
    names = ", ".join(f"{_printable(each['label'])} ({each['examples']})" for each in classes[:SHOWN])
    parameters = summary["parameters"]
    part, dim, encoder = parameters["substrate"]["part"], parameters["dim"], parameters["encoder"]
    rows = {
        "memory": f"{path}, {summary['bytes'] / 2**20:.1f} MiB, clock at {summary['now_s']:.0f} s",
        "made": f"{summary['made']}, {part}, {dim} rows, encoder {encoder}",
        "classes": f"{len(classes)}{': ' if classes else ''}{names}{', ...' if len(classes) > SHOWN else ''}",
        "events": ", ".join(f"{count} {kind}" for kind, count in events.items()) or "none",
        "taught": f"by {', '.join(map(_printable, summary['teachers']))}, {summary['first']} to {summary['last']}"
        if events
        else "never",
        "spent": ", ".join(f"{count} {name}" for name, count in summary["spent"].items()) or "nothing",
    }
    return "\n".join(f"{name:8}{text}" for name, text in rows.items())


def _import(path: Path, source: Path, flags: list[str]) -> None:
    changes: dict[str, Any] | None = None
    match [word for flag in flags for word in flag.split("=", 1)]:
        case []:
            pass
        case ["--replay"]:
            changes = {}
        case ["--substrate", name]:
            changes = {"substrate": name}
        case _:
            raise InsituError(f"import takes --substrate NAME or --replay; got {' '.join(flags)}; see --help")
    from insitu.memory.storage import interchange

    interchange.import_memory(source, path, changes).close()
    print(f"memory  {path}")


def _forget(path: Path, labels: list[str]) -> None:
    from insitu.memory import Memory

    if not path.is_file():
        raise InsituError(f"there is no memory at {path}; give the path of one")
    labels = [_as_utf8(label) for label in labels]
    with Memory.open(path) as memory:
        known = {str(label): label for label in getattr(memory, "classes_", [])}
        if missing := [label for label in labels if label not in known]:
            held = ", ".join(list(known)[:SHOWN]) or "no class"
            raise InsituError(f"{path} does not hold {missing[0]!r}; it holds {held}")
        for label in labels:
            memory.forget(known[label])
            print(f"forgotten  {_printable(label)}")


def _printable(text: object) -> str:
    """Return text with control characters escaped: those of an untrusted file would control the terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def _as_utf8(word: str) -> str:
    """Return a command line argument decoded as UTF-8, even where the locale is ASCII."""
    try:
        return os.fsencode(word).decode("utf-8")
    except UnicodeError:
        return word
