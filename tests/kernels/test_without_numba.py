"""A machine where Numba is switched off computes the same by the references."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from insitu.devices.pcm_nandakumar2018 import PcmNandakumar2018
from insitu.kernels import compiled
from insitu.substrates.crossbar import Crossbar


def outputs() -> list[float]:
    """Pulses and noisy products, in float32 arithmetic, which both ways share."""
    crossbar, rng = Crossbar(PcmNandakumar2018(), pairs=1, tile=16, adc_bits=9), np.random.default_rng(5)
    held = crossbar.blank(40, 1500, 0.0, rng)
    # enough pulses that the compiled loop is worth its import
    held = crossbar.add(held, list(range(1499)), torch.arange(59960.0).reshape(40, 1499) % 4 - 1, 1.0, rng)
    return crossbar.multiply(held, torch.linspace(-1, 1, 200).reshape(5, 40), 1e6, rng).flatten().tolist()


if __name__ == "__main__":
    assert compiled() is None
    print(json.dumps(outputs()))


def test_results_are_the_same_without_numba() -> None:
    if compiled() is None:
        pytest.skip("Numba does not work here")
    here = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    found = subprocess.run([sys.executable, __file__], env=here, capture_output=True, text=True, check=True)
    assert np.allclose(json.loads(found.stdout), outputs(), atol=1e-3)
