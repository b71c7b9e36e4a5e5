"""The law of scale against what it says in words: simulated normal similarities, and its limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insitu.planning.law import Embedding, Memory, accuracy

LOOSE = Embedding(cosine=0.25, inverse_dimensions=0.005, spread=0.05)
HELD = Memory(classes=1000, rows=256, shots=5, error=0.3)


@pytest.mark.parametrize(("embedding", "memory"), [(LOOSE, HELD), (LOOSE, replace(HELD, rows=64, classes=50))])
def test_it_is_the_share_of_own_similarities_above_all_others(embedding: Embedding, memory: Memory) -> None:
    rng, draws = np.random.default_rng(0), 4000
    cells = (1 + 0.3**2) / memory.rows
    mean = 0.25 / np.sqrt(0.25 + 0.75 / 5)
    own = mean + np.sqrt(0.05**2 + cells) * rng.standard_normal(draws)
    others = np.sqrt(0.005 + cells) * rng.standard_normal((draws, int(memory.classes) - 1))
    share = float((own > others.max(1)).mean())
    assert float(accuracy(embedding, memory)) == pytest.approx(share, abs=3 * np.sqrt(share * (1 - share) / draws))


@given(
    classes=st.floats(2, 1e12),
    rows=st.floats(16, 4096),
    shots=st.floats(1, 100),
    error=st.floats(0, 2),
    grouping=st.floats(0.3, 1.0),
)
@settings(max_examples=60, deadline=None)
def test_more_classes_and_errors_never_help_and_more_rows_and_shots_never_hurt(
    classes: float, rows: float, shots: float, error: float, grouping: float
) -> None:
    embedding = replace(LOOSE, grouping=grouping)
    memory = Memory(classes, rows, shots, error)
    here = float(accuracy(embedding, memory))
    assert 0 <= here <= 1
    for worse in ({"classes": 2 * classes}, {"shots": max(shots / 2, 0.5)}):
        assert float(accuracy(embedding, replace(memory, **worse))) <= here + 1e-9


def test_one_class_is_always_right_and_many_memories_are_computed_at_once() -> None:
    assert float(accuracy(LOOSE, replace(HELD, classes=1))) == pytest.approx(1)
    sizes = np.array([10.0, 1e3, 1e9])
    together = accuracy(LOOSE, replace(HELD, classes=sizes))
    assert together == pytest.approx([float(accuracy(LOOSE, replace(HELD, classes=size))) for size in sizes])
    assert (np.diff(together) < 0).all()
