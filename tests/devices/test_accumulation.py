"""The compiled loops of SET pulses give the bits of the plain reference, whatever the counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insitu.devices import accumulation
from insitu.devices.pcm_nandakumar2018 import PcmNandakumar2018
from insitu.kernels import compiled


@pytest.mark.skipif(compiled() is None, reason="Numba does not work here")
@settings(max_examples=30, deadline=None)
@given(cells=st.integers(1, 5000), most=st.sampled_from([0, 1, 2, 9, 70, 200]), seed=st.integers(0, 99))
def test_compiled_pulses_have_the_bits_of_the_reference(cells: int, most: int, seed: int) -> None:
    device, rng = PcmNandakumar2018(), np.random.default_rng(seed)
    given = device.pulse(device.reset((cells,), 0.0, rng), rng.integers(0, 3, cells), 0.0, rng)
    counts = rng.integers(0, most + 1, cells)
    counts[: cells // 3] = np.minimum(counts[: cells // 3], 1)  # parts of the loop with one pulse at most
    outcomes = []
    for few in (-1, 10**9):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(accumulation, "FEW", few)
            outcomes.append(device.pulse(given, counts, 1.0, np.random.default_rng(seed)))
    for name, value in vars(outcomes[0]).items():
        assert np.array_equal(value, vars(outcomes[1])[name]), name
