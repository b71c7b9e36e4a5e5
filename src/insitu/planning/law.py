"""A law of scale: the accuracy of a memory by its number of classes, rows, shots and the error of its cells.

A query is answered rightly where its similarity to its own class is larger than that to every other class. With
similarities that are normal, of mean m and deviation w for the own class and of mean 0 and deviation t for others,

    accuracy(C) = E_z [ Phi((m + w z) / t) ^ ((C - 1)^g) ],            z ~ N(0, 1)
    m = r / sqrt(r + (1 - r) / shots)                                  the mean of shots with cosine r to each other
    t^2 = 1 / d + v,    w^2 = u^2 + v,    v = 1 / min(rows, features) + e^2 / rows

Of an embedding: its number of features, since more rows than these spread errors, not classes; r, the mean cosine of
two examples of a class; d, in how many dimensions its classes lie (in all, where they are random); u, how unequally
well its queries fit their class; g, below 1 where classes come in groups, so that not every further class is a further
rival. Of a memory: e, the error of its similarities relative to what random classes differ by (``device_error.py``),
which is measured, not fitted. Not in it: tails that are not normal, drift between classes of different age, classes
whose numbers of shots differ.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(61)


Numbers = float | NDArray[np.float64]


@dataclass(frozen=True)
class Memory:
    """What is held: classes in rows of an array, written from shots, read with a relative error; one or many."""

    classes: Numbers
    rows: Numbers
    shots: Numbers
    error: Numbers = 0.0


@dataclass(frozen=True)
class Embedding:
    """The constants that describe how the classes of an embedding lie."""

    cosine: float  # of two examples of a class, r
    inverse_dimensions: float  # 1 / d
    spread: float  # u
    grouping: float = 1.0  # g
    features: float = 1e9  # length of the encoder's vectors


def accuracy(embedding: Embedding, memory: Memory) -> NDArray[np.float64]:
    """Return the expected share of queries that are answered by their own class, of every memory."""
    classes, rows, shots, error = (np.asarray(each, np.float64)[..., None] for each in astuple(memory))
    cells = 1 / np.minimum(rows, embedding.features) + error**2 / rows
    mean = embedding.cosine / np.sqrt(embedding.cosine + (1 - embedding.cosine) / shots)
    own = np.sqrt(embedding.spread**2 + cells)
    others = np.sqrt(embedding.inverse_dimensions + cells)
    rivals = (classes - 1) ** embedding.grouping
    right: NDArray[np.float64] = np.exp(rivals * log_ndtr((mean + own * NODES) / others)) @ WEIGHTS / WEIGHTS.sum()
    return right
