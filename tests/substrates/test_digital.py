from __future__ import annotations

import pytest
import torch

from insitu.core import generator
from insitu.substrates.digital import Digital


@pytest.mark.parametrize("bits", [0, 2, 8, 16])
def test_an_output_has_the_same_bits_alone_among_others_and_in_any_order_of_rows(bits: int) -> None:
    rng = generator(0, "digital")
    weights, x = (torch.from_numpy(rng.standard_normal(shape)).float() for shape in ((700, 130), (65, 700)))
    order = torch.from_numpy(rng.permutation(700))
    digital = Digital(bits)
    held, turned = (digital.store(each, 0.0, rng) for each in (weights, weights[order]))
    whole = digital.multiply(held, x, 1.0, rng)
    assert torch.equal(whole, digital.multiply(turned, x[:, order], 1.0, rng))
    assert torch.equal(whole, torch.cat([digital.multiply(held, row[None], 1.0, rng) for row in x]))
    torch.testing.assert_close(whole, x @ held.weights, rtol=1e-4, atol=1e-4)


def test_small_whole_numbers_are_multiplied_exactly() -> None:
    rng = generator(0, "whole")
    weights, x = (torch.from_numpy(rng.integers(-7, 8, shape)).float() for shape in ((900, 20), (30, 900)))
    weights[0] = 7  # so that a step of four bits is 1
    held = Digital(4).store(weights, 0.0, rng)
    assert torch.equal(Digital(4).multiply(held, x, 1.0, rng), (x.long() @ weights.long()).float())


def test_the_gradient_is_that_of_the_weights() -> None:
    rng = generator(0, "gradient")
    weights = torch.from_numpy(rng.standard_normal((6, 4))).float()
    x = torch.from_numpy(rng.standard_normal((3, 6))).float().requires_grad_()
    Digital().multiply(Digital().store(weights, 0.0, rng), x, 1.0, rng).square().sum().backward()
    expected = x.detach().clone().requires_grad_()
    (expected @ weights).square().sum().backward()
    torch.testing.assert_close(x.grad, expected.grad)
