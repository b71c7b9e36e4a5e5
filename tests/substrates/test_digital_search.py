"""Digital search gives the columns that comparing every exact output gives, ties and near ties included."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from insitu.core import generator
from insitu.kernels import column_search
from insitu.substrates import Substrate
from insitu.substrates.digital import Digital, Held


def exhaustive(held: Held, x: torch.Tensor, **given: torch.Tensor) -> torch.Tensor:
    return Substrate.search(Digital(), held, x, 0.0, generator(0), **given)


def stored(weights: torch.Tensor) -> Held:
    return Digital().store(weights, 0.0, generator(0))


@settings(max_examples=20)
@given(
    seed=st.integers(0, 2**32),
    outputs=st.integers(column_search.WORTH, 3000),
    batch=st.integers(1, 300),
    spread=st.sampled_from([0.0, 1e-8, 1e-6, 1e-4, 1.0]),
    digits=st.sampled_from([None, 1, 3]),
)
def test_the_columns_are_those_of_exact_outputs(
    seed: int, outputs: int, batch: int, spread: float, digits: int | None
) -> None:
    rng = np.random.default_rng(seed)
    # columns that hardly differ: a product in float32 cannot tell which is the best
    weights = rng.standard_normal((24, 1)) + spread * rng.standard_normal((24, outputs))
    x = rng.standard_normal((batch, 24))
    if digits is not None:
        weights, x = weights.round(digits), x.round(digits)
    held, rows = stored(torch.from_numpy(weights).float()), torch.from_numpy(x).float()
    assert Digital().search(held, rows, 0.0, generator(0)).equal(exhaustive(held, rows))
    more = {
        "scale": torch.from_numpy(rng.uniform(-2, 2, outputs)).float(),
        "offset": torch.from_numpy(rng.standard_normal(outputs) * spread).float(),
        "allowed": torch.from_numpy(rng.random(outputs) < 0.3),
    }
    more["allowed"][rng.integers(outputs)] = True
    assert Digital().search(held, rows, 0.0, generator(0), **more).equal(exhaustive(held, rows, **more))


def test_few_outputs_are_computed_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[int] = []
    multiply = Digital.multiply

    def counting(self: Digital, held: Held, x: torch.Tensor, *rest: object) -> torch.Tensor:
        counted.append(len(x))
        return multiply(self, held, x, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Digital, "multiply", counting)
    held, x = stored(torch.randn(64, 20_000, generator=torch.Generator().manual_seed(0))), torch.randn(500, 64)
    found = Digital().search(held, x, 0.0, generator(0))
    assert not counted
    assert found.equal(exhaustive(held, x))


@pytest.mark.parametrize("size", [1e-30, 1e-38, 1e18, 3e37])
def test_very_small_and_very_large_numbers(size: float) -> None:
    draw = torch.Generator().manual_seed(3)
    held = stored(size * torch.randn(16, 2000, generator=draw).clamp(-3, 3))
    x = 1e-3 * torch.randn(5, 16, generator=draw)
    for factor in (1.0, 1e-20, 1e20):
        assert Digital().search(held, factor * x, 0.0, generator(0)).equal(exhaustive(held, factor * x))


def test_where_all_scores_are_minus_infinity_the_first_column_allowed_wins() -> None:
    held, x = stored(torch.ones(4, 2000)), torch.ones(3, 4)
    allowed = torch.arange(2000) > 700
    offset = torch.full((2000,), -torch.inf)
    assert Digital().search(held, x, 0.0, generator(0), offset=offset, allowed=allowed).tolist() == [701] * 3
