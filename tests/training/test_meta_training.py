"""Meta-training: it learns to learn, sums chunks exactly, resumes exactly, and holds classes out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from blobs import same
from insitu.backbones import task_norm, weights_file
from insitu.backbones import trained as trained_backbones
from insitu.backbones.conv4 import Conv4, Conv4Module
from insitu.core import InsituError, generator
from insitu.data import Images
from insitu.data.omniglot import Omniglot
from insitu.scenarios import task_pools
from insitu.scenarios.tasks import Pool, draw, pool_of
from insitu.training import loop, maml, meta_jobs, ortner2025_omniglot
from insitu.training.loop import Progress
from insitu.training.maml import MetaTrain, MetaTraining

ALL = {"layers": "all", "bfloat16": False}
RECORD = Conv4(width=8, size=17)
RECIPE = MetaTrain(iterations=6, tasks=4, ways=3, shots=2, queries=2, steps=2, held_out=4, batch_size=3)


def patterns(classes: int = 12, each: int = 6) -> Images:
    rng = generator(0, "patterns")
    coarse = rng.integers(0, 2, (classes, 5, 5)).repeat(4, 1).repeat(4, 2)[:, :17, :17]
    noisy = coarse.repeat(each, 0) * 200 + rng.integers(0, 56, (classes * each, 17, 17))
    return Images(noisy[..., None].astype(np.uint8), np.arange(classes).repeat(each), tuple(map(str, range(classes))))


POOL = pool_of(patterns(), 17, 1, rotations=True)


@pytest.fixture(autouse=True)
def _few_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maml, "HELD_OUT_TASKS", 6)


def trained(recipe: MetaTrain, file: Path, pool: Pool = POOL, **kinds: Any) -> tuple[dict[str, Tensor], list[Progress]]:
    network: Conv4Module = RECORD.build()
    head = nn.Parameter(torch.zeros(recipe.ways, RECORD.features))
    lines = list(loop.run(MetaTraining(recipe, network, head, pool), file, log_s=0, **kinds))
    return {**network.state_dict(), maml.HEAD: head.detach()}, lines


def test_it_learns_to_learn(tmp_path: Path) -> None:
    _, lines = trained(replace(RECIPE, iterations=40, learning_rate=5e-3), tmp_path / "c.pt")
    assert sum(line.loss for line in lines[-10:]) < 0.8 * sum(line.loss for line in lines[:10])
    unseen = [line.report.held_out or 0.0 for line in lines]
    assert sum(unseen[-10:]) > sum(unseen[:10])


@pytest.mark.parametrize("kinds", [{}, {"bits": 4}, {"noise": 0.05}, {"second_order": False}, ALL])
def test_a_stopped_run_ends_as_an_unbroken_one(kinds: dict[str, Any], tmp_path: Path) -> None:
    recipe, asked = replace(RECIPE, **kinds), iter(range(100))
    whole, _ = trained(recipe, tmp_path / "whole.pt")
    trained(recipe, tmp_path / "parts.pt", stop=lambda: next(asked) == 2)
    assert torch.load(tmp_path / "parts.pt", weights_only=True)["step"] == 3
    assert same(trained(recipe, tmp_path / "parts.pt")[0], whole)


def gradients(recipe: MetaTrain) -> dict[str, Tensor]:
    network = RECORD.build()
    weights: dict[str, Tensor] = {**dict(network.named_parameters()), maml.HEAD: torch.zeros(3, 8, requires_grad=True)}
    rng = generator(0, "iteration")
    tasks = draw(POOL, recipe.tasks, recipe.ways, recipe.shots, recipe.queries, rng)
    maml.descend(recipe, network, weights, *tasks, rng)
    return {name: value.grad for name, value in weights.items() if value.grad is not None}


@pytest.mark.parametrize("layers", ["head", "all"])
def test_chunks_add_up_to_the_gradient_of_the_whole(layers: Any) -> None:
    recipe = replace(RECIPE, bfloat16=False, layers=layers)
    parts, whole = gradients(recipe), gradients(replace(recipe, batch_size=4))
    assert parts.keys() == {*dict(RECORD.build().named_parameters()), maml.HEAD}
    for name, value in whole.items():
        torch.testing.assert_close(parts[name], value, rtol=1e-3, atol=1e-6)


def test_bfloat16_gives_nearly_the_same_gradient() -> None:
    exact, short = gradients(replace(RECIPE, bfloat16=False)), gradients(RECIPE)
    for name, value in exact.items():
        assert float(torch.cosine_similarity(value.flatten(), short[name].flatten(), 0)) > 0.98, name


def test_all_layers_learn_to_learn_and_without_steps_agree_with_the_head(tmp_path: Path) -> None:
    recipe = replace(RECIPE, iterations=40, learning_rate=5e-3, **ALL)
    _, lines = trained(recipe, tmp_path / "c.pt")
    assert sum(line.loss for line in lines[-10:]) < 0.8 * sum(line.loss for line in lines[:10])
    still = replace(recipe, steps=0)
    for mine, other in zip(gradients(still).values(), gradients(replace(still, layers="head")).values(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-3, atol=1e-6)


def test_a_choice_of_layers_leaves_checkpoints_of_heads_as_they_were(tmp_path: Path) -> None:
    trained(RECIPE, tmp_path / "c.pt")
    assert "layers" not in torch.load(tmp_path / "c.pt", weights_only=True)["what"]
    with pytest.raises(InsituError, match="was written by another run"):
        trained(replace(RECIPE, **ALL), tmp_path / "c.pt")


def test_held_out_classes_are_never_trained_on() -> None:
    training, held_out = maml.parts(RECIPE, POOL)
    assert not set(training.names) & set(held_out.names)
    assert (len(held_out.names), held_out.rotations, training.rotations) == (4, False, True)
    used = set(training.rows.ravel().tolist())
    assert not used & set(held_out.rows.ravel().tolist())


def test_weights_of_few_bits_are_on_the_grid_in_the_forward_pass() -> None:
    weight = torch.from_numpy(generator(0, "w").uniform(-1, 0.8, (5, 5))).float()
    held = maml._held(replace(RECIPE, bits=4), weight, generator(0, "round"))
    assert torch.equal((held * 8).round() / 8, held)


def test_divergence_is_told_with_step_and_value_and_keeps_the_last_state(tmp_path: Path) -> None:
    file = tmp_path / "c.pt"
    with pytest.raises(InsituError, match=r"training diverged at step \d|adaptation diverged at step \d"):
        trained(replace(RECIPE, learning_rate=1e30, iterations=20), file, save_s=-1.0)
    assert torch.isfinite(torch.load(file, weights_only=True)["network"]["head"]).all() if file.exists() else True


def test_a_checkpoint_of_another_shape_is_refused(tmp_path: Path) -> None:
    trained(RECIPE, tmp_path / "c.pt")
    with pytest.raises(InsituError, match="was written by another run"):
        trained(replace(RECIPE, ways=2), tmp_path / "c.pt")
    head = nn.Parameter(torch.zeros(4, RECORD.features))
    with pytest.raises(InsituError, match=r"the head is 3 ways x 8; got \(4, 8\)"):
        MetaTraining(RECIPE, RECORD.build(), head, POOL)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"held_out": 12}, "12 classes are held out, but there are 12"),
        ({"shots": 5}, "need 7 different images"),
        ({"held_out": 11, "ways": 5}, "tasks of 5 ways need as many classes; there are 4"),
    ],
)
def test_recipes_larger_than_the_data_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InsituError, match=message):
        maml.parts(replace(RECIPE, **fields), POOL)


@pytest.mark.parametrize(
    "fields", [{"iterations": 0}, {"ways": 1}, {"learning_rate": 0.0}, {"noise": -1.0}, {"bits": 1}, {"layers": "last"}]
)
def test_wrong_fields_are_refused_where_the_record_is_written(fields: dict[str, Any]) -> None:
    with pytest.raises(InsituError, match="got"):
        replace(RECIPE, **fields)
    with pytest.raises(InsituError, match="float32 only; got bits 4 and bfloat16 False"):
        replace(RECIPE, **ALL, bits=4)


def test_a_job_goes_from_images_to_stored_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meta_jobs, "pools", lambda *_: task_pools.Pools(POOL, POOL, "patterns"))
    monkeypatch.setattr(meta_jobs, "TASKS", 5)
    job = meta_jobs.MetaJob(Omniglot(), RECORD, RECIPE)
    list(job.train("small", tmp_path))
    network, card, head = weights_file.load(tmp_path / "small")
    assert head is not None
    assert (network.record, head.shape) == (RECORD, (3, 8))
    assert card["data"].startswith("patterns; 4 of the training classes were held out")
    assert 0 <= card["accuracy"]["held_out_classes_percent"] <= 100
    assert ortner2025_omniglot.JOB.quick().backbone == ortner2025_omniglot.JOB.backbone


@settings(max_examples=10)
@given(seed=st.integers(0, 999), bits=st.integers(2, 8))
def test_a_filled_range_leaves_features_as_they_are(seed: int, bits: int) -> None:
    network = RECORD.build(seed).double()
    images = torch.from_numpy(generator(seed, "images").random((2, 6, 1, 17, 17)))
    # the constant added to the variance, and rounding in float32, would decide in channels that hardly vary
    with torch.no_grad(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(task_norm, "EPSILON", 1e-14)
        before = network(images)[0]
        after = meta_jobs.filled(network, bits)(images)[0]
    torch.testing.assert_close(after, before, rtol=0.01, atol=0.01)
    for conv in network.convs:
        assert (conv.weight.abs() > 0.9 * (1 - 2.0 ** (1 - bits))).any()
        assert (conv.weight.abs() > 1 - 2.0 ** (1 - bits)).float().mean() < 0.02


def test_weights_to_start_from_have_to_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights_file.save(tmp_path / "first", RECORD.build(), {}, torch.zeros(3, RECORD.features))
    monkeypatch.setattr(trained_backbones, "stem", lambda name: tmp_path / name)
    job = meta_jobs.MetaJob(Omniglot(), RECORD, replace(RECIPE, bits=4), start="first")
    network, _ = meta_jobs.started(job)
    assert not torch.equal(network.convs[0].weight, RECORD.build().convs[0].weight)  # filled
    with pytest.raises(InsituError, match="start from others"):
        meta_jobs.started(replace(job, recipe=replace(RECIPE, ways=4)))


def test_every_iteration_draws_tasks_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Tensor] = []
    plain = maml.draw

    def drawing(*given: Any) -> Any:
        tasks = plain(*given)
        drawn.append(tasks[0].x)
        return tasks

    monkeypatch.setattr(maml, "draw", drawing)
    monkeypatch.setattr(maml, "accuracy", lambda *given: 0.0)  # the held-out tasks are always the same
    trained(RECIPE, tmp_path / "c.pt")
    assert len(drawn) == RECIPE.iterations
    assert not any(torch.equal(one, other) for place, one in enumerate(drawn) for other in drawn[:place])
