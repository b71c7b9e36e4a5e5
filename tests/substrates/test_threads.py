"""Products in several threads: the bits of one, and an error of any thread reaches the caller."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from insitu.core import InsituError
from insitu.kernels import compiled
from insitu.substrates.crossbar import Crossbar

pytestmark = pytest.mark.skipif(compiled() is None, reason="Numba does not work here")
ROWS, INPUTS, COLUMNS = 1500, 300, 70  # several chunks, and enough products for three threads


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("tile", [64, 256])
def test_a_product_has_the_same_bits_in_any_number_of_threads(tile: int) -> None:
    substrate = Crossbar(tile=tile)
    held = substrate.store(torch.randn(INPUTS, COLUMNS, generator=torch.manual_seed(0)), 0.0, np.random.default_rng(0))
    x, products = torch.randn(ROWS, INPUTS), []
    for count in (1, 2, 3):
        torch.set_num_threads(count)
        products.append(substrate.multiply(held, x, 10.0, np.random.default_rng(1)))
    assert torch.equal(products[0], products[1])
    assert torch.equal(products[0], products[2])


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("row", [0, ROWS - 1])
def test_a_row_that_is_not_finite_is_refused_in_whichever_thread_it_is(row: int) -> None:
    substrate, x = Crossbar(), torch.randn(ROWS, INPUTS)
    held = substrate.store(torch.randn(INPUTS, COLUMNS), 0.0, np.random.default_rng(0))
    x[row, 3] = torch.nan
    torch.set_num_threads(2)
    with pytest.raises(InsituError, match="x must be finite"):
        substrate.multiply(held, x, 10.0, np.random.default_rng(1))
