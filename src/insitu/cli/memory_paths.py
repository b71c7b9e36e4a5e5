"""The path of a memory on the command line."""

from __future__ import annotations

from pathlib import Path

from insitu.core import InsituError


def refuse_folder(path: Path) -> None:
    """Raise ``InsituError`` where the first word is a folder: of photos, say, which come after the memory."""
    if path.is_dir():
        raise InsituError(f"{path} is a folder; the file of the memory comes first, such as parts.insitu {path}")
