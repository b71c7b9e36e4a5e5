"""Meta-training of spiking networks: it learns to learn, rounds to the grid, resumes exactly, says where it fails."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from blobs import same
from insitu.backbones import weights_file
from insitu.backbones.spiking import NAMES, Spiking, Weights
from insitu.core import InsituError, generator
from insitu.training import eprop, eprop_errors, eprop_phases, loop, ortner2025_arm, robot_arm_jobs
from insitu.training.eprop import EpropTrain, EpropTraining
from insitu.training.eprop_phases import TABLE, Rates, Update
from insitu.training.loop import Progress
from insitu.training.recycling import recycle
from insitu.training.robot_arm_jobs import RobotArmJob

RECORD = Spiking(trainee=40, signal_generator=30, adaptive=10)
RECIPE = EpropTrain(
    table_signals=3, decoder=3, joint=4, movements=4, steps=60, rounding_from=0.5, averaging=0.5, recycling=2
)


@pytest.fixture(autouse=True)
def _few_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eprop, "HELD_OUT", 6)


def trained(
    recipe: EpropTrain, file: Path, log_s: float = 0.0, **kinds: Any
) -> tuple[dict[str, Tensor], list[Progress]]:
    weights = eprop.initial_weights(recipe, RECORD)
    lines = list(loop.run(EpropTraining(recipe, RECORD, weights), file, log_s=log_s, **kinds))
    return {name: value.detach() for name, value in weights.items()}, lines


def test_a_trainee_learns_to_learn_from_the_table(tmp_path: Path) -> None:
    recipe = replace(
        RECIPE,
        table_signals=60,
        decoder=0,
        joint=1,
        table_signals_learning_rate=1e-2,
        joint_learning_rate=1e-9,
        rounding_from=1.0,
    )
    shown = eprop_errors.held_out(20, 60, 0)
    by = Update(recipe.inner_learning_rate)
    first = eprop_errors.errors(RECORD, eprop.initial_weights(recipe, RECORD), *shown, by, table=True)
    weights, _ = trained(recipe, tmp_path / "c.pt", 1e9)
    last = eprop_errors.errors(RECORD, weights, *shown, by, table=True)
    assert sum(last.after) < 0.85 * min(sum(first.after), sum(last.before))


def test_the_generator_learns_to_read_and_both_to_learn_together(tmp_path: Path) -> None:
    recipe = replace(
        RECIPE,
        table_signals=60,
        decoder=60,
        joint=30,
        table_signals_learning_rate=1e-2,
        decoder_learning_rate=1e-2,
        rounding_from=1.0,
        recycling=0,  # the decoder reads the neurons that it was trained with
    )
    _, lines = trained(recipe, tmp_path / "c.pt", 1e9)
    shown = eprop_errors.held_out(20, 60, 0)
    weights = torch.load(tmp_path / "c.pt", weights_only=True)["network"]
    blind = eprop_errors.decoding_error(RECORD, eprop.initial_weights(recipe, RECORD), *shown)
    assert eprop_errors.decoding_error(RECORD, weights, *shown) < blind
    assert [line.report.phase for line in lines] == ["table_signals", "decoder", "joint"]
    assert (lines[-1].step, lines[-1].steps, lines[-1].left_s) == (150, 150, 0)
    assert "velocities are decoded with an error of" in lines[1].report.note
    assert "rad/s, hand" in lines[2].report.note
    found = eprop_errors.errors(RECORD, weights, *shown, Update(recipe.inner_learning_rate))
    assert max(found.after) < 0.9 * max(found.before)


@pytest.mark.parametrize("stopped", [1, 3, 5, 6, 8])
def test_a_stopped_run_ends_as_an_unbroken_one_whatever_the_phase(stopped: int, tmp_path: Path) -> None:
    asked = iter(range(1, 100))
    whole, _ = trained(RECIPE, tmp_path / "whole.pt")
    trained(RECIPE, tmp_path / "parts.pt", stop=lambda: next(asked) == stopped)
    assert torch.load(tmp_path / "parts.pt", weights_only=True)["step"] == stopped
    assert same(trained(RECIPE, tmp_path / "parts.pt")[0], whole)


def test_the_generator_s_readouts_start_as_decoder_times_table(tmp_path: Path) -> None:
    recipe = replace(RECIPE, joint=1, joint_learning_rate=1e-9, recycling=0)
    weights, _ = trained(recipe, tmp_path / "c.pt")
    expected = eprop_phases.TABLE_GAIN * weights[eprop_phases.DECODER] @ weights[TABLE]
    torch.testing.assert_close(weights["signal_generator.w_out"], expected, rtol=1e-4, atol=1e-6)


def test_silent_neurons_start_again_without_a_change_of_the_signals() -> None:
    weights, rng = eprop.initial_weights(RECIPE, RECORD), generator(0, "recycling")
    average = {name: value.clone() for name, value in weights.items()}
    _, position = eprop_phases.movements(8, 60, generator(0, "m"))
    given = weights["signal_generator.w_in"]
    given[5:, [3, 7, 25]] = -1  # far below the threshold, wherever the hand is: two plain neurons, and an adaptive one
    before = RECORD.signals(eprop_phases.pair(weights)[1], position)
    silent = before.counts.sum(0) == 0
    assert silent[[3, 7, 25]].all()
    others = {name: value.clone() for name, value in weights.items()}
    assert recycle(RECORD, weights, (average,), position, rng) == silent.sum()
    after = RECORD.signals(eprop_phases.pair(weights)[1], position)
    assert torch.equal(before.readout, after.readout)
    assert torch.equal(before.counts[:, ~silent], after.counts[:, ~silent])
    assert after.counts[:, silent].sum(0).gt(0).any()
    for each in (weights, average):
        w_in, w_rec, w_out = eprop_phases.pair(each)[1]
        assert not w_out[silent].any()
        assert not w_rec[silent].any()
        for one in silent.nonzero()[:, 0]:
            kind = slice(20, 30) if one >= 20 else slice(0, 20)
            origins = (w_in[:, kind] == w_in[:, [one]]).all(0) & ~silent[kind]
            assert origins.any()
    assert torch.equal(weights["signal_generator.w_in"][:, ~silent], others["signal_generator.w_in"][:, ~silent])
    assert all(torch.equal(weights[name], others[name]) for name in NAMES[:3])


def test_silent_neurons_are_looked_for_in_the_last_phase_at_its_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[int] = []
    stage = EpropTraining(RECIPE, RECORD, eprop.initial_weights(RECIPE, RECORD))
    for done in range(10):
        monkeypatch.setattr(eprop, "recycle", lambda *_, done=done: found.append(done))
        stage.step(done)
    assert found == [6, 8]


def test_what_is_stored_is_the_running_average_of_the_weights(tmp_path: Path) -> None:
    recipe = replace(RECIPE, table_signals=0, decoder=0, joint=12, averaging=0.8, recycling=0)
    weights = eprop.initial_weights(recipe, RECORD)
    stage = EpropTraining(recipe, RECORD, weights)
    expected = {name: value.clone() for name, value in weights.items()}
    for done in range(12):
        stage.step(done)
        past = min(0.8, (1 + done) / (10 + done))
        for name in NAMES:
            expected[name] = past * expected[name] + (1 - past) * weights[name].detach()
    assert not torch.allclose(weights["trainee.w_rec"], expected["trainee.w_rec"], atol=1e-4)
    stage.finish()
    for name in NAMES:
        torch.testing.assert_close(weights[name].detach(), expected[name])


@pytest.mark.parametrize(("rounded", "counts"), [(0.0, [4]), (0.25, [3, 1]), (0.5, [2, 2]), (1.0, [4])])
def test_a_share_of_each_batch_is_learned_by_devices(rounded: float, counts: list[int]) -> None:
    recipe = replace(RECIPE, rounded=rounded)
    exact, devices = Update(recipe.inner_learning_rate), recipe.on_devices(recipe.noise)
    expected = {0.0: [exact], 1.0: [devices]}.get(rounded, [exact, devices])
    assert list(recipe.updates(devices=True)) == list(zip(expected, counts, strict=True))
    assert recipe.updates(devices=False) == [(exact, 4)]


def test_the_loss_of_a_split_batch_is_the_mean_of_its_parts() -> None:
    weights, rates = eprop.initial_weights(RECIPE, RECORD), Rates(0.02, 0.01, 0.0)
    omega, position = eprop_phases.movements(4, 60, generator(0, "m"))
    signals = RECORD.signals(eprop_phases.pair(weights)[1], position).readout.detach()
    exact, rounded = Update(RECIPE.inner_learning_rate), Update(RECIPE.inner_learning_rate, RECIPE.step)

    def loss(part: slice, *by: tuple[Update, int]) -> float:
        given = signals[:, part], omega[part], position[part]
        return float(eprop_phases.trainee_loss(RECORD, weights, *given, by, rates, generator(0, "d")))

    one, other = loss(slice(0, 1), (exact, 1)), loss(slice(1, 4), (rounded, 3))
    assert loss(slice(0, 4), (exact, 1), (rounded, 3)) == pytest.approx(0.25 * one + 0.75 * other, rel=1e-5)
    assert loss(slice(0, 4), (exact, 4)) != pytest.approx(0.25 * one + 0.75 * other, rel=1e-5)


def test_gradients_reach_all_weights_of_a_phase() -> None:
    weights = eprop.initial_weights(RECIPE, RECORD)
    for phase, done in (("table_signals", 0), ("decoder", 3), ("joint", 9)):  # the last with devices
        learned = [weights[name].requires_grad_() for name in eprop.LEARNED[phase]]
        found = torch.autograd.grad(eprop._loss(RECIPE, RECORD, weights, done), learned)
        for name, gradient in zip(eprop.LEARNED[phase], found, strict=True):
            assert torch.isfinite(gradient).all(), name
            assert gradient.any(), name


def test_devices_hold_increments_of_the_grid_and_weights_within_range() -> None:
    rng = generator(0, "weights")
    weight = torch.from_numpy(rng.uniform(-1, 1, (6, 7))).float()
    increment = torch.from_numpy(rng.normal(0, 0.1, (3, 6, 7))).float().requires_grad_()
    exact = eprop_phases._rounded(weight, increment, Update(1e-4, 1 / 16), rng)
    change = (exact - weight)[(exact.abs() < 1).detach()] * 16
    torch.testing.assert_close(change, change.round(), rtol=0, atol=1e-4)
    assert float(exact.detach().abs().max()) <= 1
    assert torch.equal(torch.autograd.grad(exact.sum(), increment)[0], torch.ones(3, 6, 7))
    noisy = eprop_phases._rounded(weight, increment, Update(1e-4, 1 / 16, 0.02), rng)
    kept = (increment * 16).round() == 0
    assert torch.equal(noisy[kept], exact[kept])
    assert (noisy[~kept] != exact[~kept]).any()


def test_movements_are_within_reach_and_held_out_ones_always_the_same() -> None:
    omega, position = eprop_phases.movements(20, 250, generator(0, "m"))
    assert (omega.shape, position.shape) == ((20, 250, 2), (20, 250, 3))
    assert eprop_phases.kinematics.reachable(omega.numpy()).all()
    again = eprop_errors.held_out(5, 60, 0), eprop_errors.held_out(5, 60, 0)
    assert all(torch.equal(one, other) for one, other in zip(*again, strict=True))


def test_errors_are_zero_for_a_trainee_that_makes_the_movement() -> None:
    weights = eprop.initial_weights(RECIPE, RECORD)
    run = RECORD.move(eprop_phases.pair(weights)[0], 60)
    omega = run.readout.transpose(0, 1)
    position = eprop_phases.kinematics.path(omega)
    found = eprop_errors.errors(RECORD, weights, omega, position, Update(1e-30))
    assert max(*found.before, *found.after) < 1e-4
    assert found.hand_cm < 0.1
    assert found.trainee_hz == pytest.approx(1000 / 60 * float(run.counts.mean()))


def test_rates_on_target_cost_nothing() -> None:
    run = RECORD.move(eprop_phases.pair(eprop.initial_weights(RECIPE, RECORD))[0], 60)
    still = run._replace(counts=torch.full((1, 40), 1.2))
    assert float(Rates(0.02, 0.01, 0.25).error(0.02, still)) == pytest.approx(0, abs=1e-9)
    assert float(Rates(0.02, 0.01, 0.25).error(0.01, still, still)) == pytest.approx(0.25 * 40 * 1e-4)


def test_divergence_is_told_with_step_and_keeps_the_last_state(tmp_path: Path) -> None:
    file = tmp_path / "c.pt"
    with pytest.raises(InsituError, match=r"training diverged at step \d"):
        trained(replace(RECIPE, table_signals_learning_rate=1e30), file, save_s=-1.0)
    if file.exists():
        state = torch.load(file, weights_only=True)
        assert all(torch.isfinite(value).all() for value in state["network"].values())


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path: Path) -> None:
    trained(RECIPE, tmp_path / "c.pt")
    with pytest.raises(InsituError, match="was written by another run"):
        trained(replace(RECIPE, noise=0.03), tmp_path / "c.pt")


@pytest.mark.parametrize(
    "fields",
    [{"table_signals": -1}, {"joint": 0}, {"steps": 1}, {"movements": 0}, {"inner_learning_rate": 0.0}, {"step": 0.0},
     {"noise": -0.1}, {"rounding_from": 1.5}, {"rounded": -0.5}, {"averaging": 1.0},
     {"joint_learning_rate": float("nan")}],
)  # fmt: skip
def test_wrong_fields_are_refused_where_the_record_is_written(fields: dict[str, Any]) -> None:
    with pytest.raises(InsituError, match="got"):
        replace(RECIPE, **fields)


def test_a_job_goes_from_nothing_to_stored_weights_and_on_from_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(robot_arm_jobs, "TESTED", 5)
    job = RobotArmJob(RECORD, RECIPE)
    list(job.train("small", tmp_path))
    network, card, _ = weights_file.load(tmp_path / "small")
    assert network.record == RECORD
    assert set(card["errors"]) == {"software", "rounded", "rounded_and_noisy"}
    assert card["recipe"]["table_signals"] == 3
    still = replace(RECIPE, table_signals=0, decoder=0, joint=1, joint_learning_rate=1e-9, recycling=0)
    further = RobotArmJob(RECORD, still, tmp_path / "small")
    list(further.train("more", tmp_path / "further"))
    again, later, _ = weights_file.load(tmp_path / "further" / "more")
    assert later["started_from"]["recipe"] == card["recipe"]
    for name in NAMES:
        torch.testing.assert_close(again.state_dict()[name], network.state_dict()[name])


def test_going_on_from_weights_needs_the_last_phase_alone_and_the_same_sizes(tmp_path: Path) -> None:
    with pytest.raises(InsituError, match=r"set recipe\.table_signals and recipe\.decoder to 0"):
        RobotArmJob(RECORD, RECIPE, tmp_path / "small")
    other = Spiking(trainee=39, signal_generator=30, adaptive=10)
    weights_file.save(tmp_path / "small", other.build(), {})
    alone = replace(RECIPE, table_signals=0, decoder=0)
    with pytest.raises(InsituError, match=r"holds Spiking\(trainee=39"):
        list(RobotArmJob(RECORD, alone, tmp_path / "small").train("more", tmp_path))


def test_the_shipped_job_and_its_quick_form() -> None:
    job = ortner2025_arm.JOB
    fast = job.quick()
    assert fast.backbone == job.backbone == Spiking()
    assert fast.recipe.iterations < 200 < job.recipe.iterations
    assert Weights._fields == ("w_in", "w_rec", "w_out")
