"""Paths of a memory's files: resolved and checked before anything is opened, synced to disk after a file is created."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from insitu.core import InsituError


def resolve_path(path: str | Path) -> Path:
    """Return the path with links resolved; raise ``InsituError`` for what cannot be the path of a file."""
    if not isinstance(path, str | Path):
        raise InsituError(f"path is text or a Path; got {type(path).__name__}; give the path of a file")
    try:
        encoded = os.fsencode(path)
    except UnicodeEncodeError as error:
        raise InsituError(
            f"{str(path)!r} is not a valid file name: this system cannot encode it ({error.reason}); rename it"
        ) from error
    if not encoded or b"\0" in encoded:
        raise InsituError(f"{str(path)!r} is not a valid file name; give another path")
    try:
        found = Path(path).resolve()
        found.stat()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        pass  # a new file, or reported on opening
    except (OSError, RuntimeError) as error:  # a name that is too long, or circular links
        reason = error.strerror if isinstance(error, OSError) else error
        raise InsituError(f"{str(path)[:200]!r} is not a valid file name ({reason}); give another path") from None
    if found.exists() and not found.is_file():
        raise InsituError(
            f"{found} is {'a folder' if found.is_dir() else 'not a regular file'}; give the path of a file"
        )
    return found


def export_paths(path: str | Path) -> tuple[Path, Path]:
    """Return the two files of an export, whose common name without suffix is given: arrays and card."""
    name = Path(path).name
    if not name or name == "..":
        raise InsituError(f"{str(path)!r} is a folder; give the common name of both files, without suffix")
    arrays, card = (resolve_path(Path(path).with_name(name + suffix)) for suffix in (".safetensors", ".json"))
    return arrays, card


def check_single_link(path: Path) -> None:
    """Raise ``InsituError`` for a file with several hard links: SQLite finds its log by the name of the file."""
    if path.stat().st_nlink > 1:
        raise InsituError(
            f"{path} is a hard link to a file that has another name too, and writing through two names damages it; "
            "delete one of the links, or copy the closed file with 'cp' and use the copy"
        )


def sync_folder(path: Path) -> None:
    """Sync the folder of a new file to disk, so that the file survives a power loss."""
    with contextlib.suppress(PermissionError):  # Windows cannot open folders
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
