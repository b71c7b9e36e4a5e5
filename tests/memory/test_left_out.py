"""An example that is left out in closed form is as similar to its class as in a space that is fitted without it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from insitu import Memory
from insitu.core import generator
from insitu.learners.column_calibration import corrected
from insitu.memory.left_out import leave_out
from insitu.memory.model import Model
from insitu.memory.space import fit_space

CLASSES, SHOTS = 6, 5


def examples(features: int, tails: bool = False) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    rng = generator(3, "examples left out", features)
    y = np.repeat(np.arange(CLASSES), SHOTS)
    noise = rng.standard_t(4, (len(y), features)) if tails else rng.standard_normal((len(y), features))
    return 0.6 * rng.standard_normal((CLASSES, features))[y] + noise * rng.uniform(0.2, 2, features), y


def refitted(x: NDArray[np.float64], y: NDArray[np.int64], dim: int) -> NDArray[np.float64]:
    """Return the similarity of each example to its class in a space fitted to all others."""
    out = []
    for row in range(len(x)):
        rest = np.arange(len(x)) != row
        space = fit_space(x[rest], y[rest], dim)
        others = space.projection.vectors(space.scaled(x[rest & (y == y[row])]))
        shots, scatter = torch.tensor([float(len(others))]), space.projection.scatter
        prototype = corrected(others.sum(0, keepdim=True), shots, scatter, 0.5)
        out.append(float(space.projection.vectors(space.scaled(x[row : row + 1]))[0] @ prototype[0]))
    return np.array(out)


def similarities(memory: Memory) -> tuple[NDArray[np.float64], NDArray[np.float64], Model]:
    model = memory._model
    assert model is not None
    columns = model.columns[model.kept_numbers]
    left = leave_out(memory.settings.learner(), model, np.arange(len(model.kept)), columns)
    return left.without, left.taught, model


@pytest.mark.parametrize(("features", "dim"), [(40, 128), (200, 128), (90, 256), (128, 128)])
@pytest.mark.parametrize("tails", [False, True])
def test_it_is_that_of_a_space_fitted_without_the_example(features: int, dim: int, tails: bool) -> None:
    x, y = examples(features, tails)
    without, taught, _ = similarities(Memory("digital", dim=dim).fit(x, y))
    exact = refitted(x, y, dim)
    assert np.corrcoef(without, exact)[0, 1] > 0.94
    assert abs((without - exact).mean()) < 0.03
    assert (taught - exact).mean() > 5 * abs((without - exact).mean())


def test_an_example_that_the_space_was_not_fitted_to_only_leaves_its_sum() -> None:
    x, y = examples(40)
    memory = Memory("digital", dim=128).fit(x[:-1], y[:-1])
    memory.partial_fit(x[-1:], y[-1:])
    without, _, model = similarities(memory)
    assert model.space is not None
    assert model.space.seen == len(x) - 1
    vectors = model.space.projection.vectors(model.space.scaled(x))
    others = vectors[np.flatnonzero(y == y[-1])[:-1]]
    prototype = corrected(
        others.sum(0, keepdim=True), torch.tensor([float(len(others))]), model.space.projection.scatter, 0.5
    )
    assert without[-1] == pytest.approx(float(vectors[-1] @ prototype[0]), abs=1e-5)


def test_equal_examples_stay_finite() -> None:
    x = np.repeat(examples(200)[0][::SHOTS], 2, axis=0)
    without, _, _ = similarities(Memory("digital", dim=128).fit(x, np.repeat(np.arange(CLASSES), 2)))
    assert np.isfinite(without).all()
