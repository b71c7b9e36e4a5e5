"""Fast CPU loops in Numba, each with a plain NumPy reference that says what it computes."""

from __future__ import annotations

import warnings
from functools import cache
from types import ModuleType


@cache
def compiled() -> ModuleType | None:
    """Return the compiled loops, or None where Numba does not work or is switched off: then the references serve.

    A loop compiles at its first call, within about two seconds, and is read from disk from then on.
    """
    try:
        from numba.core import config  # here, because importing it takes half a second

        if config.DISABLE_JIT:  # type: ignore[attr-defined] # set when it is imported
            return None
        from insitu.kernels import _compiled
    except ImportError:
        return None
    return _compiled


@cache
def binary_loops() -> ModuleType | None:
    """Return the compiled loops over 1-bit numbers, or None where Numba does not work, after one warning."""
    if compiled() is None:
        warnings.warn(
            "Numba does not work here or is switched off: products of 1-bit numbers run in plain NumPy, "
            "with the same results but many times slower",
            RuntimeWarning,
            stacklevel=3,
        )
        return None
    from insitu.kernels import _binary

    return _binary
