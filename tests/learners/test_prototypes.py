"""Modes of C-FSCIL: nudging moves prototypes apart and not far away; retraining moves the layer to them."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from blobs import DIM, FEATURES, accuracy, base, shots
from insitu.core import generator
from insitu.learners._prototypes import adapt, nudge, retrain
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.substrates.digital import Digital


def crowded(classes: int = 10, dim: int = DIM) -> Tensor:
    """Return prototypes that all lean the same way."""
    draw = generator(0, "crowded").standard_normal((classes, dim))
    return torch.from_numpy(draw).float() * 0.5 + 0.4


def overlap(prototypes: Tensor) -> float:
    unit = F.normalize(torch.tanh(prototypes))
    return float((unit @ unit.T)[~torch.eye(len(unit), dtype=torch.bool)].abs().mean())


def match(weight: Tensor, bias: Tensor, means: Tensor, targets: Tensor) -> float:
    return float(F.cosine_similarity(torch.tanh(F.linear(means, weight, bias)), torch.tanh(targets)).mean())


def test_nudging_lowers_the_mean_overlap() -> None:
    start = crowded()
    moved = nudge(start)
    assert overlap(moved) < 0.6 * overlap(start)
    assert overlap(nudge(start, iterations=20)) < overlap(start)


def test_nudging_stays_near_where_it_was() -> None:
    start = crowded()
    near = F.cosine_similarity(nudge(start), start)
    assert float(near.min()) > 0.5
    assert (F.normalize(nudge(start)) @ F.normalize(start).T).argmax(1).tolist() == list(range(len(start)))


def test_nudging_leaves_its_argument_and_one_class_alone() -> None:
    start = crowded()
    before = start.clone()
    nudge(start)
    assert torch.equal(start, before)
    torch.testing.assert_close(nudge(start[:1]), start[:1], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("iterations", [10, 50])
def test_retraining_raises_the_match(iterations: int) -> None:
    given = base()
    targets = torch.sign(F.linear(given.means, given.weight, given.bias))
    before = match(given.weight, given.bias, given.means, targets)
    weight, bias = retrain(given.weight, given.bias, given.means, targets, iterations)
    assert match(weight, bias, given.means, targets) > before
    assert not weight.requires_grad
    assert not bias.requires_grad


def test_more_iterations_match_better() -> None:
    given = base()
    targets = nudge(F.linear(given.means, given.weight, given.bias))
    found = [
        match(*retrain(given.weight, given.bias, given.means, targets, count), given.means, targets)
        for count in (0, 5, 50)
    ]
    assert found == sorted(found)
    assert found[0] < found[-1]


def test_mode_1_changes_nothing() -> None:
    given = base()
    weight, bias, prototypes = adapt(given.weight, given.bias, given.means, 1)
    assert torch.equal(weight, given.weight)
    assert torch.equal(bias, given.bias)
    torch.testing.assert_close(prototypes, F.linear(given.means, given.weight, given.bias))


def test_mode_2_aims_at_signs() -> None:
    given = base()
    weight, _, prototypes = adapt(given.weight, given.bias, given.means, 2)
    assert torch.equal(prototypes, torch.sign(F.linear(given.means, given.weight, given.bias)))
    assert not torch.equal(weight, given.weight)


def test_mode_3_aims_at_nudged_prototypes() -> None:
    given = base()
    weight, bias, prototypes = adapt(given.weight, given.bias, given.means, 3)
    start = F.linear(given.means, given.weight, given.bias)
    torch.testing.assert_close(prototypes, nudge(start))
    assert match(weight, bias, given.means, prototypes) > match(given.weight, given.bias, given.means, prototypes)


@pytest.mark.parametrize("mode", [1, 2, 3])
def test_a_memory_in_every_mode_remembers_all_sessions(mode: int) -> None:
    memory = ExplicitMemory(Digital(), projection="trained", support="program", mode=mode)  # type: ignore[arg-type]
    rng = generator(0, "learn")
    state = memory.prepare(base(), 0.0, rng)
    layers = [state.projection.weight]
    for classes in ([8, 9], [10, 11]):
        state = memory.learn(state, shots(classes), 1.0, rng)
        layers.append(state.projection.weight)
    assert state.projection.weight.shape == (DIM, FEATURES)
    assert accuracy(memory, state, list(range(12))) > 0.9
    moved = [not torch.equal(a, b) for a, b in zip(layers, layers[1:], strict=False)]
    assert moved == [mode > 1, mode > 1]
