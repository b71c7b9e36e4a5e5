"""Stage 1: it learns, says how far it is, follows its schedule, and refuses what cannot be trained."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from coloured import TINY
from insitu.backbones.resnet12 import ResNet12Module
from insitu.core import InsituError
from insitu.data import Images
from insitu.training import loop, pretrain
from insitu.training.pretrain import Pretrain, Pretraining, size_at

RECIPE = Pretrain(epochs=2, batch_size=8, first_size=16, last_size=20)
PER_EPOCH = 5


def test_it_learns(pictures: Images, network: ResNet12Module, tmp_path: Path) -> None:
    easy = replace(RECIPE, epochs=16, mix=0.0, colours=0.0, area=0.8, last_size=16, learning_rate=0.05)
    lines = list(loop.run(Pretraining(easy, network, pictures), tmp_path / "c.pt", log_s=0))
    assert sum(line.loss for line in lines[-5:]) < 0.3 * sum(line.loss for line in lines[:5])
    assert sum(line.accuracy for line in lines[-5:]) / 5 > 0.5  # by chance: 0.25
    assert not network.training


OPTIONS: list[dict[str, Any]] = [
    {},
    {"head": "linear"},
    {"rotations": 0.5},
    {"bfloat16": False},
    {"flip": False},
    {"warp": 0.1},
    {"optimiser": "adam", "learning_rate": 1e-3},
]


@pytest.mark.parametrize("change", OPTIONS)
def test_every_option_trains(pictures: Images, network: ResNet12Module, tmp_path: Path, change: dict[str, Any]) -> None:
    lines = list(
        loop.run(Pretraining(replace(RECIPE, epochs=1, **change), network, pictures), tmp_path / "c.pt", log_s=0)
    )
    assert [line.step for line in lines] == [1, 2, 3, 4, 5]
    assert all(torch.isfinite(weight).all() for weight in network.parameters())
    # virtual classes of turned images have prototypes of their own
    head = torch.load(tmp_path / "c.pt", weights_only=True)["head"]
    assert len(head) == (16 if "rotations" in change else 4)


def test_progress_counts_up_and_time_left_counts_down(
    pictures: Images, network: ResNet12Module, tmp_path: Path
) -> None:
    lines = list(loop.run(Pretraining(RECIPE, network, pictures), tmp_path / "c.pt", log_s=0))
    assert [line.step for line in lines] == list(range(1, 11))
    assert {line.steps for line in lines} == {10}
    assert [line.report.phase for line in lines] == [f"epoch {step / PER_EPOCH:.2f}" for step in range(1, 11)]
    assert all(line.per_s > 0 and line.loss > 0 and 0 <= line.accuracy <= 1 for line in lines)
    ahead = [line.left_s * line.per_s for line in lines]  # images still to come, in sizes of the present
    assert ahead[-1] == 0
    assert ahead[6] == pytest.approx(3 * 8)


def test_lines_are_averages_since_the_last(pictures: Images, network: ResNet12Module, tmp_path: Path) -> None:
    every = list(loop.run(Pretraining(RECIPE, network, pictures), tmp_path / "a.pt", log_s=0))
    (last,) = loop.run(Pretraining(RECIPE, TINY.build(0), pictures), tmp_path / "b.pt", log_s=1e9)
    assert last.loss == pytest.approx(sum(line.loss for line in every) / len(every))
    assert last.accuracy == pytest.approx(sum(line.accuracy for line in every) / len(every))


def test_sizes_rise_in_steps_of_four_over_three_quarters() -> None:
    recipe = Pretrain(epochs=20, first_size=28, last_size=48)
    sizes = [size_at(recipe, epoch) for epoch in range(20)]
    assert sizes[0] == 28
    assert sizes[15:] == [48] * 5
    assert sizes == sorted(sizes)
    assert {size % 4 for size in sizes} == {0}
    assert [sizes.count(size) for size in (32, 36, 40, 44)] == [3, 3, 3, 3]
    assert size_at(Pretrain(epochs=1, first_size=28, last_size=40), 0) == 28
    assert {size_at(Pretrain(first_size=32, last_size=32), epoch) for epoch in range(60)} == {32}


def test_the_rate_warms_up_then_falls_to_nothing() -> None:
    recipe = Pretrain(epochs=10, learning_rate=0.2)
    rates = [pretrain._learning_rate(recipe, step, 10) for step in range(100)]
    top = rates.index(max(rates))
    assert 8 < top < 11
    assert max(rates) == pytest.approx(0.2)
    assert rates[:top] == sorted(rates[:top])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert 0 < rates[0] == pytest.approx(0.02)
    assert 0 < rates[-1] < 0.001


def test_a_cut_leaves_the_cycle_and_falls_straight_to_zero() -> None:
    whole, cut = Pretrain(epochs=10, learning_rate=0.2), Pretrain(epochs=10, cut=4, tail=2, learning_rate=0.2)
    assert (whole.length, cut.length) == (10, 6)
    rates = [[pretrain._learning_rate(recipe, step, 10) for step in range(60)] for recipe in (whole, cut)]
    assert rates[1][:40] == rates[0][:40]
    falls = [a - b for a, b in zip(rates[1][40:], rates[1][41:], strict=False)]
    assert falls == pytest.approx([rates[1][39] / 20] * 19)
    assert rates[1][-1] == pytest.approx(falls[0])


def test_a_cut_run_stops_after_its_tail(pictures: Images, network: ResNet12Module, tmp_path: Path) -> None:
    recipe = replace(RECIPE, epochs=9, cut=1, tail=1)
    lines = list(loop.run(Pretraining(recipe, network, pictures), tmp_path / "c.pt", log_s=0))
    assert (lines[-1].step, lines[-1].steps, lines[-1].left_s) == (10, 10, 0)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"epochs": 0}, "epochs >= 1"),
        ({"batch_size": 1}, "batch_size >= 2"),
        ({"head": "cos"}, "head is cosine or linear; got 'cos'"),
        ({"area": 0.0}, "0 < area <= 1"),
        ({"optimiser": "lion"}, "optimiser is sgd or adam; got 'lion'"),
        ({"first_size": 0}, "at least 1 pixel"),
        ({"cut": 3}, "cut and tail"),
        ({"cut": 99, "tail": 1}, "cut and tail"),
    ],
)
def test_wrong_fields_are_refused_where_the_record_is_written(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InsituError, match=message):
        replace(RECIPE, **fields)


def test_fewer_images_than_a_batch_are_refused(pictures: Images, network: ResNet12Module, tmp_path: Path) -> None:
    for count in (0, 7):
        with pytest.raises(InsituError, match=f"{count} images are fewer than one batch of 8"):
            Pretraining(RECIPE, network, pictures.take(range(count)))  # type: ignore[arg-type]


def test_every_epoch_has_every_image_once_in_an_order_of_its_own(
    network: ResNet12Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbered = Images(
        np.arange(40, dtype=np.uint8)[:, None, None, None].repeat(16, 1).repeat(16, 2).repeat(3, 3),
        np.arange(40) % 4,
        ("a", "b", "c", "d"),
    )
    batches: list[frozenset[int]] = []
    step = pretrain._loss

    def stepping(recipe: Any, net: Any, head: Any, images: Images, *rest: Any) -> Any:
        batches.append(frozenset(images.pixels[:, 0, 0, 0].tolist()))
        return step(recipe, net, head, images, *rest)

    monkeypatch.setattr(pretrain, "_loss", stepping)
    list(loop.run(Pretraining(replace(RECIPE, epochs=3), network, numbered), tmp_path / "c.pt"))
    epochs = [batches[start : start + PER_EPOCH] for start in range(0, 15, PER_EPOCH)]
    for epoch in epochs:
        assert sorted(image for batch in epoch for image in batch) == list(range(40))
    assert len({frozenset(epoch) for epoch in epochs}) == 3  # other batches, not only the same ones in another order


def test_every_step_augments_with_draws_of_its_own(
    pictures: Images, network: ResNet12Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[float] = []
    crops = pretrain.augment.random_crops

    def cropping(pixels: Any, size: int, rng: np.random.Generator, *rest: Any) -> Any:
        drawn.append(copy.deepcopy(rng).random())  # what comes next, without taking it
        return crops(pixels, size, rng, *rest)

    monkeypatch.setattr(pretrain.augment, "random_crops", cropping)
    list(loop.run(Pretraining(RECIPE, network, pictures), tmp_path / "c.pt"))
    assert len(set(drawn)) == 2 * PER_EPOCH
