"""Checkpoints: whole or not there, refused where they belong to another run, never overwritten by a diverged one."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from coloured import TINY
from insitu.backbones.resnet12 import ResNet12
from insitu.core import InsituError
from insitu.data import Images
from insitu.training import checkpoint, loop, pretrain
from insitu.training.metalearn import Metalearn, MetaLearning
from insitu.training.pretrain import Pretrain, Pretraining

RECIPE = Pretrain(epochs=2, batch_size=8, first_size=16, last_size=16)  # 10 steps
EPISODES = Metalearn(episodes=5, ways=3, support=2, query=3, views=1, size=16)


def run(pictures: Images, file: Path, recipe: Pretrain = RECIPE, record: ResNet12 = TINY) -> None:
    list(loop.run(Pretraining(recipe, record.build(0), pictures), file))


def one_line(error: pytest.ExceptionInfo[InsituError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    assert len(text.replace(str(error.value).split(" ", 1)[0], "")) < 250
    return text


def test_another_recipe_is_refused_and_named(pictures: Images, tmp_path: Path) -> None:
    file = tmp_path / "c.pt"
    run(pictures, file)
    with pytest.raises(
        InsituError, match=r"another run \(there: 'learning_rate': 0.1; here: 'learning_rate': 0.2\).*delete it"
    ) as error:
        run(pictures, file, replace(RECIPE, learning_rate=0.2))
    one_line(error)


def test_another_architecture_is_refused_and_named(pictures: Images, tmp_path: Path) -> None:
    file = tmp_path / "c.pt"
    run(pictures, file)
    with pytest.raises(InsituError, match=r"another run \(there: \(6, 4, 3, 3\); here: \(7, 4, 3, 3\)\)") as error:
        run(pictures, file, record=ResNet12((4, 4, 7, 8), dim=8))
    one_line(error)


def test_another_data_set_is_refused_and_named(pictures: Images, tmp_path: Path) -> None:
    file = tmp_path / "c.pt"
    run(pictures, file)
    with pytest.raises(InsituError, match=r"there: 40 images; here: 39 images"):
        run(pictures.take(range(39)), file)  # type: ignore[arg-type]


def test_acheckpoint_of_the_other_stage_is_refused(pictures: Images, tmp_path: Path) -> None:
    file = tmp_path / "c.pt"
    run(pictures, file)
    with pytest.raises(InsituError, match="another run") as error:
        list(loop.run(MetaLearning(EPISODES, TINY.build(0), pictures), file))
    one_line(error)


DAMAGE: dict[str, Any] = {
    "empty": lambda whole: b"",
    "cut": lambda whole: whole[: len(whole) // 2],
    "last byte": lambda whole: whole[:-1],
    "text": lambda whole: b"hello\n",
    "other archive": lambda whole: b"PK\x03\x04" + whole[4:200],
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damagedcheckpoint_is_refused(pictures: Images, tmp_path: Path, damage: Any) -> None:
    file = tmp_path / "c.pt"
    run(pictures, file)
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(
        InsituError, match=r"c\.pt is not a complete checkpoint \(.+\); delete it to start again"
    ) as error:
        run(pictures, file)
    one_line(error)


@pytest.mark.parametrize("state", [[1, 2], torch.zeros(3), {"what": "x"}, {"step": 3}, {"what": "x", "network": {}}])
def test_a_file_that_is_nocheckpoint_is_refused(tmp_path: Path, state: Any) -> None:
    torch.save(state, tmp_path / "c.pt")
    with pytest.raises(InsituError, match="is not a complete checkpoint") as error:
        checkpoint.load(tmp_path / "c.pt", "x")
    one_line(error)


def test_no_file_is_nocheckpoint(tmp_path: Path) -> None:
    assert checkpoint.load(tmp_path / "c.pt", "x") is None


def test_a_rate_far_too_large_names_the_step(pictures: Images, tmp_path: Path) -> None:
    with pytest.raises(
        InsituError, match=r"diverged at step \d+: .*nothing was saved yet; .*lower learning rate"
    ) as error:
        run(pictures, tmp_path / "c.pt", replace(RECIPE, learning_rate=1e38))
    one_line(error)
    assert not (tmp_path / "c.pt").exists()


@pytest.mark.parametrize("step", [6, 9], ids=["within an epoch", "at the step that is saved"])
def test_the_last_goodcheckpoint_is_kept(
    pictures: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    file, rate = tmp_path / "c.pt", pretrain._learning_rate
    monkeypatch.setattr(pretrain, "_learning_rate", lambda *args: float("inf") if args[1] == step else rate(*args))
    with pytest.raises(InsituError, match=rf"diverged at step {step + 1}: .*the last good state is .*c\.pt") as error:
        run(pictures, file)
    one_line(error)
    state = torch.load(file, weights_only=True)
    assert state["step"] == 5
    assert all(torch.isfinite(value).all() for value in state["network"].values())
    monkeypatch.undo()
    run(pictures, file)  # and it is good: the run goes on to its end
    assert torch.load(file, weights_only=True)["step"] == 10


@pytest.mark.parametrize("loss", ["margin", "softabs"])
@pytest.mark.parametrize("layers", ["projection", "all"])
def test_diverging_episodes_name_the_step(pictures: Images, tmp_path: Path, loss: Any, layers: Any) -> None:
    recipe = replace(EPISODES, learning_rate=1e38, loss=loss, layers=layers)
    with pytest.raises(InsituError, match=r"diverged at step \d+: .*lower learning rate") as error:
        list(loop.run(MetaLearning(recipe, TINY.build(0), pictures), tmp_path / "c.pt"))
    one_line(error)
    assert not (tmp_path / "c.pt").exists()


@contextmanager
def files_of_at_most(count: int) -> Iterator[None]:
    """Let no file grow beyond ``count`` bytes, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_one_line_and_leaves_the_lastcheckpoint(tmp_path: Path) -> None:
    file = tmp_path / "c.pt"
    state = {"network": {"w": torch.zeros(20_000)}, "optimiser": {}, "step": 1}
    checkpoint.save(file, "x", state)
    before = file.read_bytes()
    with pytest.raises(InsituError, match=r"could not write .*c\.pt: File too large") as error, files_of_at_most(4096):
        checkpoint.save(file, "x", {**state, "step": 2})
    one_line(error)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]
