"""What a report says of the machine: instructions and threads as the libraries see them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from insitu.report import environment, formatting


@pytest.mark.parametrize(
    ("features", "words"),
    [
        ("+sse2,+avx,+avx2,+avx512f,+avx512vnni", "AVX-512 VNNI"),
        ("+avx2,+avx512f,-avx512vnni", "AVX-512"),
        ("+avx2,-avx512f,-avx512vnni", "AVX2"),
        ("+neon,+fp-armv8", "NEON"),
        ("+sse2", "no vector instructions known"),
        ("", "no vector instructions known"),
    ],
)
def test_the_widest_instructions_count(features: str, words: str) -> None:
    assert environment.widest(features) == words


def test_threads_are_those_that_torch_takes() -> None:
    assert environment.machine()["threads"] == torch.get_num_threads()


def test_libraries_that_are_held_back_are_seen() -> None:
    told = "from insitu.report import environment; print(environment.instructions(), environment.threads())"
    held = {"ATEN_CPU_CAPABILITY": "default", "NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "+avx2"}
    given = os.environ | held | {"OMP_NUM_THREADS": "1"}
    found = subprocess.run([sys.executable, "-c", told], env=given, capture_output=True, text=True, check=True).stdout
    assert found.startswith("AVX2 (torch DEFAULT, numpy ")
    assert found.endswith(" 1\n")


def test_without_numba_it_says_so() -> None:
    told = "from insitu.report import environment; print(environment.instructions())"
    given = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    found = subprocess.run([sys.executable, "-c", told], env=given, capture_output=True, text=True, check=True).stdout
    assert found.startswith("no Numba (torch ")


def test_the_machine_in_one_line() -> None:
    held = {"processor": "P", "cores": 2, "threads": 1, "instructions": "AVX2", "python": "3", "platform": "L"}
    assert formatting.machine({"machine": held}) == "P, 2 cores, 1 thread, AVX2, Python 3, L"
    old = {name: value for name, value in held.items() if name not in ("threads", "instructions")}
    assert formatting.machine({"machine": old}) == "P, 2 cores, Python 3, L"
