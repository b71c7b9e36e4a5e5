from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from insitu.core import generator
from insitu.kernels import exact


def drawn(*shape: int, seed: int = 0) -> Tensor:
    """Numbers of very different sizes."""
    rng = generator(seed, "exact", *shape)
    return torch.from_numpy(rng.standard_normal(shape) * 10.0 ** rng.integers(-4, 4, shape)).float()


@given(st.integers(1, 700), st.integers(0, 2**20), st.floats(-30, 30))
def test_bits_of_a_product_do_not_depend_on_the_order_of_its_sums(inner: int, seed: int, exponent: float) -> None:
    x, y = drawn(3, inner, seed=seed) * 10**exponent, drawn(inner, 4, seed=seed + 1)
    order = torch.from_numpy(generator(seed, "order").permutation(inner))
    whole = exact.product(x, y)
    assert torch.equal(whole, exact.product(x[:, order], y[order]))
    # as a library may: in two halves, row by row
    left, right = exact.on_grid(x, -1), exact.on_grid(y, -2)
    cut = inner // 2
    assert torch.equal(whole, left[:, cut:] @ right[cut:] + left[:, :cut] @ right[:cut])
    assert torch.equal(whole, torch.cat([exact.product(row[None], y) for row in x]))


def test_a_product_in_float32_does_depend_on_it() -> None:
    x, y = drawn(30, 512), drawn(512, 40)
    order = torch.from_numpy(generator(0, "order").permutation(512))
    assert not torch.equal(x @ y, x[:, order] @ y[order])


@pytest.mark.parametrize("inner", [1, 2, 64, 513, 4608])
def test_a_product_is_as_exact_as_one_in_float32(inner: int) -> None:
    x, y = drawn(20, inner), drawn(inner, 20)
    right = x.double() @ y.double()
    bound = x.double().norm(dim=1, keepdim=True) * y.double().norm(dim=0) * 2.0**-25 * inner**0.5 * (1 + 1e-5)
    assert ((exact.product(x, y) - right).abs() <= bound).all()


def test_whole_numbers_are_multiplied_as_they_are() -> None:
    rng = generator(0, "whole")
    x, y = (torch.from_numpy(rng.integers(-127, 128, shape)).float() for shape in ((9, 300), (300, 7)))
    assert torch.equal(exact.product(x, y), x.double() @ y.double())


@given(st.integers(1, 5000), st.integers(0, 2**20))
def test_sums_and_norms_do_not_depend_on_order_either(count: int, seed: int) -> None:
    x = drawn(count, 2, seed=seed)
    order = torch.from_numpy(generator(seed, "order").permutation(count))
    for function in (lambda v: exact.total(v, 0), lambda v: exact.mean(v, 0), lambda v: exact.norm(v.T)):
        assert torch.equal(function(x), function(x[order]))
    torch.testing.assert_close(exact.total(x, 0), x.double().sum(0), rtol=1e-9, atol=1e-6 * float(x.abs().max()))
    torch.testing.assert_close(exact.norm(x.T), x.double().norm(dim=0))


def test_zeros_stay_zeros() -> None:
    zeros = torch.zeros(2, 3)
    assert torch.equal(exact.product(zeros, torch.ones(3, 2)), torch.zeros(2, 2, dtype=torch.float64))
    assert torch.equal(exact.unit(zeros), zeros.double())


def test_a_unit_vector_has_length_one_and_rounding_it_changes_little() -> None:
    vectors = exact.unit(drawn(50, 300))
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(50, dtype=torch.float64))
    rounded = exact.on_grid(vectors, 1)
    assert ((rounded - vectors).abs() <= 2.0**-27).all()
    assert (rounded * 2**26 == (rounded * 2**26).round()).all()
