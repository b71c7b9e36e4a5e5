"""Both stages: a run that was stopped, killed or interrupted ends with exactly the weights of an unbroken one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import torch

from blobs import same
from coloured import TINY, coloured
from insitu.core import InsituError
from insitu.data import Images
from insitu.training import checkpoint, loop
from insitu.training.loop import Stage
from insitu.training.metalearn import Metalearn, MetaLearning
from insitu.training.pretrain import Pretrain, Pretraining

PRETRAIN = Pretrain(epochs=3, batch_size=8, first_size=16, last_size=20, rotations=0.3)  # 15 steps
EPISODES = Metalearn(episodes=15, ways=3, support=2, query=3, views=2, size=16)
RUNS: dict[str, tuple[Callable[..., Stage], Any]] = {
    "pretrain": (Pretraining, PRETRAIN),
    "pretrain-float": (Pretraining, replace(PRETRAIN, bfloat16=False, head="linear", cut=1, tail=2)),
    "pretrain-adam": (Pretraining, replace(PRETRAIN, optimiser="adam", learning_rate=1e-3, warp=0.1)),
    "metalearn": (MetaLearning, EPISODES),
    "metalearn-all": (MetaLearning, replace(EPISODES, layers="all", loss="softabs")),
}
every = pytest.mark.parametrize(("stage", "recipe"), RUNS.values(), ids=RUNS)


class Stop:
    """Turns true at the given step, counted by how often it is asked."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self) -> bool:
        self.left -= 1
        return self.left <= 0


def outcome(stage: Any, recipe: Any, pictures: Images, file: Path, *stops: int) -> dict[str, Any]:
    """Run to the end, each time with a fresh network, and return all that the last checkpoint holds."""
    for stop in stops:
        for _ in loop.run(stage(recipe, TINY.build(0), pictures), file, stop=Stop(stop)):
            raise AssertionError("a stopped run has not come to its end")
    network = TINY.build(0)
    list(loop.run(stage(recipe, network, pictures), file))
    state = torch.load(file, weights_only=True)
    assert same(state["network"], network.state_dict())
    return state  # type: ignore[no-any-return]


@cache
def unbroken(stage: Any, recipe: Any) -> dict[str, Any]:
    """Return the outcome of a run that nobody stopped, made once for all tests."""
    with TemporaryDirectory() as folder:
        return outcome(stage, recipe, coloured(np.arange(4).repeat(10)), Path(folder) / "whole.pt")


@every
def test_a_stopped_run_ends_as_an_unbroken_one(stage: Any, recipe: Any, pictures: Images, tmp_path: Path) -> None:
    # stopped after the first step, within the second epoch and a step later
    parts = outcome(stage, recipe, pictures, tmp_path / "parts.pt", 1, 5, 1)
    assert same(parts, unbroken(stage, recipe))
    assert parts["step"] == 15


@every
def test_stopping_saves_the_very_step(stage: Any, recipe: Any, pictures: Images, tmp_path: Path) -> None:
    list(loop.run(stage(recipe, TINY.build(0), pictures), tmp_path / "c.pt", stop=Stop(7)))
    assert torch.load(tmp_path / "c.pt", weights_only=True)["step"] == 7


@every
def test_a_stop_asked_for_between_two_steps_loses_none(
    stage: Any, recipe: Any, pictures: Images, tmp_path: Path
) -> None:
    asked: list[bool] = []
    last = 0
    for progress in loop.run(
        stage(recipe, TINY.build(0), pictures), tmp_path / "c.pt", log_s=0, stop=lambda: bool(asked)
    ):
        last = progress.step
        if last == 6:
            asked.append(True)
    assert last == torch.load(tmp_path / "c.pt", weights_only=True)["step"] == 7


