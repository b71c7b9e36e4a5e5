"""The plan counts what the compiler and the emulator find."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from test_network_bits import frozen
from test_saving import small_memory

from insitu.backbones.binary.integer_dense import DenseLayer
from insitu.export import export_memory, export_network
from insitu.export.measured import CORE, measure, missing
from insitu.export.plan import Plan, Work, memory_plan, network_plan, taps

pytestmark = pytest.mark.skipif(bool(missing()), reason=f"{missing()} is not installed")


def sizes(folder: Path, file: str) -> tuple[int, int]:
    """Return bytes of constants and of static RAM that the compiler makes of a file."""
    subprocess.run(["arm-none-eabi-gcc", *CORE, "-c", file, "-o", "part.o"], cwd=folder, check=True)
    printed = subprocess.run(["arm-none-eabi-size", "part.o"], cwd=folder, check=True, capture_output=True, text=True)
    text, data, bss = map(int, printed.stdout.splitlines()[1].split()[:3])
    return text, data + bss


@pytest.mark.parametrize("which", ["memory", "reactnet", "quicknet"])
def test_flash_and_ram_are_what_the_compiler_makes(which: str, tmp_path: Path) -> None:
    if which == "memory":
        memory = small_memory()
        export_memory(memory, tmp_path)
        plan, file = memory_plan(memory), "model.c"
    else:
        network = frozen(which, 20)[1]
        export_network(network, tmp_path)
        plan, file = network_plan(network), "network.c"
    flash, ram = sizes(tmp_path, file)
    # records of pointers and padding are not data
    assert plan.flash_bytes <= flash <= plan.flash_bytes + 700
    assert plan.ram_bytes <= ram <= plan.ram_bytes + 200


def test_work_is_counted_as_definitions_say() -> None:
    network = frozen("reactnet", 16)[1]
    layer = network.layers[0]
    bits = np.zeros((1, 8, 8, 1), np.uint64)
    # sums over equal bits count the taps within the image
    ones = ~bits >> np.uint64(64 - layer.channels)
    weight = np.repeat(np.repeat(ones[:, :1, :1], 3, 1), 3, 2).repeat(layer.weight.out, 0)
    from insitu.kernels.binary import binary_conv2d

    assert (
        binary_conv2d(ones, weight, layer.channels, 1, 1).sum()
        == taps(8, layer.stride) * layer.channels * layer.weight.out
    )


def test_products_of_float_layers_are_counted_as_definitions_say() -> None:
    network = frozen("quicknet", 20)[1]
    dense = [layer for layer in network.layers if isinstance(layer, DenseLayer)]
    within = F.conv2d(torch.ones(1, 1, 10, 10), torch.ones(1, 1, 3, 3), padding=1).sum()  # taps of a 3x3 filter
    stem = 10**2 * network.stem.weight.size
    pointwise = sum(side**2 * layer.weight.size for side, layer in zip((10, 5, 2, 2), dense, strict=True))
    assert network_plan(network).work[0].multiply_accumulates == stem + 2 * int(within) + pointwise


def test_instructions_follow_the_work(tmp_path: Path) -> None:
    small, large = small_memory(), small_memory(40)
    for number in range(30):
        large.teach(large.space.codes(np.full((1, 6), float(number % 7) - 3))[0], f"more{number}"[:7])
    counted = []
    for name, memory in (("small", small), ("large", large)):
        export_memory(memory, tmp_path / name)
        counted.append(measure(tmp_path / name))
    assert counted[0].code_bytes == counted[1].code_bytes < 16 * 1024
    assert counted[0].stack_bytes < 2048
    more = counted[1].instructions["predict"] - counted[0].instructions["predict"]
    assert 30 * small.space.rows < more < 30 * small.space.rows * 20
    assert measure(tmp_path / "small") == counted[0]


def test_energy_grows_with_instructions_and_loads() -> None:
    plan: Plan = memory_plan(small_memory())
    work: Work = plan.work[0]
    assert work.energy_uj(2000) > work.energy_uj(1000) > 1000 * 92e-6
