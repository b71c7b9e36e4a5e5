"""Meta-trained weights that come with the package: whole, small, and images give the features beside them again."""

from __future__ import annotations

import json
import os

import pytest
import torch

from insitu.backbones import trained, weights_file
from insitu.core import generator
from insitu.learners.rounding import rounded
from insitu.scenarios import task_features
from insitu.scenarios.task_pools import pools
from insitu.scenarios.tasks import draw

STEMS = [file.with_suffix("") for file in sorted(trained.FOLDER.glob("*.json"))]
KINDS = {stem: json.loads(stem.with_suffix(".json").read_text())["architecture"] for stem in STEMS}
TRAINED = [stem for stem, kind in KINDS.items() if kind == "conv4"]
FEATURES = [stem for stem in TRAINED if task_features.file_of(stem).exists()]


@pytest.mark.parametrize("stem", TRAINED, ids=lambda stem: stem.name)
def test_the_card_says_how_it_was_trained_and_that_no_test_class_was_seen(stem) -> None:  # type: ignore[no-untyped-def]
    network, card, head = weights_file.load(stem)
    assert head is not None
    assert head.shape == (card["recipe"]["ways"], network.record.features)
    assert "no test class was seen" in card["data"]
    assert card["accuracy"]["held_out_classes_percent"] > 96


def test_all_of_it_is_small() -> None:
    assert sum(stem.with_suffix(".safetensors").stat().st_size for stem in TRAINED) <= 2 * 2**20
    assert sum(task_features.file_of(stem).stat().st_size for stem in FEATURES) <= 4 * 2**20
    assert [stem.name for stem in FEATURES] == ["ortner2025_omniglot", "ortner2025_omniglot_4bit"]


@pytest.mark.images
@pytest.mark.parametrize("stem", FEATURES, ids=lambda stem: stem.name)
def test_images_give_the_features_that_ship(stem) -> None:  # type: ignore[no-untyped-def]
    if not os.environ.get("INSITU_DATA"):
        pytest.skip("INSITU_DATA is not set: the real images are not here")
    network, card, _ = weights_file.load(stem)
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(rounded(weight, card["recipe"]["bits"]))
        _, (support, queries), _ = task_features.load(stem)
        found = pools("omniglot", network.record.size, 1)
        drawn = draw(found.test, len(support), 5, 5, 5, generator(0, "shipped tasks"))
        for shipped, again in zip((support, queries), drawn, strict=True):
            assert torch.equal(shipped.labels, again.labels)
            torch.testing.assert_close(network(again.x[:20])[0], shipped.x[:20], atol=0.01, rtol=0.01)


def test_the_networks_of_the_arm_are_whole_and_small() -> None:
    [stem] = [stem for stem, kind in KINDS.items() if kind == "spiking"]
    network, card, _ = weights_file.load(stem)
    assert stem.with_suffix(".safetensors").stat().st_size <= 4 * 2**20
    assert network.trainee["w_rec"].shape == (network.record.trainee, network.record.trainee)
    assert max(card["errors"]["software"]["velocity_after_rad_s"]) < 0.1
