"""What every room shares: the error for users, seeded generators, text files, and files written atomically."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from _typeshed import DataclassInstance

LONGEST_S = 1e10  # latest time of a memory's clock, three hundred years


class InsituError(Exception):
    """A mistake that the user can fix: the message says what was given, what is allowed, what to do."""


def install_hint(extra: str) -> str:
    """Return how to install an extra, as every error says it: insitu is installed from a folder with its source."""
    return f"pip install '.[{extra}]' in the folder of insitu's source"


def seed_of(seed: int, *names: str | int) -> int:
    """Return a 63-bit seed derived from ``seed`` and ``names``: equal arguments, equal seed, on any machine."""
    text = "/".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """Return the NumPy generator that belongs to ``(seed, *names)``; every random draw in insitu comes from one."""
    import numpy as np  # so that commands which draw nothing start without it

    return np.random.default_rng(seed_of(seed, *names))


def stored_fields(record: DataclassInstance) -> dict[str, Any]:
    """Return the fields of a record as its pickle has them: without what cached properties have added."""
    return {each.name: getattr(record, each.name) for each in fields(record)}


def cache_folder() -> Path:
    """Return the folder for derived files: ``INSITU_CACHE``, else ``insitu`` in the user's cache folder."""
    given = os.environ.get("INSITU_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(given).expanduser() if given else Path(base).expanduser() / "insitu"


def is_path(name: str, *suffixes: str) -> bool:
    """Return whether a model is given by its path: with a slash, or by the name of a file with one of the suffixes."""
    return "/" in name or "\\" in name or name.lower().endswith(suffixes)


def named_encoder(word: str) -> str | None:
    """Return what an encoder is named by; None for the word none, of memories that hold vectors."""
    return None if word.lower() == "none" else word


def read_text(path: Path) -> str:
    """Return the text of a file, UTF-8 whatever the system's encoding is; Windows line ends become newlines.

    A byte order mark at the start is left out. Raises ``UnicodeDecodeError``, a ``ValueError``, for other bytes.
    """
    return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8 with line ends as they are, atomically; a lone surrogate is written as its escape."""
    data = text.encode("utf-8", "backslashreplace")
    write_whole(path, lambda temporary: temporary.write_bytes(data))


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary file next to ``path`` and rename it to ``path`` on success, so that no reader sees half a file.

    Raises ``InsituError`` naming the path where the disk is full or the folder cannot be written.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            # mkstemp makes the file private; give it the mode of an ordinary new file
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise InsituError(
            f"could not write {path}: {error.strerror or error}; free some space or choose another folder"
        ) from error


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Call ``write`` with a temporary file next to ``path``, and rename that file to ``path``."""
    with whole_file(path) as temporary:
        write(temporary)
