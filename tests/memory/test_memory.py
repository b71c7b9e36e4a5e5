"""The estimator: new classes at any time, forgetting, merging, ageing, and use inside scikit-learn."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from insitu import Memory
from insitu.core import InsituError, generator
from insitu.devices.pcm_hermes2022 import PcmHermes2022
from insitu.memory.model import KEPT
from insitu.substrates import Substrate
from insitu.substrates.crossbar import Crossbar
from insitu.substrates.digital import Digital

FEATURES = 24
CENTRES = generator(0, "centres").standard_normal((12, FEATURES)) * 2 + 5
ANY: list[Substrate | str | None] = [None, "digital", "pcm-hermes2022", Digital(bits=4), Crossbar(tile=64)]


def some(classes: list[int], each: int = 5, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    y = np.repeat(classes, each)
    x = CENTRES[y] + generator(seed, "some").standard_normal((len(y), FEATURES))
    return x, np.array([f"class {number}" for number in y])


def accuracy(memory: Memory, classes: list[int]) -> float:
    return float(memory.score(*some(classes, 20, seed=9)))


@pytest.mark.parametrize("substrate", ANY, ids=str)
def test_any_substrate_learns_and_remembers(substrate: Substrate | str | None) -> None:
    memory = Memory(substrate, dim=128).fit(*some([0, 1, 2, 3]))
    memory.partial_fit(*some([4, 5]))
    assert accuracy(memory, [0, 1, 2, 3, 4, 5]) > 0.95
    assert memory.cost().counts
    assert memory.query_cost().counts


@pytest.mark.parametrize("substrate", [None, "digital"])
def test_it_starts_from_a_single_example_and_learns_one_by_one(substrate: str | None) -> None:
    memory, (x, y) = Memory(substrate, dim=128), some([0, 1, 2, 3, 4])
    for turn in range(5):
        for number in range(turn, len(x), 5):
            memory.partial_fit(x[number : number + 1], y[number : number + 1])
            assert memory.predict(x[number : number + 1]) == y[number] or turn
    assert list(memory.classes_) == sorted(set(y))
    assert accuracy(memory, [0, 1, 2, 3, 4]) > 0.9


@settings(max_examples=15)
@given(order=st.permutations(range(20)), cut=st.integers(1, 19))
def test_in_exact_numbers_the_order_of_teaching_hardly_counts(order: list[int], cut: int) -> None:
    x, y = some([0, 1, 2, 3])
    at_once, asked = Memory("digital", dim=64).fit(x, y), some([0, 1, 2, 3], 10, seed=4)[0]
    parts = Memory("digital", dim=64).partial_fit(x[order[:cut]], y[order[:cut]])
    parts.partial_fit(x[order[cut:]], y[order[cut:]])
    if cut <= 10:  # then the space was fitted to all of them last
        np.testing.assert_allclose(parts.predict_proba(asked), at_once.predict_proba(asked), atol=1e-4)
    assert list(parts.classes_) == list(at_once.classes_)
    assert (parts.predict(asked) == at_once.predict(asked)).mean() > 0.9


def test_a_class_of_many_examples_is_rewritten_and_does_not_saturate() -> None:
    x, y = load_digits(return_X_y=True)
    memory = Memory().fit(x[:900], y[:900])
    for start in range(900, 1200, 100):
        memory.partial_fit(x[start : start + 100], y[start : start + 100])
    assert len(memory._model.kept) == KEPT
    assert memory._model.counts.sum() == 1200
    assert memory.score(x[1200:], y[1200:]) > 0.85
    assert memory.cost().counts["reset_pulse"]


@pytest.mark.parametrize("substrate", [None, "digital", Crossbar(PcmHermes2022())])
def test_forgetting_takes_the_class_and_leaves_the_others(substrate: Any) -> None:
    memory = Memory(substrate, dim=128).fit(*some([0, 1, 2, 3]))
    memory.forget("class 2")
    assert list(memory.classes_) == ["class 0", "class 1", "class 3"]
    assert "class 2" not in memory.predict(some([2])[0])
    assert accuracy(memory, [0, 1, 3]) > 0.95
    x = some([2])[0]
    assert not (memory._model.kept[:, None] == x).all(2).any(), "no example of it is kept"
    memory.partial_fit(*some([2]))
    assert accuracy(memory, [0, 1, 2, 3]) > 0.95


def test_a_memory_that_forgot_everything_can_learn_again() -> None:
    memory = Memory(dim=64).fit(*some([0]))
    memory.forget("class 0")
    with pytest.raises(InsituError, match="holds no class"):
        memory.predict(some([0])[0])
    with pytest.raises(InsituError, match="does not hold"):
        memory.forget("class 0")
    assert accuracy(memory.partial_fit(*some([0, 1])), [0, 1]) > 0.95


@pytest.mark.parametrize("other", [None, "digital"])
def test_merging_two_memories_is_like_teaching_one(other: str | None) -> None:
    memory, second = Memory(dim=128).fit(*some([0, 1, 2])), Memory(other, dim=128).fit(*some([2, 3, 4], seed=5))
    before = second.predict_proba(some([2, 3])[0])
    memory.merge(second)
    assert list(memory.classes_) == [f"class {number}" for number in range(5)]
    assert accuracy(memory, [0, 1, 2, 3, 4]) > 0.95
    assert memory._model.counts.tolist() == [5, 5, 10, 5, 5]
    assert np.array_equal(second.predict_proba(some([2, 3])[0]), before)
    alike = Memory(dim=128).merge(memory)
    assert accuracy(alike, [0, 1, 2, 3, 4]) > 0.95


def test_merging_in_exact_numbers_equals_teaching_one() -> None:
    first, second, asked = some([0, 1]), some([1, 2], seed=5), some([0, 1, 2], 10, seed=6)[0]
    merged = Memory("digital").fit(*first).merge(Memory("digital").fit(*second))
    one = Memory("digital").fit(*(np.concatenate(pair) for pair in zip(first, second, strict=True)))
    np.testing.assert_allclose(merged.predict_proba(asked), one.predict_proba(asked), atol=1e-4)


def test_a_memory_ages_and_compensation_keeps_it() -> None:
    memory = Memory(Crossbar(PcmHermes2022(), compensation="column"), dim=128).fit(*some([0, 1, 2, 3]))
    fresh = memory.decision_function(some([0])[0])
    memory.age(3600).age(3e8)
    assert memory.now_s_ == 3600 + 3e8
    assert not np.array_equal(memory.decision_function(some([0])[0]), fresh)
    assert accuracy(memory, [0, 1, 2, 3]) > 0.95
    with pytest.raises(InsituError, match="ages by seconds"):
        memory.age(-1)


def test_queries_change_nothing_and_equal_seeds_give_equal_results() -> None:
    (x, y), asked = some([0, 1, 2]), some([0, 1, 2], 10)[0]
    one, two = Memory(dim=64, random_state=3).fit(x, y), Memory(dim=64, random_state=3).fit(x, y)
    state = one._model
    first = one.predict_proba(asked)
    assert one._model is state
    assert np.array_equal(one.predict_proba(asked), first)
    assert np.array_equal(two.predict_proba(asked), first)
    assert not np.array_equal(Memory(dim=64, random_state=4).fit(x, y).predict_proba(asked), first)
    drawn = Memory(dim=64, random_state=None).fit(x, y)
    assert not np.array_equal(drawn.predict_proba(asked), drawn.predict_proba(asked))


def test_probabilities_are_some_and_follow_the_similarities() -> None:
    x, y = load_iris(return_X_y=True)
    memory = Memory().fit(x[::2], y[::2])
    shares = memory.predict_proba(x[1::2])
    np.testing.assert_allclose(shares.sum(1), 1)
    assert np.array_equal(memory.classes_[shares.argmax(1)], memory.predict(x[1::2]))
    assert 0.5 < shares.max(1).mean() < 0.99
    assert memory.decision_function(x[:7]).shape == (7, 3)
    assert Memory().fit(x[:100], y[:100]).decision_function(x[:7]).shape == (7,)


def test_it_works_where_scikit_learn_puts_it() -> None:
    x, y = load_iris(return_X_y=True)
    whole = Pipeline([("scale", StandardScaler()), ("recall", Memory(dim=128))])
    assert cross_val_score(whole, x, y, cv=3).min() > 0.85
    assert cross_val_score(Memory("digital", dim=128), x, y, cv=3).min() > 0.85
    memory = Memory(Crossbar(tile=64), dim=64, random_state=5)
    assert clone(memory).get_params() == memory.get_params()
    taught = memory.fit(x, y)
    copy = pickle.loads(pickle.dumps(taught))  # noqa: S301  # of our own making
    assert np.array_equal(copy.predict_proba(x), taught.predict_proba(x))
    copy.partial_fit(x[:1], [7])
    assert 7 not in taught.classes_


@pytest.mark.parametrize("kind", [str, int, float, bool])
def test_labels_of_any_kind_come_back_as_they_are(kind: type) -> None:
    x, y = some([0, 1])
    labels = np.array([kind(number) for number in (y == "class 1").astype(int)])
    memory = Memory("digital", dim=64).fit(x, labels)
    assert memory.predict(x).dtype.kind == labels.dtype.kind
    assert np.array_equal(memory.predict(x), labels)


def test_what_does_not_fit_is_refused_and_changes_nothing() -> None:
    x, y = some([0, 1])
    memory = Memory("digital", dim=64).fit(x, y)
    before = memory._model
    with pytest.raises(InsituError, match="of one kind"):
        memory.partial_fit(x[:1], [3])
    with pytest.raises(ValueError, match="not among the classes"):
        memory.partial_fit(x[:1], ["new"], classes=["class 0"])
    with pytest.raises(ValueError, match="expecting 24 features"):
        memory.partial_fit(x[:1, :3], ["new"])
    with pytest.raises(InsituError, match="the same vectors"):
        memory.merge(Memory().fit(x[:, :3], y))
    with pytest.raises(InsituError, match="journal"):
        memory.replay()
    assert memory._model is before
    for wrong, words in ((3, "name of one"), ("no-such-device", "nothing called")):
        with pytest.raises(InsituError, match=words):
            Memory(wrong).fit(x, y)  # type: ignore[arg-type]  # that is the point
    with pytest.raises(InsituError, match="rows"):
        Memory(dim=0).fit(x, y)


def test_features_far_from_zero_or_constant_do_no_harm() -> None:
    x, y = some([0, 1, 2])
    odd = np.concatenate([x * 1e-6 + 1e3, np.full((len(x), 2), 1e9)], 1)
    assert Memory("digital").fit(odd, y).score(odd, y) > 0.95


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, insitu; sys.exit(bool({'torch', 'sklearn'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