@every
def test_an_interrupted_run_goes_on_from_its_lastcheckpoint(
    stage: Any, recipe: Any, pictures: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "parts.pt"

    def interrupted(self: Path, data: Any) -> int:
        with self.open("wb") as half:
            half.write(bytes(data)[: len(data) // 2])
        raise KeyboardInterrupt

    list(loop.run(stage(recipe, TINY.build(0), pictures), file, stop=Stop(4)))
    monkeypatch.setattr(Path, "write_bytes", interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(loop.run(stage(recipe, TINY.build(0), pictures), file, save_s=0))
    monkeypatch.undo()
    assert torch.load(file, weights_only=True)["step"] == 4  # whole, and the one before
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".pt"] == []
    assert same(outcome(stage, recipe, pictures, file), unbroken(stage, recipe))


@every
def test_a_run_is_a_matter_of_its_seed_alone(stage: Any, recipe: Any, pictures: Images, tmp_path: Path) -> None:
    first = unbroken(stage, recipe)
    torch.manual_seed(2)
    assert same(first, outcome(stage, recipe, pictures, tmp_path / "b.pt"))
    list(loop.run(stage(replace(recipe, seed=1), TINY.build(0), pictures), tmp_path / "c.pt", stop=Stop(2)))
    list(loop.run(stage(recipe, TINY.build(0), pictures), tmp_path / "d.pt", stop=Stop(2)))
    one, other = (torch.load(tmp_path / name, weights_only=True)["network"] for name in ("c.pt", "d.pt"))
    assert not same(one, other)


@every
def test_a_finished_run_is_not_run_again(stage: Any, recipe: Any, pictures: Images, tmp_path: Path) -> None:
    outcome(stage, recipe, pictures, tmp_path / "c.pt")
    before = (tmp_path / "c.pt").stat().st_mtime_ns
    network = TINY.build(9)
    assert list(loop.run(stage(recipe, network, pictures), tmp_path / "c.pt")) == []
    assert same(network.state_dict(), unbroken(stage, recipe)["network"])
    assert not network.training
    assert (tmp_path / "c.pt").stat().st_mtime_ns == before


@every
def testcheckpoints_are_written_as_often_as_asked(
    stage: Any, recipe: Any, pictures: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[int] = []
    monkeypatch.setattr(checkpoint, "save", lambda path, what, state: steps.append(state["step"]))
    list(loop.run(stage(recipe, TINY.build(0), pictures), tmp_path / "c.pt", save_s=-1, stop=Stop(7)))
    assert steps == list(range(1, 8))
    steps.clear()
    list(loop.run(stage(recipe, TINY.build(0), pictures), tmp_path / "c.pt", save_s=1e9))
    assert steps == ([5, 10, 15] if stage is Pretraining else [15])  # each epoch, or the end


CHECKPOINTS = Path(__file__).parent / "checkpoints"
# what fields were called before version 0.2
FORMER = {"learning_rate": "rate", "batch_size": "batch", "weight_decay": "decay", "rotations": "turns"}


def as_before(description: str) -> str:
    """Return a description as version 0.1 wrote it."""
    for now, then in FORMER.items():
        description = description.replace(f"'{now}':", f"'{then}':")
    return description


@every
def test_a_checkpoint_of_version_0_1_resumes_exactly(stage: Any, recipe: Any, pictures: Images, tmp_path: Path) -> None:
    file = tmp_path / "c.pt"
    list(loop.run(stage(recipe, TINY.build(0), pictures), file, stop=Stop(7)))
    state = torch.load(file, weights_only=True)
    assert as_before(state["what"]) != state["what"]
    torch.save(state | {"what": as_before(state["what"])}, file)
    assert same(outcome(stage, recipe, pictures, file), unbroken(stage, recipe))


def test_a_file_that_version_0_1_wrote_is_accepted(pictures: Images, tmp_path: Path) -> None:
    file = tmp_path / "c.pt"
    shutil.copy(CHECKPOINTS / "pretrain_v0.1.pt", file)
    then = torch.load(file, weights_only=True)
    assert then["step"] == 7
    assert "'rate': 0.1" in then["what"]
    stage = Pretraining(PRETRAIN, TINY.build(0), pictures)
    loaded = checkpoint.load(file, stage.description)
    assert loaded is not None
    stage.restore(loaded)
    assert same(stage.state(), {name: value for name, value in then.items() if name not in ("what", "step")})
    assert outcome(Pretraining, PRETRAIN, pictures, file)["step"] == 15
    shutil.copy(CHECKPOINTS / "pretrain_v0.1.pt", file)
    with pytest.raises(InsituError, match=r"there: 'learning_rate': 0.1; here: 'learning_rate': 0.3"):
        list(loop.run(Pretraining(replace(PRETRAIN, learning_rate=0.3), TINY.build(0), pictures), file))
