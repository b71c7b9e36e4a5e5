"""A machine where Numba is switched off, or has other instructions or threads, computes the same bits."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
import torch

from insitu.devices.pcm_hermes2022 import PcmHermes2022
from insitu.devices.pcm_nandakumar2018 import PcmNandakumar2018
from insitu.kernels import compiled
from insitu.substrates.crossbar import Crossbar


@cache
def outputs() -> list[float]:
    """Pulses, drift and noisy products in both arithmetics: whole numbers, and sums in float64."""
    out: list[float] = []
    for device in (PcmNandakumar2018(), PcmHermes2022()):
        for adc_bits, tile in ((8, 16), (8, 256), (9, 16)):
            crossbar = Crossbar(device, pairs=1, tile=tile, adc_bits=adc_bits, compensation="column")
            rng = np.random.default_rng(5)
            weights = torch.arange(59_960.0).reshape(40, 1499) % 4 - 1
            held = crossbar.blank(40, 1500, 0.0, rng)
            if device.crystallises:  # enough pulses that the compiled loop is worth its import
                held = crossbar.add(held, list(range(1499)), weights, 1.0, rng)
            else:
                held = crossbar.write(held, list(range(1499)), weights, 1.0, rng)
            x = torch.linspace(-1, 1, 40 * 300).reshape(300, 40)
            out += crossbar.multiply(held, x, 1e6, rng)[:, ::150].flatten().tolist()
            out += crossbar.search(held, x, 1e6, rng).tolist()
    return out


if __name__ == "__main__":
    if os.environ.get("NUMBA_DISABLE_JIT"):
        assert compiled() is None
    if count := os.environ.get("OMP_NUM_THREADS"):
        assert torch.get_num_threads() == int(count)
    print(json.dumps(outputs()))

X86 = platform.machine() in ("x86_64", "AMD64")
ELSEWHERE = {
    "without Numba": {"NUMBA_DISABLE_JIT": "1"},
    "one thread": {"OMP_NUM_THREADS": "1"},
    "two threads": {"OMP_NUM_THREADS": "2"},
}
if X86:  # what every processor of this kind can do, and what most can
    ELSEWHERE |= {
        "SSE2": {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": ""},
        "AVX2": {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2,+fma", "ATEN_CPU_CAPABILITY": "avx2"},
    }


@pytest.mark.parametrize("where", ELSEWHERE)
def test_results_are_the_same_elsewhere(where: str) -> None:
    if compiled() is None:
        pytest.skip("Numba does not work here")
    if where == "AVX2" and not torch.cpu._is_avx2_supported():
        pytest.skip("this processor has no AVX2")
    here = os.environ | ELSEWHERE[where]
    found = subprocess.run([sys.executable, __file__], env=here, capture_output=True, text=True, check=True)
    assert json.loads(found.stdout) == outputs()
