"""What a board has learned, as statistics of a memory; what a memory has learned, in the space of a board.

The board holds sums of vectors, a memory counts and mean inputs. A direction v of the board's space becomes the input
whose vector has that direction: with u(z) = A z + b for features z in units of their spread, u(z) is parallel to v at

    z(l) = A+ (l v - b)

Where the space has more rows than features, what v and b have outside of the range of A tells the length l; otherwise
the input is placed as far out as the examples that the space was fitted to are: |z|^2 = number of features.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from insitu.board import Board
from insitu.core import InsituError
from insitu.memory.integer_memory import IntegerMemory
from insitu.memory.integer_space import LENGTH, SCALE_BITS, SPREAD, IntegerSpace
from insitu.memory.labels import Label
from insitu.memory.model import ClassStatistics, Model

NOISE = 0.02  # of the largest singular value: what the rounding of weights to 8 bits amounts to
OUTSIDE = 0.03  # share of the usual length outside of the range, from which on it tells the length
BEYOND = 16.0  # largest ratio to the usual length, as inputs saturate at so many spreads
CONTINUED = 1.1  # length of a sum per example, beyond which it is no sum of examples
PARTS = (("zero", "<i4"), ("gain", "<i2"), ("shift", "u1"), ("weight", "i1"), ("bias", "<i4"), ("scale", "<i2"))
CODES = (("offset", "<f4"), ("step", "<f4"))


def memory_of(board: Board) -> IntegerMemory:
    """Return what a board holds now; it saves it to its storage."""
    info = board.info()
    shapes = {"weight": (info.rows, info.features), "bias": (info.rows,), "scale": (info.rows,)}
    constants: Any = {
        name: board.constants(part, kind, shapes.get(name, (info.features,)))
        for part, (name, kind) in enumerate((*PARTS, *CODES), 1)
    }
    space = IntegerSpace(**constants)
    if space.digest() != info.digest:
        raise InsituError(f"the constants that {board.name} sent do not match its checksum; flash its firmware again")
    memory = IntegerMemory(space, info.capacity, info.label_bytes, info.excess)
    memory.load(board.backup())
    return memory


def codes_of(board: Board, x: NDArray[Any]) -> NDArray[np.int16]:
    """Return the input codes (n, features) of inputs x (n, features)."""
    features = (board.info().features,)
    offset, step = (cast(Any, board.constants(7 + k, "<f4", features)) for k in range(2))
    empty = np.zeros((0, *features))
    return IntegerSpace(offset, step, *[cast(Any, empty)] * 6).codes(x)


def ahead_of(theirs: IntegerMemory, model: Model) -> ClassStatistics:
    """Return the examples of the board's classes that go beyond those of the model; there may be none."""
    known, labels, counts, means = {str(label): label for label in model.numbers}, list[Label](), list[int](), []
    for slot, name in enumerate(theirs.labels):
        label = name.decode()
        here = known.get(label)
        held = 0 if here is None else int(model.counts[model.numbers[here]])
        if not name or theirs.shots[slot] <= held:
            continue
        total = np.ldexp(theirs.sums[slot].astype(np.float64), theirs.exponents[slot])
        if here is not None:
            own, slack = _sum_of(theirs.space, model, here, float(np.linalg.norm(total)) / theirs.shots[slot])
            total = _difference(total, own, theirs.shots[slot] - held, slack, label)
        labels.append(_as_known(label, model) if here is None else here)
        counts.append(theirs.shots[slot] - held)
        means.append(input_of(theirs.space, total))
    features = theirs.space.features
    return ClassStatistics(
        labels,
        np.array(counts, np.int64),
        np.array(means, np.float64).reshape(-1, features),
        np.zeros((0, features)),
        np.zeros(0, np.int64),
    )


