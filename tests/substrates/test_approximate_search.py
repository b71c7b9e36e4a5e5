"""Approximate search mostly finds the best column, always one that is allowed, and overlooks none that is new."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from insitu.core import InsituError, generator
from insitu.substrates.digital import Digital, Held

FEATURES, COLUMNS = 24, 3000
APPROXIMATE = Digital(candidates=32)


@pytest.fixture(scope="module")
def held() -> Held:
    pytest.importorskip("usearch", reason="usearch is not installed")
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((FEATURES, 100))
    weights = torch.from_numpy(centres[:, np.arange(COLUMNS) % 100] + rng.standard_normal((FEATURES, COLUMNS)))
    stored: Held = Digital().store(torch.nn.functional.normalize(weights, dim=0).float(), 0.0, generator(0))
    return stored


def queries(held: Held, count: int = 200) -> torch.Tensor:
    rng = np.random.default_rng(1)
    near = held.weights[:, rng.integers(COLUMNS, size=count)].T
    return near + 0.1 * torch.from_numpy(rng.standard_normal((count, FEATURES))).float()


def search(substrate: Digital, held: Held, x: torch.Tensor, **given: torch.Tensor) -> torch.Tensor:
    return substrate.search(held, x, 0.0, generator(0), **given)


def recall(substrate: Digital, held: Held, x: torch.Tensor, **given: torch.Tensor) -> float:
    return float((search(substrate, held, x, **given) == search(Digital(), held, x, **given)).float().mean())


def test_more_candidates_find_more_and_most_find_nearly_all(held: Held) -> None:
    x = queries(held)
    few, some, many = (recall(Digital(candidates=count), held, x) for count in (1, 32, 256))
    assert few <= some <= many
    assert some >= 0.95
    assert many >= 0.99
    assert search(APPROXIMATE, held, x[:1]).equal(search(APPROXIMATE, held, x)[:1])


def test_scores_are_those_of_exact_search(held: Held) -> None:
    x, rng = queries(held), np.random.default_rng(2)
    given = {
        "scale": torch.from_numpy(rng.uniform(0.95, 1.05, COLUMNS)).float(),
        "offset": torch.from_numpy(rng.uniform(0, 0.01, COLUMNS)).float(),
        "allowed": torch.from_numpy(rng.random(COLUMNS) < 0.8),
    }
    found = search(Digital(candidates=256), held, x, **given)
    assert given["allowed"][found].all()
    assert (found == search(Digital(), held, x, **given)).float().mean() >= 0.99


def test_where_no_candidate_is_allowed_the_search_is_exact(held: Held) -> None:
    x = queries(held)
    allowed = torch.zeros(COLUMNS, dtype=torch.bool)
    allowed[7] = True
    assert search(Digital(candidates=1), held, x, allowed=allowed).tolist() == [7] * len(x)


def test_columns_written_or_appended_after_the_graph_are_found_and_the_earlier_matrix_stays(held: Held) -> None:
    x, rng = queries(held), generator(0)
    before = search(APPROXIMATE, held, x)
    changed = APPROXIMATE.write(held, [5], 2 * x[:1].T, 0.0, rng)
    larger = APPROXIMATE.expand(changed, 2, 0.0, rng)
    larger = APPROXIMATE.write(larger, [COLUMNS + 1], 3 * x[1:2].T, 0.0, rng)
    assert larger.graph.nodes is held.graph.nodes
    assert search(APPROXIMATE, larger, x[:2]).tolist() == [5, COLUMNS + 1]
    erased = APPROXIMATE.erase(larger, [COLUMNS + 1], 0.0, rng)
    assert search(APPROXIMATE, erased, x[1:2]).tolist() != [COLUMNS + 1]
    assert search(APPROXIMATE, held, x).equal(before)


def test_a_graph_that_misses_many_columns_is_made_again(held: Held) -> None:
    many = [*range(COLUMNS // 7)]
    changed = APPROXIMATE.write(held, many, held.weights[:, many].flip(1), 0.0, generator(0))
    assert recall(APPROXIMATE, changed, queries(changed)) >= 0.95
    assert changed.graph.nodes is not held.graph.nodes
    assert not changed.graph.written.size


def test_the_same_matrix_has_the_same_answers(held: Held) -> None:
    again = Digital().store(held.weights, 0.0, generator(0))
    x = queries(held)
    assert search(Digital(candidates=1), again, x).equal(search(Digital(candidates=1), held, x))


def test_what_is_missing_or_wrong_is_said(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InsituError, match=r"candidates is 0 .* got -1"):
        Digital(candidates=-1)
    monkeypatch.setitem(sys.modules, "usearch.index", None)
    with pytest.raises(InsituError, match=r"pip install '\.\[approximate\]'"):
        search(APPROXIMATE, Digital().store(held.weights, 0.0, generator(0)), queries(held))
