"""Decoded data sets on disk as plain arrays, memory-mapped from the second call on."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError, cache_folder, read_text, write_text

Arrays = dict[str, NDArray[Any]]


def arrays(source: Path | tuple[Path, ...], name: str, decode: Callable[[], Mapping[str, NDArray[Any]]]) -> Arrays:
    """Return ``decode()``, or what an earlier call with the same unchanged ``source`` stored (memory-mapped).

    The key covers path, size and modification time of every source, and of every file in it where it is a folder:
    what has changed is decoded again, and so is what was stored and is damaged.
    """
    sources = source if isinstance(source, tuple) else (source,)
    places = "|".join(str(path.resolve()) for path in sources)
    folder = cache_folder() / "decoded" / f"{name}-{_digest(places)}-{_digest('|'.join(map(_state, sources)))}"
    stored = _stored(folder)
    if stored is None:
        decoded = dict(decode())
        _store(folder, decoded)
        _drop_older(folder)
        stored = _stored(folder) or decoded
    return stored


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(errors="surrogateescape"), digest_size=6).hexdigest()


def _state(source: Path) -> str:
    """Return text that changes when the contents of ``source`` change, without reading them."""
    try:
        files = [source]
        if source.is_dir():
            files = sorted(Path(at) / name for at, _, names in os.walk(source) for name in names)
        stats = [(file, file.stat()) for file in files]
    except OSError as error:
        raise InsituError(f"{error.filename or source} cannot be read: {error.strerror}; check the path") from error
    return "|".join(f"{os.path.relpath(file, source)}|{stat.st_size}|{stat.st_mtime_ns}" for file, stat in stats)


def _stored(folder: Path) -> Arrays | None:
    try:
        parts = json.loads(read_text(folder / "index.json"))
        return {part: np.load(folder / f"{part}.npy", mmap_mode="r") for part in parts} or None
    except (OSError, ValueError, TypeError, EOFError):  # missing, cut short or of another format: decode again
        return None


def _store(folder: Path, decoded: Arrays) -> None:
    """Write all arrays into a temporary folder and rename it, so that no reader sees a part of them."""
    temporary = folder.with_name(f".{folder.name}.{uuid4().hex}")
    try:
        temporary.mkdir(parents=True)
        for part, array in decoded.items():
            np.save(temporary / f"{part}.npy", array, allow_pickle=False)
        write_text(temporary / "index.json", json.dumps(sorted(decoded)))
        if _stored(folder) is None:  # otherwise another process has stored the same
            shutil.rmtree(folder, ignore_errors=True)
            temporary.rename(folder)
    except OSError as error:
        raise InsituError(
            f"could not write {folder}: {error.strerror or error}; free some space or set INSITU_CACHE"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _drop_older(folder: Path) -> None:
    """Delete what was decoded from an earlier state of the same source, which cannot come back."""
    for other in folder.parent.glob(f"{folder.name.rsplit('-', 1)[0]}-*"):
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)
