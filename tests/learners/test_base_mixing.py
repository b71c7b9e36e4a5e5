"""Scores mixed in digital are those that moved prototypes would give, and the published numbers are those chosen."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from blobs import OLD, base, draw, shots
from insitu.core import InsituError, generator
from insitu.experiments.karunaratne2022_miniimagenet import MIX, SHARPNESS
from insitu.learners.array_columns import State
from insitu.learners.base_mixing import BASE_SHOTS, mixed
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.learners.nearest_mean import NearestMean
from insitu.scenarios.few_shot_sessions import FewShotSessions
from insitu.substrates.crossbar import Crossbar
from insitu.substrates.digital import Digital
from insitu.training.base_mixing import choose

EXACT = ExplicitMemory(Digital(), dim=32, support="program")
ASKED = draw(list(range(10)) * 10, seed=8, spread=1.5)


def taught(memory: ExplicitMemory | NearestMean) -> State:
    rng = generator(0, "learn")
    return memory.learn(memory.prepare(base(), 0.0, rng), shots([8, 9], spread=1.0), 1.0, rng)


def normal(*shape: int) -> Tensor:
    return torch.from_numpy(generator(0, "normal", *shape).standard_normal(shape)).float()


@pytest.mark.parametrize(("mix", "sharpness"), [(0.3, 0.0), (0.3, 16.0), (0.9, 4.0)])
def test_mixed_scores_are_similarities_to_moved_prototypes(mix: float, sharpness: float) -> None:
    prototypes, shots_of = normal(6, 20), torch.tensor([BASE_SHOTS, 5.0, BASE_SHOTS + 3, 0.0, BASE_SHOTS, 1.0])
    queries, old, new = normal(7, 20), [0, 2, 4], [1, 5]
    unit = F.normalize(prototypes)
    weights = torch.softmax(sharpness * unit[new] @ unit[old].T, 1)
    moved = F.normalize((1 - mix) * unit[new] + mix * weights @ unit[old]) * prototypes[new].norm(dim=1, keepdim=True)
    expected = queries @ prototypes.T
    expected[:, new] = queries @ moved.T
    found = mixed(queries @ prototypes.T, prototypes, shots_of, mix, sharpness)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("shots_of", [[5.0, 1.0, 0.0], [BASE_SHOTS, BASE_SHOTS, 0.0]], ids=["no base", "no new class"])
def test_without_either_kind_of_class_nothing_is_mixed(shots_of: list[float]) -> None:
    scores = normal(4, 3)
    assert torch.equal(mixed(scores, normal(3, 8), torch.tensor(shots_of), 0.5, 16.0), scores)


def test_base_classes_keep_their_scores_and_nothing_else_is_written() -> None:
    plain, moved = (ExplicitMemory(Crossbar(tile=64), dim=64, base_mix=mix) for mix in (0.0, 0.5))
    states = [taught(memory) for memory in (plain, moved)]
    assert plain.cost(states[0]) == moved.cost(states[1])
    scores = [m.scores(s, ASKED.x, 2.0, generator(0, "ask")) for m, s in zip((plain, moved), states, strict=True)]
    assert torch.equal(scores[0][:, :OLD], scores[1][:, :OLD])
    assert not torch.allclose(scores[0][:, OLD:], scores[1][:, OLD:], atol=1e-3)
    more = moved.query_cost(states[1]) - plain.query_cost(states[0])
    assert more.counts == {"float_multiply_accumulate": 2 * (OLD + 1)}


def test_the_float_baseline_mixes_alike() -> None:
    fields = {"dim": 32, "base_mix": 0.4, "base_sharpness": 8.0}
    memory, learner = replace(EXACT, **fields), NearestMean(**fields)  # type: ignore[arg-type]
    guesses = [each.predict(taught(each), ASKED.x, 2.0, generator(0, "ask")) for each in (memory, learner)]
    assert torch.equal(*guesses)


@pytest.mark.parametrize(("mix", "sharpness"), [(-0.1, 16.0), (1.0, 16.0), (0.3, -1.0), (0.3, float("inf"))])
def test_other_numbers_are_refused(mix: float, sharpness: float) -> None:
    with pytest.raises(InsituError, match="base_mix is 0"):
        ExplicitMemory(base_mix=mix, base_sharpness=sharpness)


@pytest.mark.slow
def test_the_numbers_of_the_report_are_those_chosen_on_base_classes() -> None:
    chosen = choose(FewShotSessions(data_set="miniimagenet").base("package"))
    assert (chosen.mix, chosen.sharpness) == (MIX, SHARPNESS)


def test_choosing_needs_examples_next_to_the_shots() -> None:
    with pytest.raises(InsituError, match="more than 5 examples"):
        choose(base(each=5), draws=2)
