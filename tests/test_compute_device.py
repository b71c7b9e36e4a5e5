"""Computing on a second device: nothing meets what is on the processor, and the numbers are the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from coloured import TINY, coloured
from insitu import compute_device
from insitu.backbones import encoding
from insitu.backbones.conv4 import Conv4
from insitu.backbones.spiking import Spiking
from insitu.cli.main import main
from insitu.core import InsituError, generator
from insitu.data import Images
from insitu.devices.pcm_hermes2022 import PcmHermes2022
from insitu.kernels import device_readout
from insitu.kernels.normals import normals
from insitu.scenarios.tasks import pool_of
from insitu.substrates.analog import device_product
from insitu.substrates.crossbar import Crossbar
from insitu.training import maml
from insitu.training.eprop import EpropTrain, EpropTraining
from insitu.training.loop import Stage
from insitu.training.maml import MetaTrain, MetaTraining
from insitu.training.metalearn import Metalearn, MetaLearning
from insitu.training.pretrain import Pretrain, Pretraining
from second_device import SECOND, Held, SecondDevice


@pytest.fixture
def second(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Choose a second device."""
    monkeypatch.setattr(compute_device, "chosen", lambda: SECOND)
    torch.__future__.set_swap_module_params_on_conversion(True)
    with SecondDevice():
        yield
    torch.__future__.set_swap_module_params_on_conversion(False)


def pretraining(**changes: Any) -> Stage:
    recipe = Pretrain(epochs=1, batch_size=8, first_size=16, last_size=16, bfloat16=False, **changes)
    return Pretraining(recipe, TINY.build(0), coloured(np.arange(4).repeat(6)))


def metalearning(**changes: Any) -> Stage:
    recipe = Metalearn(episodes=3, ways=4, support=2, query=3, views=2, size=16, bfloat16=False, **changes)
    return MetaLearning(recipe, TINY.build(0), coloured(np.arange(4).repeat(6)))


def metatraining(**changes: Any) -> Stage:
    rng = generator(0, "patterns")
    images = Images(rng.integers(0, 256, (48, 17, 17, 1), np.uint8), np.arange(8).repeat(6), tuple("abcdefgh"))
    recipe = MetaTrain(
        iterations=2, tasks=2, ways=2, shots=2, queries=2, steps=2, held_out=3, bfloat16=False, batch_size=1, **changes
    )
    record = Conv4(width=4, size=17)
    head = nn.Parameter(torch.zeros(recipe.ways, record.features))
    return MetaTraining(recipe, record.build(), head, pool_of(images, 17, 1, rotations=True))


STAGES = {
    "pretrain": pretraining,
    "pretrain, all options": lambda: pretraining(rotations=0.5, warp=0.1, mix=1.0, head="linear", optimiser="adam"),
    "metalearn": metalearning,
    "metalearn, all layers": lambda: metalearning(layers="all", loss="softabs"),
    "maml": metatraining,
    "maml, all layers": lambda: metatraining(layers="all"),
    "maml, noise": lambda: metatraining(noise=0.1),
}


def steps(stage: Stage) -> tuple[list[float], dict[str, Tensor]]:
    losses = [stage.step(done)[0] for done in range(2)]
    stage.report(2)
    stage.finish()
    return losses, stage.state()["network"]


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_trains_on_a_second_device_as_on_the_processor(
    name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maml, "HELD_OUT_TASKS", 2)
    losses, weights = steps(STAGES[name]())
    request.getfixturevalue("second")
    stage = STAGES[name]()
    assert any(isinstance(value, Held) for value in stage.state()["network"].values())
    others, found = steps(stage)
    assert losses == others
    assert not any(isinstance(value, Held) for value in found.values())  # finished: back on the processor
    assert all(torch.equal(found[key], value) for key, value in weights.items())


def test_tensors_of_two_devices_do_not_meet(second: None) -> None:
    """The guard itself: without a move, an operation fails."""
    there = torch.ones(3).to(SECOND)
    assert torch.equal((there + torch.ones(3, device=SECOND)).cpu(), torch.full((3,), 2.0))
    with pytest.raises(RuntimeError, match="two devices"):
        there + torch.ones(3)
    with pytest.raises((RuntimeError, TypeError)):
        there.numpy()


