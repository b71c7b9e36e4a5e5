"""The folder that an export writes: hand-written sources next to generated ones."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from insitu.core import InsituError

SOURCES = Path(__file__).parent / "c"


def copy_sources(names: Sequence[str], folder: Path) -> list[Path]:
    """Copy hand-written sources into ``folder``, made on demand; return the copies."""
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            shutil.copyfile(SOURCES / name, folder / name)
    except OSError as error:
        raise InsituError(f"could not write {folder}: {error.strerror or error}; choose another folder") from error
    return [folder / name for name in names]
