"""Files of a user's own as items with vectors; what cannot be used is listed, and the rest goes on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError
from insitu.data.files import number_files
from insitu.encoders import Encoder, Progress

_watcher: ContextVar[Progress | None] = ContextVar("watcher", default=None)


@dataclass(frozen=True, eq=False)
class Item:
    """One item: a picture, a sound, a series, or a row of numbers."""

    name: str  # path, with the number of the row where a file holds several
    given: Any  # a path, or an array


@dataclass(frozen=True)
class Failure:
    """An item that cannot be used, and why."""

    name: str
    error: str


@contextmanager
def watched(progress: Progress) -> Iterator[None]:
    """Call ``progress`` for whatever is encoded in the block, also by scenarios, which show nothing themselves."""
    token = _watcher.set(progress)
    try:
        yield
    finally:
        _watcher.reset(token)


def read(files: Iterable[Path], kind: str) -> tuple[list[list[Item]], list[Failure]]:
    """Return the items of ``kind`` in each file, and the files of numbers that cannot be read.

    A file of vectors has an item per row, any other is one item. Pictures and sounds are left to the encoder.
    """
    found: list[list[Item]] = []
    failed: list[Failure] = []
    for file in files:
        name = str(file)
        if kind in ("images", "sounds"):
            found.append([Item(name, file)])
            continue
        try:
            rows = number_files.read(file)
        except InsituError as error:
            failed.append(Failure(name, str(error)))
            found.append([])
            continue
        if kind == "series":
            found.append([Item(name, rows)])
        else:
            single = len(rows) == 1
            found.append([Item(name if single else f"{name}:{row}", x) for row, x in enumerate(rows, 1)])
    return found, failed


def encode(
    items: Sequence[Item], encoder: Encoder | None, features: int | None = None
) -> tuple[NDArray[np.float64], list[int], list[Failure]]:
    """Return the vectors (n, dim) of items, their n places among ``items``, and those that cannot be used.

    Without an encoder, items are the vectors; those that have not ``features`` numbers, or those of most, are failures.
    """
    failed: dict[int, Failure] = {}
    if encoder is None:
        lengths = [len(item.given) for item in items]
        wanted = features or max(lengths, key=lengths.count, default=0)
        for row, (item, length) in enumerate(zip(items, lengths, strict=True)):
            if length != wanted:
                failed[row] = Failure(item.name, f"it has {length} numbers, and others have {wanted}")
    else:

        def on_error(row: int, error: InsituError) -> None:
            text = str(error)
            for prefix in (f"{items[row].name}: ", f"{items[row].name!r}: ", f"item {row} of X: "):
                text = text.removeprefix(prefix)
            failed[row] = Failure(items[row].name, text)

        if items:
            given = [item.given for item in items]
            found = encoder.encode(given, progress=_watcher.get(), on_error=on_error, length=features)
    rows = [row for row in range(len(items)) if row not in failed]
    if encoder is None:
        found = np.array([items[row].given for row in rows], np.float64).reshape(len(rows), wanted)
    elif not items:
        found = np.zeros((0, 0))
    return found, rows, list(failed.values())
