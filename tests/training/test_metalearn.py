"""Stage 2: episodes make the last layer tell base classes apart by cosines, and touch nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from coloured import TINY, coloured
from insitu.backbones.resnet12 import ResNet12Module
from insitu.core import InsituError, generator
from insitu.data import Images
from insitu.training import loop, metalearn
from insitu.training.loop import Progress
from insitu.training.metalearn import Metalearn, MetaLearning

RECIPE = Metalearn(episodes=12, ways=4, support=2, query=3, views=2, size=16)


def trained(recipe: Metalearn, pictures: Images, folder: Path) -> tuple[ResNet12Module, list[Progress]]:
    network = TINY.build(0)
    return network, list(loop.run(MetaLearning(recipe, network, pictures), folder / "c.pt", log_s=0))


def test_it_learns(pictures: Images, tmp_path: Path) -> None:
    _, lines = trained(replace(RECIPE, episodes=150, learning_rate=0.3), pictures, tmp_path)
    assert sum(line.loss for line in lines[-30:]) < 0.8 * sum(line.loss for line in lines[:30])


@pytest.mark.parametrize("loss", ["margin", "softabs"])
def test_either_loss_pulls_queries_to_their_key_and_off_the_others(loss: Any) -> None:
    recipe = replace(RECIPE, loss=loss)
    rng = generator(0, "vectors")
    drawn = rng.standard_normal((4, 1, 12)) + rng.standard_normal((4, 5, 12))
    vectors = torch.from_numpy(drawn).float().requires_grad_()
    keys = F.normalize(torch.tanh(vectors[:, :2].detach().sum(1)))

    def cosines() -> tuple[float, float]:
        """Return mean cosine of queries to their own key and mean |cosine| to the others."""
        found = F.normalize(torch.tanh(vectors[:, 2:].detach())) @ keys.T  # (ways, query, ways)
        own = torch.eye(4, dtype=torch.bool)[:, None].expand_as(found)
        return float(found[own].mean()), float(found[~own].abs().mean())

    before = cosines()
    optimiser = torch.optim.SGD([vectors], 1.0)
    for _ in range(60):
        optimiser.zero_grad()
        metalearn._loss(recipe, vectors)[0].backward()
        optimiser.step()
    after = cosines()
    assert after[0] > before[0]
    assert after[1] < before[1]


def test_only_the_last_layer_is_trained(pictures: Images, tmp_path: Path) -> None:
    network, _ = trained(RECIPE, pictures, tmp_path)
    before = TINY.build(0).state_dict()
    moved = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == {"project.weight", "project.bias"}


def test_all_layers_are_trained_where_asked_and_statistics_stay(pictures: Images, tmp_path: Path) -> None:
    network, _ = trained(replace(RECIPE, layers="all", episodes=3), pictures, tmp_path)
    before = TINY.build(0).state_dict()
    for name, value in network.state_dict().items():
        statistics = "running" in name or "tracked" in name
        assert torch.equal(value, before[name]) == statistics, name


def test_the_loss_of_an_episode_by_hand() -> None:
    # two ways, one support and one query each; cosines of tanh's are 1 and 0 in the first case
    apart = torch.tensor([[[9.0, 0.0], [9.0, 0.0]], [[0.0, 9.0], [0.0, 9.0]]])
    recipe = Metalearn(ways=2, support=1, query=1, margin=0.5)
    loss, hits = metalearn._loss(recipe, apart)
    assert (float(loss), hits) == (0.0, 1.0)  # a margin of 1 is more than was asked
    swapped = apart[[0, 1]].clone()
    swapped[:, 1] = apart[[1, 0], 1]
    loss, hits = metalearn._loss(recipe, swapped)
    assert (float(loss), hits) == (pytest.approx((0.5 + 1) / 2), 0.0)  # multi-margin: mean over classes
    softabs = replace(recipe, loss="softabs")
    one, zero = 1 / (1 + np.exp(-5)) + 1 / (1 + np.exp(15)), 2 / (1 + np.exp(5))
    expected = -np.log(one / (one + zero))
    assert float(metalearn._loss(softabs, apart)[0]) == pytest.approx(expected, rel=1e-4)


def test_keys_carry_no_gradient() -> None:
    vectors = torch.randn(3, 5, 6, generator=torch.Generator().manual_seed(0)).requires_grad_()
    metalearn._loss(Metalearn(ways=3, support=2, query=3), vectors)[0].backward()
    assert vectors.grad is not None
    assert not vectors.grad[:, :2].any()
    assert vectors.grad[:, 2:].any()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"ways": 5}, "episodes of 5 ways"),
        ({"query": 9}, r"2\+9 images need as much; the data has 4 classes of at least 10 images"),
    ],
)
def test_episodes_larger_than_the_data_are_refused(
    pictures: Images, tmp_path: Path, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(InsituError, match=message):
        trained(replace(RECIPE, **fields), pictures, tmp_path)


def test_no_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InsituError, match="the data holds none"):
        trained(RECIPE, coloured(np.zeros(0, int)), tmp_path)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"episodes": 0}, "at least 1"),
        ({"loss": "bce"}, "softabs or margin"),
        ({"layers": "last"}, "projection or all"),
    ],
)
def test_wrong_fields_are_refused_where_the_record_is_written(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InsituError, match=message):
        replace(RECIPE, **fields)
