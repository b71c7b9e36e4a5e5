"""The compiled mini-batches of CWR* against the plain reference, bit for bit, and the reference against float."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from insitu.kernels import compiled
from insitu.kernels.cwr import Factors, forward_codes, train, train_reference

BITS = [(8, 16), (8, 8), (3, 5), (1, 1), (16, 16)]  # (16, 16) adds in 64 bits
SHAPES = [(37, 33, 3, 8), (60, 70, 10, 50), (5, 1, 2, 64)]  # examples, features, classes, batch


def task(forward: int, update: int, shape: tuple[int, int, int, int], zero: int) -> tuple[Any, ...]:
    n, features, classes, batch = shape
    rng = np.random.default_rng(n)
    top, high = 1 << (forward - 1), 1 << (update - 1)
    x = rng.integers(-top, top, (n, features)).astype(np.int8 if forward <= 8 else np.int16)
    weight = rng.integers(-high, high, (classes, features)).astype(np.int8 if update <= 8 else np.int16)
    order = np.stack([rng.permutation(n) for _ in range(3)])
    by = Factors(
        forward_bits=forward,
        update_bits=update,
        zero=zero,
        logit=2.0 / (top * min(top, high) * features**0.5) / max(1, high // top),
        p_step=1 / (2 * top - 1),
        p_zero=-top,
        error=high,
        gradient=2 / (top * features**0.5),
        update=0.3,
    )
    return x, rng.integers(0, classes, n), order, batch, weight, by


@pytest.mark.skipif(compiled() is None, reason="Numba does not work here")
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("forward", "update"), BITS)
@pytest.mark.parametrize("asymmetric", [False, True])
def test_compiled_loop_gives_the_same_weights(
    forward: int, update: int, shape: tuple[int, int, int, int], asymmetric: bool
) -> None:
    given = task(forward, update, shape, -(1 << (forward - 1)) if asymmetric else 0)
    before = [value.copy() for value in (*given[:3], given[4])]
    got, expected = train(*given), train_reference(*given)
    assert got[0].dtype == expected[0].dtype == given[4].dtype
    assert np.array_equal(got[0], expected[0])
    assert got[1] == expected[1]
    if update > 5:
        assert (got[0] != given[4]).any()
    assert all(np.array_equal(a, b) for a, b in zip(before, (*given[:3], given[4]), strict=True))


def test_sums_that_need_more_than_32_bits_are_exact() -> None:
    n, features = 4, 4096
    x = np.full((n, features), -32768, np.int16)
    weight = np.full((2, features), 32767, np.int16)
    weight[1] = 32766
    assert features * 32768 * 32766 > 2.0**31
    # outputs differ by features x 32768 units: 1.3 in the softmax; a sum of 32 bits would wrap
    by = Factors(16, 16, 0, 1e-8, 1 / 65535, -32768, 32767.0, 1e-6, 1.0)
    given = x, np.array([0, 0, 0, 0]), np.arange(n)[None], 4, weight, by
    (got, halved), (expected, again) = train(*given), train_reference(*given)
    assert np.array_equal(got, expected)
    assert halved == again == 0
    wrong = 1 / (1 + np.exp(-1e-8 * features * 32768))  # 1 - p of row 0, the smaller output of its own class
    assert abs(int(got[0, 0]) - round(32767 - 32768 * 32767 * 1e-6 * wrong)) <= 2


def test_many_bits_are_a_step_of_float_softmax_regression() -> None:
    rng = np.random.default_rng(1)
    n, features, classes = 50, 64, 10
    x, w = rng.standard_normal((n, features)), 0.1 * rng.standard_normal((classes, features))
    rows = rng.integers(0, classes, n)
    in_step, w_step, d_step, rate = np.abs(x).max() / 32767, 2.0 / 32767, 0.5 / 32767, 0.1
    by = Factors(
        16, 16, 0, in_step * w_step, 1 / 65535, -32768, 32767.0, in_step / 32767 / d_step, rate * d_step / w_step
    )
    codes = np.rint(x / in_step).astype(np.int16), np.rint(w / w_step).astype(np.int16)
    got = train(codes[0], rows, np.arange(n)[None], n, codes[1], by)[0] * w_step
    p = np.exp(x @ w.T)
    p /= p.sum(1, keepdims=True)
    p[np.arange(n), rows] -= 1
    assert np.abs(got - (w - rate * p.T @ x / n)).max() < 3 * w_step


@pytest.mark.parametrize("update", [1, 2, 4, 8, 16])
def test_weights_that_outgrow_their_bits_stand_for_more(update: int) -> None:
    x, rows, order, batch, weight, by = task(8, update, SHAPES[0], 0)
    order = np.tile(order, (20, 1))
    start = np.zeros_like(weight)
    given = x, rows, order, batch, start, replace(by, update=4.0, error=127.0, gradient=1.0)
    (got, halved), (expected, again) = train(*given), train_reference(*given)
    assert np.array_equal(got, expected)
    assert halved == again
    assert 0 < halved < 20


@pytest.mark.parametrize("bits", [1, 2, 8, 16])
def test_forward_codes_are_the_weights_shifted_until_they_fit(bits: int) -> None:
    weight = np.random.default_rng(2).integers(-20_000, 20_000, (10, 50)).astype(np.int16)
    codes, shift = forward_codes(weight, bits)
    assert codes.min() >= -(2 ** (bits - 1))
    assert codes.max() <= 2 ** (bits - 1) - 1
    if bits > 1:
        assert np.abs(codes * 2.0**shift - weight).max() <= 2.0**shift
    assert forward_codes(codes, bits)[1] <= 1
