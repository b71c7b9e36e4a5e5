"""Vectors of files on disk, by the content of the file and the digest of the encoder: one small file per vector."""

from __future__ import annotations

import hashlib
import io

import numpy as np
from numpy.typing import NDArray

from insitu.core import cache_folder, write_whole


def key(content: bytes) -> str:
    """Return a hash of the content of a file."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


class VectorCache:
    """The vectors of one encoder, in the cache folder; several processes may use it, and it may be deleted."""

    def __init__(self, encoder: str) -> None:
        self._folder = cache_folder() / "vectors" / encoder

    def get(self, key: str) -> NDArray[np.float64] | None:
        """Return the vector stored under ``key``, or None where there is none, or a damaged one."""
        try:
            data = (self._folder / key[:2] / key).read_bytes()
            vector = np.load(io.BytesIO(data), allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        return vector if vector.dtype == np.float64 and vector.ndim == 1 and np.isfinite(vector).all() else None

    def put(self, key: str, vector: NDArray[np.float64]) -> None:
        """Store a vector (dim,) under ``key``."""
        write_whole(self._folder / key[:2] / key, lambda path: path.write_bytes(_saved(vector)))


def _saved(vector: NDArray[np.float64]) -> bytes:
    out = io.BytesIO()
    np.save(out, vector, allow_pickle=False)
    return out.getvalue()
