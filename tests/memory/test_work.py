"""How much a memory does: teaching copies and measures the columns taught, a query measures nothing twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from insitu import Memory
from insitu.devices.pcm_nandakumar2018 import PcmNandakumar2018
from insitu.memory.settings import ROUNDS
from insitu.rows import BLOCK, Rows
from insitu.substrates.analog.tiles import TILE

FEATURES, CLASSES = 24, 3 * TILE + 4


def taught() -> Memory:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((CLASSES, FEATURES))
    memory = Memory(dim=64).fit(np.concatenate([x, x + 0.1]), [*range(CLASSES)] * 2)
    return memory.partial_fit(x[:1] + 0.05, [0])


@pytest.mark.parametrize("label", [1, CLASSES - 1, CLASSES])
def test_teaching_copies_the_tile_and_the_rows_of_the_class_taught(label: int) -> None:
    memory = taught()
    before = memory._model
    after = memory.partial_fit(np.random.default_rng(1).standard_normal((3, FEATURES)), [label] * 3)._model
    assert before is not None
    assert before.state is not None
    assert after is not None
    assert after.state is not None
    tiles = zip(before.state.held.tiles, after.state.held.tiles, strict=True)
    assert [number for number, (old, new) in enumerate(tiles) if old is not new] == [label // TILE]
    for name in ("sums", "activations"):
        blocks = zip(getattr(before.state, name).blocks, getattr(after.state, name).blocks, strict=True)
        assert [number for number, (old, new) in enumerate(blocks) if old is not new] == [label // BLOCK]
    slope = before.state.slope.numpy() != after.state.slope.numpy()[: len(before.state.slope)]
    assert set(np.flatnonzero(slope)) <= {label}


def test_columns_are_measured_once_for_all_shots_of_a_call() -> None:
    memory = taught()
    products = []
    for shots in (1, 10):
        before = memory.cost().counts
        memory.partial_fit(np.random.default_rng(shots).standard_normal((shots, FEATURES)), [CLASSES + shots] * shots)
        products.append(memory.cost().counts["core_product"] - before["core_product"])
    assert products[0] == products[1] == 64  # as many fixed inputs as there are rows, one array


def test_cells_are_read_once_between_two_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    memory, x = taught(), np.random.default_rng(2).standard_normal((4, FEATURES))
    memory.predict(x)
    read, counted = PcmNandakumar2018.read, []
    monkeypatch.setattr(PcmNandakumar2018, "read", lambda *given: (counted.append(given[1].shape[3]), read(*given))[1])
    memory.predict(x)
    assert not counted
    memory.partial_fit(x[:1], [5])
    memory.predict(x)
    *written, held = counted
    assert set(written) == {1}, "rounds of writing read the column"
    assert len(written) <= ROUNDS
    assert held == TILE
    counted.clear()
    memory.age(60)
    memory.predict(x)
    memory.predict(x)
    assert sum(counted) == CLASSES


def test_drift_measured_again_gives_the_same_numbers(tmp_path: Path) -> None:
    x = np.random.default_rng(2).standard_normal((5, FEATURES))
    with Memory.open(tmp_path / "a.insitu", dim=64) as memory:
        memory.fit(x, list("abcde")).age(1e6)
        expected = memory.predict_proba(x)
        assert np.array_equal(memory.predict_proba(x), expected)
    with Memory.open(tmp_path / "a.insitu") as memory:
        assert np.array_equal(memory.predict_proba(x), expected)


def test_rows_are_the_matrix_they_stand_for() -> None:
    rng = np.random.default_rng(0)
    array = rng.standard_normal((3 * BLOCK + 5, 7))
    rows = Rows.of(array)
    numbers, values = [2, 3 * BLOCK, 0, BLOCK + 1], rng.standard_normal((4, 7))
    changed = rows.put(numbers, values).grown(BLOCK)
    assert np.array_equal(rows, array)
    expected = np.concatenate([array, np.zeros((BLOCK, 7))])
    expected[numbers] = values
    assert np.array_equal(changed, expected)
    assert changed.changed_since(rows) == sorted([*numbers, *range(len(array), len(expected))])
    for index in (3, [5, 1, 70], slice(30, 40), [], expected[:, 0] > 0):
        assert np.array_equal(changed[index], expected[index])
