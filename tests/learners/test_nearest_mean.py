"""The float baseline equals an explicit memory on ideal numbers, and a plain reference of a few lines."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from blobs import base, draw, shots
from insitu.core import InsituError, generator
from insitu.learners.array_columns import State
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.learners.nearest_mean import NearestMean
from insitu.substrates.digital import Digital

ASKED = draw(list(range(12)) * 10, seed=8, spread=1.5)  # so far from the centres that a third is mistaken


def taught(learner: NearestMean | ExplicitMemory) -> State:
    rng = generator(0, "learn")
    state = learner.prepare(base(), 0.0, rng)
    return learner.learn(learner.learn(state, shots([8, 9, 10]), 1.0, rng), shots([11, 8], each=2), 2.0, rng)


def reference(learner: NearestMean) -> torch.Tensor:
    """Project by the state's own projection; the rest, in NumPy, is what the docstrings promise."""
    state = taught(learner)
    lists = [shots([8, 9, 10]), shots([11, 8], each=2)]
    labels = torch.cat([part.labels for part in lists]).numpy()
    vectors = state.projection.vectors(torch.cat([part.x for part in lists])).double().numpy()
    prototypes = list(state.projection.vectors(base().means).double().numpy())
    for label in range(8, 12):
        mean, count = vectors[labels == label].mean(0), (labels == label).sum()
        square = mean @ mean
        left = max(square - learner.correction * state.projection.scatter / count, 0.1 * square)
        prototypes.append(mean / np.sqrt(left))
    return torch.from_numpy(state.projection.vectors(ASKED.x).double().numpy() @ np.array(prototypes).T)


@settings(max_examples=8)
@given(st.sampled_from(["whitened", "trained"]), st.sampled_from([8, 24, 50]), st.sampled_from([0.0, 0.5, 0.95]))
def test_scores_are_cosines_to_corrected_means(projection: str, dim: int, correction: float) -> None:
    learner = NearestMean(projection=projection, dim=dim, correction=correction)  # type: ignore[arg-type]
    expected = reference(learner)
    memory = ExplicitMemory(Digital(), projection=learner.projection, dim=dim, support="program", correction=correction)
    scores = memory.scores(taught(memory), ASKED.x, 3.0, generator(0, "ask"))
    torch.testing.assert_close(scores.double(), expected, atol=2e-5, rtol=1e-3)
    guess = learner.predict(taught(learner), ASKED.x, 3.0, generator(0, "ask"))
    assert torch.equal(guess, expected.argmax(1))
    assert torch.equal(guess, memory.predict(taught(memory), ASKED.x, 3.0, generator(0, "ask")))


def test_some_answers_are_wrong_here_or_the_comparison_would_be_easy() -> None:
    guess = NearestMean().predict(taught(NearestMean()), ASKED.x, 3.0, generator(0, "ask"))
    assert 0.3 < float((guess == ASKED.labels).float().mean()) < 0.95


def test_time_and_generators_change_nothing() -> None:
    learner = NearestMean()
    state = taught(learner)
    first = learner.predict(state, ASKED.x, 3.0, generator(0, "ask"))
    assert torch.equal(first, learner.predict(state, ASKED.x, 3e9, generator(1, "other")))


def test_a_wrong_field_is_refused_where_the_record_is_written() -> None:
    with pytest.raises(InsituError, match="dim are at least 1"):
        NearestMean(dim=0)
    with pytest.raises(InsituError, match="trained, whitened or identity"):
        NearestMean(projection="white")  # type: ignore[arg-type]
