"""The published lists of shots that come with insitu: plain numbers, one row a line."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
from numpy.typing import NDArray


def rows(data_set: str) -> NDArray[np.int64]:
    """Return the numbers of ``lists/<data_set>.txt`` as a matrix; the file says what they mean and whose they are."""
    text = (files("insitu.data") / "lists" / f"{data_set}.txt").read_text(encoding="utf-8")
    return np.array([line.split() for line in text.splitlines() if line and not line.startswith("#")], np.int64)
