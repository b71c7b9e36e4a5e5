"""Spiking trainee and generator: clock, position code, the update, and weights on disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from insitu.backbones import _spiking_weights
from insitu.backbones.spiking import NAMES, REST, Spiking, Weights
from insitu.backbones.spiking_codes import clock, position_code
from insitu.core import InsituError, generator
from insitu.scenarios.robot_arm import kinematics, wiener

SMALL = Spiking(trainee=14, teacher=20, adaptive=6)


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


def test_beyond_one_metre_the_code_begins_anew() -> None:
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
    neurons = Spiking().teacher_neurons
    at_rest = position_code(torch.tensor(REST)) @ w_in / (1 - neurons.decay) / neurons.threshold
    assert -0.1 < float(at_rest.min()) < 0.2
    assert 1.8 < float(at_rest.max()) < 2.1
    points = torch.tensor([[0.5, 0.25, 0.125], [0.25, -0.5, 0.5], [0.75, -0.25, 0.625]])
    one, two, three = position_code(points) @ w_in
    torch.testing.assert_close(one + two - three, position_code(points[0] + points[1] - points[2]) @ w_in)


def test_an_update_is_of_each_movement_and_leaves_what_no_signal_reaches() -> None:
    trainee, teacher = parts()
    before = SMALL.move(trainee, 60, spikes=True)
    told = SMALL.signals(teacher, shown(3)).readout
    assert (told.shape, before.readout.shape) == ((60, 3, 14), (60, 1, 2))
    w_in, w_rec = SMALL.increments(before, told, 1e-2)
    assert (w_in.shape, w_rec.shape) == ((3, 5, 14), (3, 14, 14))
    assert w_rec.any()
    assert not w_rec.diagonal(dim1=1, dim2=2).any()
    after = SMALL.move(Weights(trainee.w_in + w_in, trainee.w_rec + w_rec, trainee.w_out), 60)
    assert after.readout.shape == (60, 3, 2)
    alone = SMALL.increments(before, told[:, 1:2], 1e-2)[1]
    torch.testing.assert_close(w_rec[1:2], alone)
    assert not SMALL.increments(before, torch.zeros_like(told), 1e-2)[1].any()


def test_movements_together_are_as_movements_alone() -> None:
    teacher, x = parts()[1], shown(4)
    together = SMALL.signals(teacher, x)
    for number in range(4):
        assert torch.equal(together.readout[:, number], SMALL.signals(teacher, x[number : number + 1]).readout[:, 0])


def test_an_update_without_spikes_is_refused() -> None:
    trainee = parts()[0]
    with pytest.raises(InsituError, match="spikes=True"):
        SMALL.increments(SMALL.move(trainee, 60), torch.zeros(60, 1, 14), 1e-4)


@pytest.mark.parametrize("fields", [{"trainee": 0}, {"clock": -1}, {"adaptive": 801}, {"joints": 0}])
def test_wrong_sizes_are_refused(fields: dict[str, int]) -> None:
    with pytest.raises(InsituError, match=f"got {next(iter(fields.values()))}"):
        Spiking(**fields)


def test_weights_come_back_from_disk_in_half_precision(tmp_path: Path) -> None:
    held = dict(SMALL.build(1).state_dict())
    _spiking_weights.save(tmp_path / "arm", SMALL, held, {"trained": "today"})
    record, weights, card = _spiking_weights.load(tmp_path / "arm")
    assert (record, card["trained"], set(weights)) == (SMALL, "today", set(NAMES))
    for name, value in weights.items():
        assert torch.equal(value, held[name].half().float())


def test_shipped_sizes_fit_four_mebibytes(tmp_path: Path) -> None:
    record = Spiking()
    _spiking_weights.save(tmp_path / "arm", record, dict(record.build().state_dict()), {})
    assert (tmp_path / "arm.safetensors").stat().st_size < 4 * 2**20


def test_damaged_or_foreign_weights_are_refused(tmp_path: Path) -> None:
    stem, held = tmp_path / "arm", dict(SMALL.build().state_dict())
    with pytest.raises(InsituError, match="is not a whole set of meta-trained weights"):
        _spiking_weights.load(stem)
    _spiking_weights.save(stem, SMALL, held, {})
    card = json.loads(stem.with_suffix(".json").read_text())
    stem.with_suffix(".json").write_text(json.dumps({**card, "record": {**card["record"], "trainee": 15}}))
    with pytest.raises(InsituError, match=r"holds another shape than Spiking\(trainee=15"):
        _spiking_weights.load(stem)
    stem.with_suffix(".safetensors").write_bytes(b"short")
    with pytest.raises(InsituError, match="is not a whole set"):
        _spiking_weights.load(stem)


def test_weights_that_half_precision_cannot_hold_are_not_written(tmp_path: Path) -> None:
    held = dict(SMALL.build().state_dict())
    held["teacher.w_out"] = torch.full((20, 14), 1e6)
    with pytest.raises(InsituError, match=r"teacher\.w_out holds NaN or what float16 cannot"):
        _spiking_weights.save(tmp_path / "arm", SMALL, held, {})
    assert not list(tmp_path.iterdir())
