"""Logarithm and exponential: compiled and plain forms agree bit for bit, and both with the exact functions."""

from __future__ import annotations

import numpy as np
import pytest

from insitu.kernels import compiled, elementary


@pytest.mark.parametrize("name", ["log", "exp"])
def test_compiled_and_plain_forms_agree(name: str) -> None:
    if compiled() is None:
        pytest.skip("Numba does not work here")
    rng = np.random.default_rng(0)
    x = rng.uniform(-90, 90, 50_000) if name == "exp" else 10.0 ** rng.uniform(-37, 38, 50_000)
    x = x.astype(np.float32).reshape(100, 500)
    assert x.size > elementary.FEW
    assert np.array_equal(getattr(elementary, name)(x[:1]), getattr(elementary, f"{name}_reference")(x[:1]))
    assert np.array_equal(getattr(elementary, name)(x), getattr(elementary, f"{name}_reference")(x))
    assert np.array_equal(getattr(elementary, name)(x.T), getattr(elementary, name)(x).T)


def test_they_are_the_functions_they_are_named_after() -> None:
    x = (10.0 ** np.linspace(-37, 38, 9_999)).astype(np.float32)
    assert np.allclose(elementary.log(x), np.log(x.astype(np.float64)), rtol=3e-7, atol=1e-7)
    y = np.linspace(-80, 80, 9_999).astype(np.float32)
    assert np.allclose(elementary.exp(y), np.exp(y.astype(np.float64)), rtol=3e-7)


def test_an_exponential_stays_finite_and_above_zero() -> None:
    ends = elementary.exp(np.array([-1e30, 1e30], np.float32))
    assert 0 < ends[0] < ends[1] < np.inf
