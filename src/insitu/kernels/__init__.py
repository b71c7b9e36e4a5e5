"""Fast CPU loops in Numba beside plain NumPy references that say what they compute."""

from __future__ import annotations

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
