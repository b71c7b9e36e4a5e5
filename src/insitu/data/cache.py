"""Decoded data sets kept on disk as plain arrays, memory-mapped on the second visit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.core import write_whole
from insitu.data.paths import cache_folder


def arrays(source: Path, name: str, decode: Callable[[], Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Return ``decode()``, or what an earlier call with the same unchanged ``source`` stored (memory-mapped).

    The key covers the source's path, size and time of change: a replaced archive is decoded anew.
    """
    stat = source.stat()
    key = hashlib.blake2b(f"{source.resolve()}|{stat.st_size}|{stat.st_mtime_ns}".encode(), digest_size=6).hexdigest()
    folder = cache_folder() / "decoded" / f"{name}-{key}"
    index = folder / "index.json"
    if not index.exists():
        decoded = decode()
        for part, array in decoded.items():
            write_whole(folder / f"{part}.npy", lambda path, array=array: _save(path, array))
        # written last: its presence says that every array before it is whole
        write_whole(index, lambda path: path.write_text(json.dumps(sorted(decoded))))
    return {part: np.load(folder / f"{part}.npy", mmap_mode="r") for part in json.loads(index.read_text())}


def _save(path: Path, array: NDArray[Any]) -> None:
    with path.open("wb") as file:
        np.save(file, array)
