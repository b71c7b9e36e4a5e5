"""Spiking trainee and generator: clock, position code, the update, and weights on disk."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor

from insitu.backbones import weights_file
from insitu.backbones.spiking import NAMES, REST, Spiking, Weights
from insitu.backbones.spiking_codes import clock, position_code
from insitu.core import InsituError, generator
from insitu.scenarios.robot_arm import kinematics, wiener

SMALL = Spiking(trainee=14, signal_generator=20, adaptive=6)


def parts(record: Spiking = SMALL, seed: int = 0) -> tuple[Weights, Weights]:
    held = record.build(seed).state_dict()
    return Weights(*(held[name] for name in NAMES[:3])), Weights(*(held[name] for name in NAMES[3:]))


def shown(count: int, steps: int = 60) -> Tensor:
    return torch.from_numpy(wiener.trajectories(count, steps, generator(0, "movements"))[1])


def test_the_clock_ticks_every_ten_steps_and_each_neuron_has_its_turn() -> None:
    ticks = clock(250)
    assert ticks.shape == (250, 5)
    assert ticks.sum(1).nonzero().flatten().tolist() == list(range(0, 250, 10))
    for neuron in range(5):
        assert ticks[:, neuron].nonzero().flatten().tolist() == list(range(50 * neuron, 50 * neuron + 50, 10))
    assert torch.equal(clock(310)[250:300], ticks[:50])


@given(st.lists(st.floats(-1, 0.9999, width=64), min_size=3, max_size=3))
def test_bits_give_the_position_back(position: list[float]) -> None:
    bits = position_code(torch.tensor(position))
    assert bits.shape == (48,)
    assert set(bits.tolist()) <= {0.0, 1.0}
    worth = 2.0 ** torch.arange(-15, 1)
    back = (bits.reshape(3, 16) * worth).sum(1) - 1
    assert float((torch.tensor(position) - back).min()) >= -1e-6
    assert float((torch.tensor(position) - back).max()) <= 2**-15 + 1e-6


def test_beyond_one_metre_the_code_wraps_around() -> None:
    assert torch.equal(position_code(torch.tensor([1.1, 0.0, 0.0])), position_code(torch.tensor([-0.9, 0.0, 0.0])))


def test_positions_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(InsituError, match="NaN or infinite"):
        position_code(torch.tensor([0.1, float("nan"), 0.2]))
    with pytest.raises(InsituError, match=r"positions are \(movements, steps, 3\); got \(60, 3\)"):
        SMALL.signals(parts()[1], shown(1)[0])


def test_the_hand_begins_where_the_arm_s_geometry_says() -> None:
    assert kinematics.forward(torch.zeros(2)).tolist() == pytest.approx(REST, abs=1e-6)


def test_currents_of_the_generator_are_linear_in_position_at_first_and_small_at_rest() -> None:
    w_in = parts(Spiking())[1].w_in[5:]
    neurons = Spiking().signal_generator_neurons
    at_rest = position_code(torch.tensor(REST)) @ w_in / (1 - neurons.decay) / neurons.threshold
    assert -0.1 < float(at_rest.min()) < 0.2
    assert 1.8 < float(at_rest.max()) < 2.1
    points = torch.tensor([[0.5, 0.25, 0.125], [0.25, -0.5, 0.5], [0.75, -0.25, 0.625]])
    one, two, three = position_code(points) @ w_in
    torch.testing.assert_close(one + two - three, position_code(points[0] + points[1] - points[2]) @ w_in)


def test_an_update_is_of_each_movement_and_leaves_what_no_signal_reaches() -> None:
    trainee, signal_generator = parts()
    before = SMALL.move(trainee, 60, spikes=True)
    signals = SMALL.signals(signal_generator, shown(3)).readout
    assert (signals.shape, before.readout.shape) == ((60, 3, 14), (60, 1, 2))
    w_in, w_rec = SMALL.increments(before, signals, 1e-2)
    assert (w_in.shape, w_rec.shape) == ((3, 5, 14), (3, 14, 14))
    assert w_rec.any()
    assert not w_rec.diagonal(dim1=1, dim2=2).any()
    after = SMALL.move(Weights(trainee.w_in + w_in, trainee.w_rec + w_rec, trainee.w_out), 60)
    assert after.readout.shape == (60, 3, 2)
    alone = SMALL.increments(before, signals[:, 1:2], 1e-2)[1]
    torch.testing.assert_close(w_rec[1:2], alone)
    assert not SMALL.increments(before, torch.zeros_like(signals), 1e-2)[1].any()


def test_movements_together_are_as_movements_alone() -> None:
    signal_generator, x = parts()[1], shown(4)
    together = SMALL.signals(signal_generator, x)
    for number in range(4):
        alone = SMALL.signals(signal_generator, x[number : number + 1])
        assert torch.equal(together.readout[:, number], alone.readout[:, 0])


def test_an_update_without_spikes_is_refused() -> None:
    trainee = parts()[0]
    with pytest.raises(InsituError, match="spikes=True"):
        SMALL.increments(SMALL.move(trainee, 60), torch.zeros(60, 1, 14), 1e-4)


@pytest.mark.parametrize("fields", [{"trainee": 0}, {"clock": -1}, {"adaptive": 801}, {"joints": 0}])
def test_wrong_sizes_are_refused(fields: dict[str, int]) -> None:
    with pytest.raises(InsituError, match=f"got {next(iter(fields.values()))}"):
        Spiking(**fields)


def test_weights_come_back_from_disk_in_half_precision(tmp_path: Path) -> None:
    network = SMALL.build(1)
    weights_file.save(tmp_path / "arm", network, {"trained": "today"})
    read, card, head = weights_file.load(tmp_path / "arm")
    assert (read.record, card["trained"], set(read.state_dict()), head) == (SMALL, "today", set(NAMES), None)
    for name, value in read.state_dict().items():
        assert torch.equal(value, network.state_dict()[name].half().float())


def test_files_that_call_the_signal_generator_teacher_are_read(tmp_path: Path) -> None:
    network, stem = SMALL.build(1), tmp_path / "arm"
    old = {name.replace("signal_generator", "teacher"): value.half() for name, value in network.state_dict().items()}
    save_file(old, stem.with_suffix(".safetensors"))
    record = {name.replace("signal_generator", "teacher"): value for name, value in asdict(SMALL).items()}
    stem.with_suffix(".json").write_text(json.dumps({"architecture": "spiking", "record": record}))
    read = weights_file.load(stem).network
    assert read.record == SMALL
    for name, value in read.state_dict().items():
        assert torch.equal(value, network.state_dict()[name].half().float())


def test_shipped_sizes_fit_four_mebibytes(tmp_path: Path) -> None:
    weights_file.save(tmp_path / "arm", Spiking().build(), {})
    assert (tmp_path / "arm.safetensors").stat().st_size < 4 * 2**20


def test_weights_that_half_precision_cannot_hold_are_not_written(tmp_path: Path) -> None:
    network = SMALL.build()
    with torch.no_grad():
        network.signal_generator["w_out"].fill_(1e6)
    with pytest.raises(InsituError, match=r"signal_generator\.w_out is not finite as torch\.float16"):
        weights_file.save(tmp_path / "arm", network, {})
    assert not list(tmp_path.iterdir())
