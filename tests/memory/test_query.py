"""Query results, projections in time, self-tests and devices."""

from __future__ import annotations

import numpy as np
import pytest
from points import some

from insitu import Memory
from insitu.core import InsituError
from insitu.substrates.crossbar import Crossbar


def test_all_results_are_from_one_read() -> None:
    x, _ = some([0, 1, 2], 4)
    memory = Memory(dim=64).fit(*some([0, 1, 2]))
    result = memory.query(x)
    assert result.classes == memory.classes_.tolist()
    assert np.array_equal(result.predictions, memory.predict(x))
    assert np.array_equal(result.similarities, memory.decision_function(x))
    assert np.array_equal(result.probabilities, memory.predict_proba(x))
    np.testing.assert_allclose(result.probabilities.sum(1), 1)


def test_a_projection_equals_ageing_and_changes_nothing() -> None:
    x, _ = some([0, 1, 2], 4)
    memory = Memory(dim=64).fit(*some([0, 1, 2]))
    now = memory.predict_proba(x)
    projected = memory.projected(1e6)
    assert (memory.now_s_, projected.now_s_) == (0, 1e6)
    assert np.array_equal(memory.predict_proba(x), now)
    columns = projected.columns(memory.classes_)
    assert columns is not None
    aged = memory.age(1e6).columns(memory.classes_)
    assert aged is not None
    assert np.array_equal(columns.conductances_us, aged.conductances_us)
    with pytest.raises(InsituError, match="seconds >= 0"):
        memory.projected(-1)


def test_without_compensation_similarities_shrink() -> None:
    x, _ = some([0, 1, 2], 4)
    memory = Memory(dim=128).fit(*some([0, 1, 2]))
    size = {how: np.abs(memory.projected(1e8, how).query(x).similarities).mean() for how in (True, False)}
    assert size[False] < 0.8 * size[True]
    bare = Memory(Crossbar(), dim=128).fit(*some([0, 1, 2])).projected(1e8)
    assert np.array_equal(bare.query(x).similarities, bare.projected(0, compensated=False).query(x).similarities)


def test_a_self_test_queries_the_stored_examples() -> None:
    x, y = some([0, 1, 2])
    memory = Memory("digital", dim=64).fit(x, y)
    result, right = memory.self_test()
    assert right.tolist() == list(y)
    assert np.array_equal(result.similarities, memory.query(x).similarities)
    memory.forget("class 0")
    assert set(memory.self_test()[1]) == {"class 1", "class 2"}
    with pytest.raises(InsituError, match="stores no example"):
        memory.forget("class 1").forget("class 2").self_test()


def test_devices_are_shown_with_what_they_got_since() -> None:
    memory = Memory(dim=32).fit(*some([0, 1, 2, 3, 4], 4))
    before = memory.projected(0)
    spent = memory.cost()
    memory.partial_fit(*some([0, 5], 1))
    both = memory.columns(["class 0", "class 5"], before)
    assert both is not None
    assert both.conductances_us.shape == both.pulses.shape == (2, 32, 2)
    assert (memory.cost() - spent).counts["set_pulse"] == 2 * both.pulses.sum()
    assert not both.resets.any()
    assert both.full_scale_us == 24
    with pytest.raises(InsituError, match="does not hold 'class 9'"):
        memory.columns(["class 9"])
    assert Memory("digital").fit(*some([0, 1])).columns(["class 0"]) is None


@pytest.mark.parametrize("value", [0.0, 1.0, 1e6])
@pytest.mark.parametrize("each", [2, 8])
def test_classes_that_are_all_the_same_are_equally_likely(value: float, each: int) -> None:
    x = np.full((3 * each, 4), value)
    shares = Memory().fit(x, list("abc") * each).predict_proba(x[:2])
    np.testing.assert_allclose(shares, 1 / 3, atol=0.02)
