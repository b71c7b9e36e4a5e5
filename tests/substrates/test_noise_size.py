"""How large the read noise of a product is, seen from outside: the sum of x_i^2 s_ij^2 over the cells, and no less."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from insitu.core import generator
from insitu.devices import Array, Cells
from insitu.devices.ideal import Ideal
from insitu.substrates.crossbar import Crossbar

NOISE_US = 3.0  # of one cell: so much that steps of an 8-bit converter add less than a thousandth
ROUNDED = 0.03  # of the variance that one input adds in whole numbers, about
DRAWS, QUIET = 4000, 40  # products of the same input, and columns whose weights are 0


@dataclass(frozen=True)
class Noisy(Ideal):
    """An ideal cell whose every read spreads alike."""

    def read(self, cells: Cells, now_s: float) -> tuple[Array, Array]:
        mean, _ = super().read(cells, now_s)
        return mean, np.full_like(mean, NOISE_US)


def inputs(kind: str, rows: int) -> Tensor:
    x = torch.from_numpy(generator(1, "noise size", kind).standard_normal(rows).astype(np.float32))
    if kind == "bipolar":
        return torch.sign(x)
    if kind == "rectified":
        return x.relu()
    if kind == "sparse":
        return torch.where(torch.arange(rows) % 9 == 0, x, 0.0)
    return x


@pytest.mark.parametrize("kind", ["dense", "bipolar", "rectified", "sparse"])
@pytest.mark.parametrize("rows", [60, 256, 300, 1000])
@pytest.mark.parametrize("bits", [8, 12, 0])
def test_the_spread_of_products_is_that_of_the_cells(bits: int, rows: int, kind: str) -> None:
    """Within three standard errors of a variance, over all draws and quiet columns together.

    In whole numbers, squares and variances are rounded: some percent of the variance where few inputs are not zero.
    """
    crossbar = Crossbar(Noisy(), pairs=1, input_bits=bits, adc_bits=bits)
    weights = torch.zeros(rows, QUIET + 1)
    weights[:, 0] = 1.0  # sets the range of the converters
    rng = generator(0, "noise size")
    held = crossbar.store(weights, 0.0, rng)
    held = replace(held, scale=torch.ones(QUIET + 1))  # products in µS
    x = inputs(kind, rows)
    out = crossbar.multiply(held, x.expand(DRAWS, -1), 1.0, rng)[:, 1:].double()
    expected = 2 * NOISE_US**2 * float(_seen(x, bits).square().sum())  # both signs
    if bits:
        expected += rounding(crossbar, rows, x)
    rounded = ROUNDED / int(x.count_nonzero()) ** 0.5 if bits == 8 else 0.0
    assert float(out.square().mean()) == pytest.approx(expected, rel=3 * (2 / (DRAWS * QUIET)) ** 0.5 + rounded)
    assert abs(float(out.mean())) < 3.5 * (expected / (DRAWS * QUIET)) ** 0.5


def _seen(x: Tensor, bits: int) -> Tensor:
    """Return inputs as pulse widths have them."""
    if not bits:
        return x.double()
    step = x.abs().max().double() / (2 ** (bits - 1) - 1)
    return torch.round(x.double() / step) * step


def rounding(crossbar: Crossbar, rows: int, x: Tensor) -> float:
    """Return a twelfth of a step squared for every block, µS²: a range is four deviations of a column of full scale."""
    levels = 2 ** (crossbar.adc_bits - 1) - 1
    blocks = [min(crossbar.tile, rows - start) for start in range(0, rows, crossbar.tile)]
    steps = [4 * 0.5 * crossbar.device.full_scale_us * block**0.5 / levels for block in blocks]
    return sum(step**2 / 12 for step in steps) * float(x.abs().max()) ** 2


@pytest.mark.parametrize("columns", [2, 33, 300])
def test_a_search_is_as_noisy_as_a_product(columns: int) -> None:
    """Of equal columns, each is the largest equally often; without noise it would be the first one always."""
    crossbar = Crossbar(Noisy(), pairs=1)
    rng = generator(0, "noise size", "search")
    held = crossbar.store(torch.ones(64, columns), 0.0, rng)
    x = torch.tensor([1.0, -1.0]).repeat(32).expand(DRAWS, -1)  # currents cancel, noise does not
    found = crossbar.search(held, x, 1.0, rng)
    out = crossbar.multiply(held, x, 1.0, rng)
    seen = torch.bincount(found, minlength=columns).double()
    expected = torch.bincount(out.argmax(1), minlength=columns).double()
    spread = (seen + expected).clamp_min(1).sqrt()
    assert ((seen - expected).abs() < 5 * spread).all()
    assert (seen > 0).float().mean() > 0.9
