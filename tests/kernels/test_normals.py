"""The normals by position: their moments, their independence, and the compiled loop against the plain one."""

from __future__ import annotations

import numpy as np
import pytest

from insitu.kernels import compiled
from insitu.kernels.normals import box_muller, key_of, normals, philox

WORDS = 2**32 - 1


def test_philox_gives_the_known_answers_of_its_authors() -> None:
    """Random123's kat_vectors, philox4x32 with seven rounds."""
    zero = [np.zeros(1, np.uint64)] * 4
    ones = [np.full(1, WORDS, np.uint64)] * 4
    assert [int(w[0]) for w in philox(zero, (0, 0))] == [0x5F6FB709, 0x0D893F64, 0x4F121F81, 0x4F730A48]
    assert [int(w[0]) for w in philox(ones, (WORDS, WORDS))] == [0x5207DDC2, 0x45165E59, 0x4D8EE751, 0x8C52F662]


def test_moments_and_tails_are_those_of_a_normal() -> None:
    drawn = normals((1, 2), range(1000), range(1000), 0).astype(np.float64).ravel()
    n = len(drawn)
    assert abs(drawn.mean()) < 3 / n**0.5
    assert abs(drawn.var() - 1) < 3 * (2 / n) ** 0.5
    assert abs((drawn**3).mean()) < 3 * (15 / n) ** 0.5
    assert abs((drawn**4).mean() - 3) < 3 * (96 / n) ** 0.5
    for level, beyond in ((1.0, 0.317311), (2.0, 0.045500), (3.0, 0.0026998), (4.0, 6.334e-5)):
        assert abs((np.abs(drawn) > level).mean() - beyond) < 3 * (beyond / n) ** 0.5


@pytest.mark.parametrize("shift", [(1, 0), (2, 0), (3, 0), (4, 0), (0, 1), (1, 1), (5, 7)])
def test_neighbours_are_independent(shift: tuple[int, int]) -> None:
    drawn = normals((3, 4), range(600), range(600), 0).astype(np.float64)
    down, right = shift
    a, b = drawn[down:, right:], drawn[: 600 - down, : 600 - right]
    for f in (np.asarray, np.square):
        assert abs(np.corrcoef(f(a).ravel(), f(b).ravel())[0, 1]) < 3.5 / a.size**0.5


def test_blocks_and_keys_are_independent() -> None:
    draws = [normals(key, range(400), range(400), block) for key, block in (((5, 6), 0), ((5, 6), 1), ((6, 6), 0))]
    for a, b in zip(draws, draws[1:], strict=False):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 3.5 / a.size**0.5


def test_a_draw_depends_on_its_position_alone() -> None:
    whole = normals((7, 8), range(40), range(30), 2)
    assert np.array_equal(whole[13:21, 5:9], normals((7, 8), range(13, 21), range(5, 9), 2))


def test_keys_come_from_the_generator() -> None:
    assert key_of(np.random.default_rng(1)) == key_of(np.random.default_rng(1)) != key_of(np.random.default_rng(2))


@pytest.mark.parametrize("columns", [1, 7, 16, 100, 257])
def test_compiled_loop_gives_the_same_numbers(columns: int) -> None:
    fast = compiled()
    if fast is None:
        pytest.skip("Numba does not work here")
    out = np.empty((4, columns), np.float32)
    fast.fill_normals(out, np.uint32(9), np.uint32(WORDS), 1000, 77, 3)
    expected = normals((9, WORDS), range(4000, 4004), range(77, 77 + columns), 3)
    assert np.array_equal(out, expected)


def test_polynomials_hold_over_all_words() -> None:
    """Box and Muller's transform in float64 by the library's functions, over a million pairs of words."""
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 2**32, (2, 1_000_000), dtype=np.uint64)
    first[:3], second[:4] = (0, 1, WORDS), (0, 2**31, 2**31 - 1, WORDS)
    radius = np.sqrt(-2 * np.log(np.minimum((first + 0.5) * 2.0**-32, 1.0)))
    angle = np.pi * second.astype(np.uint32).view(np.int32) * 2.0**-31
    a, b = box_muller(first, second)
    assert np.abs(a - radius * np.cos(angle)).max() < 1e-4
    assert np.abs(b - radius * np.sin(angle)).max() < 1e-4