def put_ahead(theirs: IntegerMemory, model: Model) -> dict[Label, int]:
    """Put the classes of which the model has more examples into the board's memory; return how many more."""
    more = dict[Label, int]()
    for label in model.labels:
        held = int(model.counts[model.numbers[label]])
        slot = theirs.slot_of(str(label))
        there = 0 if slot is None else theirs.shots[slot]
        if held <= there:
            continue
        sums = (
            np.zeros(theirs.space.rows) if slot is None else np.ldexp(theirs.sums[slot] * 1.0, theirs.exponents[slot])
        )
        own, slack = _sum_of(theirs.space, model, label, float(np.linalg.norm(sums)) / max(there, 1))
        if slot is not None:
            _difference(own, sums, held - there, slack, str(label))
        elif b"" not in theirs.labels:
            raise InsituError(
                f"the board has room for {theirs.capacity} classes, too few for {label!r} and those it holds; forget "
                "one, or export a larger capacity"
            )
        theirs.put(theirs.labels.index(b"") if slot is None else slot, str(label), own / LENGTH, held)
        more[label] = held - there
    return more


def input_of(space: IntegerSpace, direction: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return an input (features,) whose vector has this direction (rows,)."""
    used = space.gain != 0
    row = space.scale / 2.0**SCALE_BITS
    matrix = row[:, None] * space.weight[:, used] * SPREAD
    bias, v = row * space.bias, direction / (np.linalg.norm(direction) or 1.0)
    u, strengths, turn = np.linalg.svd(matrix, full_matrices=False)
    kept = strengths > NOISE * strengths.max(initial=0)
    u, strengths, turn = u[:, kept], strengths[kept], turn[kept]
    p, q = turn.T @ (u.T @ v / strengths), turn.T @ (u.T @ bias / strengths)
    z = _length(p, q, v - u @ (u.T @ v), bias - u @ (u.T @ bias)) * p - q
    codes = (z * SPREAD * 2.0 ** space.shift[used] + space.zero[used]) / space.gain[used]
    out = space.offset.astype(np.float64)
    out[used] += space.step[used] * codes
    return out


def _length(p: Any, q: Any, v_outside: Any, b_outside: Any) -> float:
    square, cross = float(p @ p) or 1.0, float(p @ q)
    usual = (cross + np.sqrt(cross**2 + square * max(len(p) - float(q @ q), 0.1 * len(p)))) / square
    if np.linalg.norm(b_outside) < OUTSIDE * usual:
        return float(usual)
    measured = float(b_outside @ b_outside) / max(float(v_outside @ b_outside), 1e-9)
    return float(min(max(measured, usual / BEYOND), usual * BEYOND))


def _sum_of(space: IntegerSpace, model: Model, label: Label, per_example: float) -> tuple[NDArray[np.float64], float]:
    """Return the sum (rows,) of a class's vectors in this space, and by how much of its length it may be wrong.

    Of a class whose examples are not all stored the mean is known, and ``per_example`` is the length of a sum of others
    per example, 0 if unknown.
    """
    number = model.numbers[label]
    rows, count = model.kept[model.kept_numbers == number], int(model.counts[number])
    if len(rows) == count:
        return space.vectors(space.codes(rows)).sum(0).astype(np.float64), 0.0
    mean = space.vectors(space.codes(model.means[[number]]))[0].astype(np.float64)
    return mean * count * (per_example / LENGTH or 1.0), 0.5 * count * LENGTH


def _difference(
    longer: NDArray[np.float64], shorter: NDArray[np.float64], examples: int, slack: float, label: str
) -> NDArray[np.float64]:
    """Return the sum of the examples by which one sum is ahead; raise where it does not continue the other."""
    rest = longer - shorter
    if np.linalg.norm(rest) > CONTINUED * examples * LENGTH + slack:
        raise InsituError(
            f"the examples of {label!r} on the board and here are different ones, of which neither continues the "
            "other; forget the class on one side first"
        )
    return rest


def _as_known(label: str, model: Model) -> Label:
    """Return a new label of the kind of those that the model has."""
    kind = type(next(iter(model.numbers), ""))
    try:
        known: Label = kind(label)
    except ValueError:
        known = ""
    if str(known) != label:
        raise InsituError(f"the labels of this memory are {kind.__name__}, which {label!r} of the board is not")
    return known
