"""More pulses and more time than a crossbar has any use for: refused, or finite."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from insitu.core import LONGEST_S, InsituError, generator
from insitu.devices import Device
from insitu.devices.ideal import Ideal
from insitu.devices.pcm_hermes2022 import PcmHermes2022
from insitu.devices.pcm_nandakumar2018 import PcmNandakumar2018
from insitu.substrates.crossbar import Crossbar


@pytest.mark.parametrize("pulses", [100_001, 3e9, -3e9, 1e38])
def test_more_pulses_than_a_cell_takes_at_once_are_refused_as_they_were_given(pulses: float) -> None:
    crossbar = Crossbar()
    held = crossbar.blank(3, 2, 0.0, generator(0))
    with pytest.raises(InsituError, match=re.escape(f"at most 100000 SET pulses at once; got {abs(pulses):g};")):
        crossbar.add(held, [0], torch.full((3, 1), pulses), 1.0, generator(0))


def test_pulses_that_cannot_be_counted_any_more_are_refused() -> None:
    crossbar = Crossbar(Ideal())
    held = crossbar.blank(3, 2, 0.0, generator(0))
    worn = replace(held, tiles=(replace(held.tiles[0], pulses=np.full((2, 3, 2), 2**31 - 3, np.int32)),))
    worn = crossbar.add(worn, [0], torch.full((3, 1), 2.0), 1.0, generator(0))
    assert crossbar.endurance(worn)["set_pulses"] == 2**31 - 1
    with pytest.raises(InsituError, match="more pulses than can be counted"):
        crossbar.add(worn, [0], torch.ones(3, 1), 2.0, generator(0))


@pytest.mark.parametrize("device", [PcmHermes2022(), PcmNandakumar2018(), Ideal()], ids=str)
@pytest.mark.parametrize("compensation", ["none", "global", "column"])
@pytest.mark.parametrize("now_s", [LONGEST_S, 1e39, 1e300])
def test_products_are_finite_at_any_age(device: Device, compensation: Any, now_s: float) -> None:
    crossbar = Crossbar(device, compensation=compensation)
    held = crossbar.write(
        crossbar.blank(16, 3, 0.0, generator(0)),
        [0, 1, 2],
        torch.randn(16, 3, generator=torch.Generator().manual_seed(0)),
        0.0,
        generator(0),
    )
    assert (
        crossbar.multiply(held, torch.randn(4, 16, generator=torch.Generator().manual_seed(1)), now_s, generator(0))
        .isfinite()
        .all()
    )
