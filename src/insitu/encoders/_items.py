"""What one item is: files and folders, pictures, sounds and arrays as a list, each with a name for errors."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from insitu.core import InsituError
from insitu.data import sounds
from insitu.data.files import labelled_folder


def listed(given: Any, kind: str) -> Sequence[Any]:
    """Return what the user gave as a list of items; raise ``InsituError`` where there is none."""
    items = [each for one in _several(given) for each in _expanded(one, kind)]
    if not items:
        raise InsituError(f"there is nothing to encode; give at least one item of {kind}")
    return items


def content(item: Any) -> Any:
    """Return the bytes of a file, and any other item as it is."""
    if not isinstance(item, str | os.PathLike):
        return item
    try:
        return Path(item).read_bytes()
    except (OSError, ValueError) as error:  # a name with a null character is a ValueError
        why = getattr(error, "strerror", None) or str(error)
        raise InsituError(f"it cannot be read ({why}); check the path") from error


@contextmanager
def named(item: Any, row: int) -> Iterator[None]:
    """Put the name of the item before the message of an ``InsituError``, and into warnings of its sound."""
    name = str(os.fspath(item)) if isinstance(item, str | os.PathLike) else f"item {row} of X"
    shown = repr(name) if "\n" in name else name
    token = sounds.name.set(shown)
    try:
        yield
    except InsituError as error:
        raise InsituError(f"{shown}: {error}") from error
    finally:
        sounds.name.reset(token)


def stacked(rows: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return rows of one shape as a batch (n, ...)."""
    if len(shapes := sorted({row.shape for row in rows})) > 1:
        raise InsituError(f"rows to encode have one shape; got {' and '.join(map(str, shapes[:3]))}; pad or split them")
    return np.stack(rows)


def _several(given: Any) -> Sequence[Any]:
    if isinstance(given, str | os.PathLike | bytes | Image.Image) or _is_recording(given):
        return [given]
    if isinstance(given, list | tuple):
        return given
    array = np.asarray(given)
    if not array.ndim:
        raise InsituError(f"items to encode are a list, an array or a path; got {type(given).__name__}")
    return array  # type: ignore[return-value]  # iterates over rows


def _is_recording(given: Any) -> bool:
    """Return whether it is a sample rate with samples, as ``scipy.io.wavfile.read`` returns them."""
    return isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], int | np.integer)


def _expanded(item: Any, kind: str) -> list[Any]:
    if not isinstance(item, str | os.PathLike) or not Path(item).is_dir():
        return [item]
    found = sorted(file for file in Path(item).rglob("*") if file.is_file() and _is_kind(file, kind))
    if not found:
        raise InsituError(f"{item} holds no file of {kind}; give another folder")
    return found


def _is_kind(file: Path, kind: str) -> bool:
    return kind in ("images", "sounds") and not file.name.startswith(".") and labelled_folder.is_kind(file, kind)
