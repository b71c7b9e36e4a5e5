"""Mini-batches of softmax regression in whole numbers: what quantised CWR* does in one experience.

Per mini-batch, with codes x of the inputs (value = (x - zero) times a step) and W of the weights:
W_q = W shifted right until it fits the forward bits, rounded; p = Q(softmax((x - zero) W_q)); g = Q(p - y), where y is
1 for the class; D = Q((x - zero)^T g / B); W <- W - D times the rate, rounded and kept within its bits. After a step
that went beyond them, all weights are halved and stand for twice as much: a range found on a few classes may be short.
Products and their sums are exact integers of 32 bits, or 64 where a sum could need more; softmax and the factors that
lead from one grid to the next are float32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.kernels import compiled
from insitu.kernels.elementary import exp_reference

Codes = NDArray[Any]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Factors:
    """What leads from grid to grid; codes of ``bits`` bits are within -2^(bits-1)..2^(bits-1)-1."""

    forward_bits: int  # of inputs, forward weights and probabilities
    update_bits: int  # of errors, gradients and weights
    zero: int  # code of the input 0
    logit: float  # step of the inputs x step of the weights
    p_step: float  # of the probabilities
    p_zero: int  # code of the probability 0
    error: float  # 1 / step of p - y
    gradient: float  # step of the inputs x step of p - y / step of the gradient
    update: float  # rate x step of the gradient / step of the weights


def train(x: Codes, rows: Rows, order: Rows, batch: int, weight: Codes, by: Factors) -> tuple[Codes, int]:
    """Return the weights (rows, features) after the mini-batches, and how often they were halved.

    ``x`` (n, features) are codes, ``rows`` (n,) the row of each example, ``order`` (epochs, n) their order.
    """
    if compiled() is None:
        return train_reference(x, rows, order, batch, weight, by)
    from insitu.kernels import _cwr

    out = weight.copy()
    forward = np.empty(weight.shape, x.dtype)
    sums = np.zeros(weight.shape[1], _accumulator(weight.shape[1], batch, by))
    f32 = np.float32
    grown = _cwr.train(
        x,
        rows,
        order,
        batch,
        out,
        by.zero,
        f32(by.logit),
        f32(by.p_step),
        by.p_zero,
        (1 << (by.forward_bits - 1)) - 1,
        f32(by.error),
        f32(by.gradient),
        f32(by.update),
        (1 << (by.forward_bits - 1)) - 1,
        (1 << (by.update_bits - 1)) - 1,
        forward,
        sums,
    )
    return out, int(grown)


def train_reference(x: Codes, rows: Rows, order: Rows, batch: int, weight: Codes, by: Factors) -> tuple[Codes, int]:
    """Do the same in plain NumPy."""
    f32 = np.float32
    wide = _accumulator(weight.shape[1], batch, by)
    low, high = f32(-(1 << (by.update_bits - 1))), f32((1 << (by.update_bits - 1)) - 1)
    p_low, p_high = f32(-(1 << (by.forward_bits - 1))), f32((1 << (by.forward_bits - 1)) - 1)
    w, grown, most = weight.astype(np.int64), 0, f32(0)
    for turn in order:
        for start in range(0, len(turn), batch):
            if most > high + f32(1):
                w, grown = (w + 1) >> 1, grown + 1
            taken = turn[start : start + batch]
            given = x[taken].astype(wide)
            used, shift = forward_codes(w, by.forward_bits)
            sums = given @ used.T.astype(wide) - used.sum(1) * by.zero
            logits = sums.astype(f32) * (f32(by.logit) * f32(1 << (shift + grown)))
            p: Any = exp_reference(np.maximum(logits - logits.max(1, keepdims=True), f32(-80)))
            p = p / np.add.accumulate(p, axis=1)[:, -1:]  # summed one after another, as the loop does
            p = np.clip(np.rint(p * (f32(1) / f32(by.p_step))) + f32(by.p_zero), p_low, p_high)
            wrong = (p - f32(by.p_zero)) * f32(by.p_step)
            wrong[np.arange(len(taken)), rows[taken]] -= f32(1)
            errors = np.clip(np.rint(wrong * f32(by.error)), low, high).astype(wide)
            slopes = (errors.T @ given - errors.sum(0, dtype=np.int64)[:, None] * by.zero).astype(f32)
            slopes = np.clip(np.rint(slopes * (f32(by.gradient) * (f32(1) / f32(len(taken))))), low, high)
            moved = w.astype(f32) - np.rint(slopes * (f32(by.update) / f32(1 << grown)))
            most, w = np.abs(moved).max(), np.clip(moved, low, high).astype(np.int64)
    return w.astype(weight.dtype), grown


def forward_codes(weight: Codes, bits: int) -> tuple[NDArray[np.int64], int]:
    """Shift weights right by as little as makes them fit ``bits`` bits; return codes, halves up, and the shift."""
    w, high = weight.astype(np.int64), (1 << (bits - 1)) - 1
    shift = 0
    while int(np.abs(w).max()) >> shift > high:
        shift += 1
    return np.clip((w + ((1 << shift) >> 1)) >> shift, -high - 1, high), shift


def _accumulator(features: int, batch: int, by: Factors) -> type[np.signedinteger[Any]]:
    """Return the integer type that holds every sum of products, that over features and that over a mini-batch."""
    over_features = 2 * (by.forward_bits - 1) + features.bit_length()
    over_batch = by.forward_bits + by.update_bits - 2 + batch.bit_length()
    return np.int32 if max(over_features, over_batch) <= 31 else np.int64
