"""Searching many columns: memory stays small, digital scores decide, and the first of equal columns wins."""

from __future__ import annotations

import tracemalloc

import numpy as np
import torch

from insitu.core import generator
from insitu.devices.ideal import Ideal
from insitu.substrates.crossbar import Crossbar
from insitu.substrates.digital import Digital


def test_a_search_never_holds_all_outputs() -> None:
    rng = generator(0, "search")
    crossbar = Crossbar(Ideal(), pairs=1, input_bits=0, adc_bits=0)
    held = crossbar.blank(8, 2000, 0.0, rng)
    x = torch.from_numpy(rng.standard_normal((3000, 8)).astype(np.float32))
    crossbar.search(held, x[:1], 0.0, rng)  # what is read is kept
    tracemalloc.start()
    crossbar.search(held, x, 0.0, rng)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8e6  # all outputs are 24 MB


def test_the_first_of_equal_columns_wins_across_tiles() -> None:
    rng = generator(0, "ties")
    for substrate in (Crossbar(Ideal(), pairs=1, tile=2, input_bits=0, adc_bits=0), Digital()):
        held = substrate.store(torch.tensor([[0.0, 1.0, 0.5, 1.0, 1.0]]), 0.0, rng)
        assert substrate.search(held, torch.ones(2, 1), 0.0, rng).tolist() == [1, 1]
        allowed = torch.tensor([True, False, True, True, True])
        assert substrate.search(held, torch.ones(2, 1), 0.0, rng, allowed=allowed).tolist() == [3, 3]


def test_scores_of_minus_infinity_still_name_an_allowed_column() -> None:
    rng = generator(0, "infinite")
    crossbar = Crossbar(Ideal(), pairs=1, tile=2)
    held = crossbar.blank(3, 5, 0.0, rng)
    offset = torch.full((5,), -torch.inf)
    allowed = torch.tensor([False, False, False, True, True])
    assert crossbar.search(held, torch.ones(1, 3), 0.0, rng, offset=offset, allowed=allowed).item() in (3, 4)
