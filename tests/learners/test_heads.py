"""Heads of scikit-learn: all examples kept, old classes of many examples and new ones of few treated alike."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from blobs import FEATURES, base, draw, shots
from insitu.core import InsituError, generator
from insitu.learners import Learner
from insitu.learners._heads import State
from insitu.learners.linear_discriminant import LinearDiscriminant
from insitu.learners.logistic import Logistic
from insitu.learners.nearest_centroid import NearestCentroid
from insitu.learners.nearest_neighbours import NearestNeighbours
from insitu.protocols import Examples

HEADS: dict[str, Learner] = {
    "linear-discriminant": LinearDiscriminant(),
    "linear-discriminant-shrunk": LinearDiscriminant(shrinkage=0.5),
    "logistic": Logistic(),
}
every = pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
WIDE = 1.6  # a spread at which classes overlap


def taught(head: Learner, *sessions: Examples, each: int = 20, spread: float = WIDE) -> State:
    rng = generator(0, "learn")
    state = head.prepare(base(each=each, spread=spread), 0.0, rng)
    for number, session in enumerate(sessions, 1):
        state = head.learn(state, session, 10.0 * number, rng)
    return state  # type: ignore[no-any-return]


def share(head: Learner, state: State, classes: list[int], of: set[int]) -> float:
    """Return the share of fresh vectors of ``classes`` that are taken for one of ``of``."""
    asked = shots(classes, 100, seed=9, spread=WIDE)
    return sum(guess in of for guess in head.predict(state, asked.x, 99.0, generator(0, "ask")).tolist()) / len(asked)


@every
def test_new_classes_are_predicted_as_often_as_old_ones(head: Learner) -> None:
    new = list(range(8, 16))
    state = taught(head, shots(new, each=5, spread=WIDE))
    everything = list(range(16))
    # a head that took the numbers of examples for how frequent a class is would say 'new' in a quarter of the cases
    assert 0.34 < share(head, state, everything, set(new)) < 0.6


@every
def test_sessions_in_turn_equal_all_at_once(head: Learner) -> None:
    both = shots([8, 9, 10, 11], spread=WIDE)
    parts = [Examples(both.x[rows], both.labels[rows]) for rows in (slice(0, 10), slice(10, 20))]
    asked = draw(list(range(12)) * 20, spread=WIDE).x
    guesses = [
        head.predict(state, asked, 1.0, generator(0, "ask")) for state in (taught(head, both), taught(head, *parts))
    ]
    assert torch.equal(*guesses)


@every
def test_two_classes_are_told_apart(head: Learner) -> None:
    rng = generator(0, "learn")
    state = head.prepare(base(old=2), 0.0, rng)
    assert state.weight.shape == (2, FEATURES)
    assert head.predict(state, draw([0, 1, 1, 0]).x, 1.0, rng).tolist() == [0, 1, 1, 0]


@every
def test_one_shot_is_enough(head: Learner) -> None:
    state = taught(head, shots([30, 31], each=1, spread=0.3), spread=0.3)
    assert head.predict(state, draw([30, 31, 2], seed=6).x, 1.0, generator(0, "ask")).tolist() == [30, 31, 2]


@every
def test_features_that_never_change_are_ignored(head: Learner) -> None:
    flat = base()
    flat.examples.x[:, 3] = 7.0
    state = head.prepare(flat, 0.0, generator(0, "learn"))
    assert torch.isfinite(state.weight).all()
    asked = draw([0, 1, 2], seed=6).x
    asked[:, 3] = 7.0
    assert head.predict(state, asked, 1.0, generator(0, "ask")).tolist() == [0, 1, 2]


@pytest.mark.parametrize("shrinkage", [0.0, 0.3, 1.0])
def test_repeating_examples_of_a_class_changes_no_discriminant(shrinkage: float) -> None:
    head, examples = LinearDiscriminant(shrinkage), shots([8, 9], spread=WIDE)
    old = base(each=20, spread=WIDE).examples
    again = Examples(old.x[old.labels < 3].repeat(4, 1), old.labels[old.labels < 3].repeat(4))
    asked = draw(list(range(10)) * 20, spread=WIDE).x
    scores = [asked.double() @ s.weight.T + s.bias for s in (taught(head, examples), taught(head, examples, again))]
    torch.testing.assert_close(*(score - score.mean(1, keepdim=True) for score in scores), atol=1e-6, rtol=1e-6)


def test_the_discriminant_is_that_of_scikit_learn() -> None:
    state = taught(LinearDiscriminant(0.2), shots([8, 9], spread=WIDE))
    rival = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.2, priors=[0.1] * 10)
    rival.fit(state.kept.x.double().numpy(), state.kept.labels.numpy())
    asked = draw(list(range(10)) * 20, spread=WIDE).x
    guess = LinearDiscriminant(0.2).predict(state, asked, 1.0, generator(0, "ask"))
    assert guess.tolist() == rival.predict(asked.double().numpy()).tolist()


def test_logistic_does_not_mind_the_scale_of_a_feature() -> None:
    stretch = torch.logspace(-3, 3, FEATURES)
    plain = base(spread=WIDE)
    stretched = replace(
        plain, means=plain.means * stretch, examples=Examples(plain.examples.x * stretch, plain.examples.labels)
    )
    rng, asked = generator(0, "learn"), draw(list(range(8)) * 20, spread=WIDE).x
    first = Logistic().predict(Logistic().prepare(plain, 0.0, rng), asked, 1.0, rng)
    second = Logistic().predict(Logistic().prepare(stretched, 0.0, rng), asked * stretch, 1.0, rng)
    assert float((first == second).float().mean()) > 0.99


def test_a_strong_penalty_gives_small_weights() -> None:
    loose, tight = (taught(Logistic(strength=strength)).weight.norm() for strength in (1.0, 0.001))
    assert float(tight) < 0.3 * float(loose)


def test_stopping_the_solver_early_is_no_warning() -> None:
    state = taught(Logistic(iterations=1))
    assert torch.isfinite(state.weight).all()


def test_without_a_covariance_the_discriminant_is_the_nearest_centroid() -> None:
    queries = draw(list(range(8)) * 3, seed=4).x
    found = [
        learner.predict(learner.prepare(base(each=1), 0.0, generator(0, "learn")), queries, 1.0, generator(0, "ask"))
        for learner in (LinearDiscriminant(), NearestCentroid(), NearestNeighbours())
    ]
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


@pytest.mark.parametrize("classes", [2, 3, 8])
@pytest.mark.parametrize("neighbours", [1, 3])
def test_centroid_and_neighbours_are_those_of_scikit_learn(classes: int, neighbours: int) -> None:
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.neighbors import NearestCentroid as Centroid

    shots, queries = (draw(list(range(classes)) * 5, seed=seed, spread=2.0) for seed in (1, 2))
    pairs = [
        (NearestCentroid(), Centroid()),
        (NearestNeighbours(neighbours), KNeighborsClassifier(neighbours, weights="distance")),
    ]
    for learner, rival in pairs:
        state = learner.prepare(replace(base(), known=False), 0.0, generator(0, "learn"))
        state = learner.learn(state, shots, 1.0, generator(0, "learn"))
        guess = learner.predict(state, queries.x, 2.0, generator(0, "ask"))
        expected = rival.fit(shots.x.double().numpy(), shots.labels.numpy()).predict(queries.x.double().numpy())
        assert guess.tolist() == expected.tolist()


def test_wrong_fields_are_refused_where_the_record_is_written() -> None:
    with pytest.raises(InsituError, match=r"shrinkage is 0\.\.1, or None"):
        LinearDiscriminant(shrinkage=1.5)
    with pytest.raises(InsituError, match="strength is above 0"):
        Logistic(strength=0.0)
    with pytest.raises(InsituError, match="iterations are at least 1"):
        Logistic(iterations=0)
