"""The published lists of shots that come with insitu, as text files of numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from insitu.core import read_text

LISTS = Path(__file__).parent / "lists"


def rows(data_set: str) -> NDArray[np.int64]:
    """Return the numbers of ``lists/<data_set>.txt`` as a matrix; its comments give meaning and source."""
    text = read_text(LISTS / f"{data_set}.txt")
    return np.array([line.split() for line in text.splitlines() if line and not line.startswith("#")], np.int64)
