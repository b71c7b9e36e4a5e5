"""Arrays on disk next to the weights that made them: written and read whole, refused where the weights have changed."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.backbones import trained, weights_file
from insitu.core import InsituError, write_whole

Arrays = dict[str, NDArray[Any]]


def write(file: Path, arrays: Arrays, compress: bool = False) -> Path:
    """Write arrays by name, atomically; compressing packed bits would only take time."""

    def save(path: Path) -> None:
        with path.open("wb") as opened:
            (np.savez_compressed if compress else np.savez)(opened, **arrays)  # type: ignore[arg-type]

    write_whole(file, save)
    return file


def made_by(stem: Path, file: Path, keys: tuple[str, ...]) -> Arrays:
    """Return the arrays of ``file``; raise ``InsituError`` where they are not there or were made by other weights."""
    if not file.exists():
        raise InsituError(f"there is no {file}; it belongs to the backbone {stem.name}: reinstall the package")
    arrays = read(file, (*keys, "weights"))
    if str(arrays["weights"]) != weights_file.fingerprint(stem):
        raise InsituError(f"{file} was made by other weights than {stem.name} holds; get both files of one version")
    return arrays


def read(file: Path, keys: tuple[str, ...] | None = None) -> Arrays:
    """Return the arrays called ``keys``, or all; raise ``InsituError`` where the file is damaged or lacks one."""
    try:
        with file.open("rb") as opened, np.load(opened) as archive:
            return {name: archive[name] for name in keys or archive.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        fix = "reinstall the package" if file.parent == trained.FOLDER else "delete it and run again"
        raise InsituError(f"{file} is damaged ({error}); {fix}") from error
