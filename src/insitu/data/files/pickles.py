"""Unpickling of plain data and NumPy arrays only: a pickle of another source could run any code."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np

# the function that rebuilds an array is private to NumPy and has moved between versions
_REBUILD = np.empty(0).__reduce__()[0]
_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): _REBUILD,  # written by NumPy 1
    ("numpy._core.multiarray", "_reconstruct"): _REBUILD,  # written by NumPy 2
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class _Plain(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it needs {module}.{name}, and only plain data is read")
        return _ALLOWED[module, name]


def plain(data: bytes) -> Any:
    """Return what ``data`` holds; text of Python 2 is read as Latin-1, the way its arrays need it.

    Raises ``UnpicklingError``, and nothing else, where it holds other things or is damaged.
    """
    try:
        return _Plain(io.BytesIO(data), encoding="latin1").load()
    except Exception as error:  # damaged instructions can raise any exception
        raise pickle.UnpicklingError(str(error) or type(error).__name__) from error