def test_images_are_encoded_on_a_second_device(request: pytest.FixtureRequest) -> None:
    network, pixels = TINY.build(0).eval(), coloured(np.arange(4).repeat(2)).pixels
    expected = encoding.features(network, pixels, 16, mirror=True)
    request.getfixturevalue("second")
    found = encoding.features(network, pixels, 16, mirror=True)
    assert isinstance(next(network.parameters()), Held)
    assert not isinstance(found, Held)
    assert torch.equal(found, expected)
    assert not any(isinstance(part, Held) for part in encoding.last_layer(network, 16))


@pytest.mark.parametrize(("inputs", "outputs", "copies"), [(5, 3, 1), (300, 40, 1), (40, 20, 4)])
@pytest.mark.parametrize("bits", [8, 5])
def test_products_of_a_crossbar_have_the_same_bits_on_a_second_device(
    inputs: int, outputs: int, copies: int, bits: int, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    crossbar = Crossbar(PcmHermes2022(), copies=copies, tile=128, input_bits=bits)
    held = crossbar.store(
        torch.from_numpy(generator(0).standard_normal((inputs, outputs), np.float32)), 0.0, generator(1)
    )
    x = torch.from_numpy(generator(2).standard_normal((150, inputs), np.float32))
    expected = crossbar.multiply(held, x, 100.0, generator(3))
    best = crossbar.search(held, x, 100.0, generator(3))
    made = []
    monkeypatch.setattr(device_product, "CHUNK", 1)
    monkeypatch.setattr(device_product.DeviceProduct, "take", _noted(device_product.DeviceProduct.take, made))
    request.getfixturevalue("second")
    assert torch.equal(crossbar.multiply(held, x, 100.0, generator(3)), expected)
    assert made
    assert torch.equal(crossbar.search(held, x, 100.0, generator(3)), best)
    there = crossbar.multiply(held, x.to(SECOND), 100.0, generator(3))
    assert isinstance(there, Held)
    assert torch.equal(there.cpu(), expected)


def _noted(method: Any, into: list[str]) -> Any:
    def noted(self: Any, *given: Any) -> Any:
        into.append(method.__name__)
        return method(self, *given)

    return noted


def test_normals_of_torch_operations_are_those_of_the_plain_reference() -> None:
    found = device_readout.block_normals((7, 2**32 - 1), (8, 5), (2, 30, 40), torch.device("cpu"))
    expected = np.stack([normals((7, 2**32 - 1), range(8, 38), range(5, 45), block) for block in range(2)])
    assert np.array_equal(found.numpy(), expected)


def test_spiking_networks_and_rounded_weights_train_on_the_processor_alone(second: None) -> None:
    recipe = EpropTrain(table_signals=1, decoder=1, joint=1)
    with pytest.raises(
        InsituError, match="spiking networks train on the processor alone, and device is meta: take cpu"
    ):
        EpropTraining(recipe, Spiking(), {})
    with pytest.raises(InsituError, match="weights of 4 bits are rounded on the processor alone, and device is meta"):
        metatraining(bits=4)


@pytest.mark.parametrize("name", ["gpu", "", "cuda:", "mps"])
def test_a_device_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(InsituError, match=f"device is cpu, cuda or cuda:N; got '{name}'"):
        compute_device.checked(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a machine with CUDA has this device")
def test_a_device_that_is_not_there_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["train", "omniglot", "--quick", "--device", "cuda", "--out", str(tmp_path)]) != 0
    shown = capsys.readouterr().err.strip()
    assert "device cuda is not available: torch" in shown
    assert "take cpu, or run on a machine with one" in shown
    assert "\n" not in shown
    assert not list(tmp_path.iterdir())


def test_the_variable_chooses_for_the_processes_that_are_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(compute_device.VARIABLE, "cpu")
    compute_device.choose("cpu")
    assert compute_device.chosen() == torch.device("cpu")
    monkeypatch.setenv(compute_device.VARIABLE, "tpu")
    with pytest.raises(InsituError, match="got 'tpu'"):
        compute_device.chosen()
