"""Text that is kept in a file: what cannot be written as UTF-8 is refused before anything happens."""

from __future__ import annotations

import datetime
import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from insitu.core import InsituError


def checked_path(path: str | Path) -> Path:
    """Return where the file is, links followed; raise ``InsituError`` for what is no name of a file."""
    if not isinstance(path, str | Path):
        raise InsituError(f"the path of a file is text or a Path; got {type(path).__name__}")
    try:
        encoded = os.fsencode(path)
    except UnicodeEncodeError as error:
        raise InsituError(f"{str(path)!r} is no name that this system can write ({error.reason}); rename it") from error
    if not encoded or b"\0" in encoded:
        raise InsituError(f"{str(path)!r} is no name of a file; give a path")
    try:
        found = Path(path).resolve()
        found.stat()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        pass  # a new file, or said when it is opened
    except (OSError, RuntimeError) as error:  # a name that is too long, or links in a circle
        said = error.strerror if isinstance(error, OSError) else error
        raise InsituError(f"{str(path)[:200]!r} is no name of a file ({said}); give another path") from None
    if found.exists() and not found.is_file():
        raise InsituError(f"{found} is {'a folder' if found.is_dir() else 'no ordinary file'}; give the path of a file")
    return found


def pair_of(path: str | Path) -> tuple[Path, Path]:
    """Return the two files of an export, whose name without ending is given: arrays and card."""
    name = Path(path).name
    if not name or name == "..":
        raise InsituError(f"{str(path)!r} is a folder; give a name for both files, without ending")
    arrays, card = (checked_path(Path(path).with_name(name + ending)) for ending in (".safetensors", ".json"))
    return arrays, card


def check_who(who: str) -> None:
    """Raise ``InsituError`` for a name of a teacher that cannot be kept."""
    if not isinstance(who, str):
        raise InsituError(f"who is text; got {type(who).__name__}")
    if odd := _unshowable(who):
        raise InsituError(f"who holds {odd}, which cannot be kept; leave it out: {who!r}")


def check_moment(name: str, moment: object) -> None:
    """Raise ``InsituError`` for what is no date and time in ISO 8601."""
    try:
        datetime.datetime.fromisoformat(str(moment))
    except ValueError:
        raise InsituError(f"{name} is a date and time in ISO 8601; got {str(moment)[:60]!r}; export it anew") from None


def check_labels(labels: Iterable[object]) -> None:
    """Raise ``InsituError`` for labels from elsewhere that a list of classes could not show in one line each."""
    for label in labels:
        if isinstance(label, str) and (odd := _unshowable(label)):
            raise InsituError(f"label {label!r} holds {odd}, which no import takes; rename it in the export")


def _unshowable(text: str) -> str:
    odd = next((c for c in text if unicodedata.category(c) in ("Cc", "Cs")), None)
    if odd is None:
        return ""
    return f"the {'control character' if ord(odd) < 0x100 else 'lone surrogate'} U+{ord(odd):04X}"
