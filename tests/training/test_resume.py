"""Both stages: a run that was stopped, killed or interrupted ends with exactly the weights of an unbroken one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
from insitu.data import Images
from insitu.training import _checkpoint, metalearn, pretrain
from insitu.training.metalearn import Metalearn
from insitu.training.pretrain import Pretrain, Progress

PRETRAIN = Pretrain(epochs=3, batch=8, first_size=16, last_size=20, turns=0.3)  # 15 steps
EPISODES = Metalearn(episodes=15, ways=3, support=2, query=3, views=2, size=16)
RUNS: dict[str, tuple[Callable[..., Iterator[Progress]], Any]] = {
    "pretrain": (pretrain.train, PRETRAIN),
    "pretrain-float": (pretrain.train, replace(PRETRAIN, bfloat16=False, head="linear", cut=1, tail=2)),
    "pretrain-adam": (pretrain.train, replace(PRETRAIN, optimiser="adam", rate=1e-3, warp=0.1)),
    "metalearn": (metalearn.train, EPISODES),
    "metalearn-all": (metalearn.train, replace(EPISODES, layers="all", loss="softabs")),
}
every = pytest.mark.parametrize(("train", "recipe"), RUNS.values(), ids=RUNS)


class Stop:
    """Turns true at the given step, counted by how often it is asked."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self) -> bool:
        self.left -= 1
        return self.left <= 0


def outcome(train: Any, recipe: Any, pictures: Images, file: Path, *stops: int) -> dict[str, Any]:
    """Run to the end, each time with a fresh network, and return all that the last checkpoint holds."""
    for stop in stops:
        for _ in train(recipe, TINY.build(0), pictures, file, stop=Stop(stop)):
            raise AssertionError("a stopped run has not come to its end")
    network = TINY.build(0)
    list(train(recipe, network, pictures, file))
    state = torch.load(file, weights_only=True)
    assert same(state["network"], network.state_dict())
    return state  # type: ignore[no-any-return]


@cache
def unbroken(train: Any, recipe: Any) -> dict[str, Any]:
    """Return the outcome of a run that nobody stopped, made once for all tests."""
    with TemporaryDirectory() as folder:
        return outcome(train, recipe, coloured(np.arange(4).repeat(10)), Path(folder) / "whole.pt")


@every
def test_a_stopped_run_ends_as_an_unbroken_one(train: Any, recipe: Any, pictures: Images, tmp_path: Path) -> None:
    # stopped after the first step, within the second epoch and a step later
    parts = outcome(train, recipe, pictures, tmp_path / "parts.pt", 1, 5, 1)
    assert same(parts, unbroken(train, recipe))
    assert parts["step"] == 15


@every
def test_stopping_saves_the_very_step(train: Any, recipe: Any, pictures: Images, tmp_path: Path) -> None:
    list(train(recipe, TINY.build(0), pictures, tmp_path / "c.pt", stop=Stop(7)))
    assert torch.load(tmp_path / "c.pt", weights_only=True)["step"] == 7


@every
def test_a_stop_asked_for_between_two_steps_loses_none(
    train: Any, recipe: Any, pictures: Images, tmp_path: Path
) -> None:
    asked: list[bool] = []
    last = 0
    for progress in train(recipe, TINY.build(0), pictures, tmp_path / "c.pt", log_s=0, stop=lambda: bool(asked)):
        last = progress.step
        if last == 6:
            asked.append(True)
    assert last == torch.load(tmp_path / "c.pt", weights_only=True)["step"] == 7


@every
def test_an_interrupted_run_goes_on_from_its_last_checkpoint(
    train: Any, recipe: Any, pictures: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "parts.pt"

    def interrupted(self: Path, data: Any) -> int:
        with self.open("wb") as half:
            half.write(bytes(data)[: len(data) // 2])
        raise KeyboardInterrupt

    list(train(recipe, TINY.build(0), pictures, file, stop=Stop(4)))
    monkeypatch.setattr(Path, "write_bytes", interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(train(recipe, TINY.build(0), pictures, file, every_s=0))
    monkeypatch.undo()
    assert torch.load(file, weights_only=True)["step"] == 4  # whole, and the one before
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".pt"] == []
    assert same(outcome(train, recipe, pictures, file), unbroken(train, recipe))


@every
def test_a_run_is_a_matter_of_its_seed_alone(train: Any, recipe: Any, pictures: Images, tmp_path: Path) -> None:
    first = unbroken(train, recipe)
    torch.manual_seed(2)
    assert same(first, outcome(train, recipe, pictures, tmp_path / "b.pt"))
    list(train(replace(recipe, seed=1), TINY.build(0), pictures, tmp_path / "c.pt", stop=Stop(2)))
    list(train(recipe, TINY.build(0), pictures, tmp_path / "d.pt", stop=Stop(2)))
    one, other = (torch.load(tmp_path / name, weights_only=True)["network"] for name in ("c.pt", "d.pt"))
    assert not same(one, other)


@every
def test_a_finished_run_is_not_run_again(train: Any, recipe: Any, pictures: Images, tmp_path: Path) -> None:
    outcome(train, recipe, pictures, tmp_path / "c.pt")
    before = (tmp_path / "c.pt").stat().st_mtime_ns
    network = TINY.build(9)
    assert list(train(recipe, network, pictures, tmp_path / "c.pt")) == []
    assert same(network.state_dict(), unbroken(train, recipe)["network"])
    assert not network.training
    assert (tmp_path / "c.pt").stat().st_mtime_ns == before


@every
def test_checkpoints_are_written_as_often_as_asked(
    train: Any, recipe: Any, pictures: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[int] = []
    monkeypatch.setattr(_checkpoint, "save", lambda path, what, state: steps.append(state["step"]))
    list(train(recipe, TINY.build(0), pictures, tmp_path / "c.pt", every_s=-1, stop=Stop(7)))
    assert steps == list(range(1, 8))
    steps.clear()
    list(train(recipe, TINY.build(0), pictures, tmp_path / "c.pt", every_s=1e9))
    assert steps == ([5, 10, 15] if train is pretrain.train else [15])  # each epoch, or the end
