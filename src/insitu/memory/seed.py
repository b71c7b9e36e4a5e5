"""The seed of a memory: its ``random_state``, or drawn from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from insitu.core import InsituError


@contextmanager
def drawn(random_state: Any) -> Iterator[int]:
    """Yield a seed; a generator that it is drawn from is put back where what the seed is for fails."""
    if isinstance(random_state, bool | np.bool_):
        raise InsituError(f"random_state is an integer, a RandomState or None; got {random_state!r}")
    if isinstance(random_state, int | np.integer):
        yield int(random_state)
        return
    source = check_random_state(random_state)
    before = source.get_state()
    try:
        yield int(source.randint(np.iinfo(np.int32).max))
    except BaseException:
        source.set_state(before)
        raise
