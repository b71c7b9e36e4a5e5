"""Feature names, seed and encoder are part of the model, and survive storing, copying, merging and replaying."""

from __future__ import annotations

import copy
import pickle
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from points import some

from insitu import Memory
from insitu.core import InsituError
from insitu.memory.storage import interchange, maintenance

OLD = Path(__file__).parent / "files" / "memory-0.1.0.insitu"
NAMES = [f"feature {number}" for number in range(24)]


@pytest.fixture
def pandas() -> Any:
    return pytest.importorskip("pandas", reason="tables are tested with pandas; pip install '.[dev]'")


def reopened(memory: Memory, path: Path) -> Memory:
    memory.close()
    return Memory.open(path)


def imported(memory: Memory, path: Path) -> Memory:
    memory.close()
    interchange.export_memory(path, path.with_name("out"))
    interchange.import_memory(path.with_name("out"), path.with_name("imported")).close()
    return Memory.open(path.with_name("imported"))


WAYS: dict[str, Callable[[Memory, Path], Memory]] = {
    "taught": lambda memory, path: memory,
    "reopened": reopened,
    "imported": imported,
    "read": lambda memory, path: Memory.open(path, readonly=True),
    "later": lambda memory, path: memory.projected(100),
    "replayed": lambda memory, path: memory.replay("digital"),
    "replayed into a file": lambda memory, path: memory.replay("digital", path.with_name("other")),
    "pickled": lambda memory, path: pickle.loads(pickle.dumps(memory)),  # noqa: S301  # of our own making
    "copied": lambda memory, path: copy.deepcopy(memory),
    "merged": lambda memory, path: Memory("digital", dim=32).merge(memory),
    "taught more": lambda memory, path: memory.partial_fit(some([3])[0], some([3])[1]),
    "forgotten": lambda memory, path: memory.forget("class 0").age(1),
}


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("way", WAYS)
def test_columns_in_another_order_are_refused_wherever_the_memory_went(way: str, tmp_path: Path, pandas: Any) -> None:
    x, y = some([0, 1, 2])
    table = pandas.DataFrame(x, columns=NAMES)
    there = WAYS[way](Memory.open(tmp_path / "m", dim=32).fit(table, y), tmp_path / "m")
    assert there.feature_names_in_.tolist() == NAMES
    assert there.predict(table).shape == (15,)
    swapped = table[NAMES[::-1]]
    for refused in (
        lambda: there.predict(swapped),
        lambda: there.query(swapped),
        lambda: there.partial_fit(swapped, y),
    ):
        with pytest.raises(ValueError, match="feature names should match"):
            refused()
    with pytest.raises(InsituError, match="the same vectors"):
        there.merge(Memory("digital", dim=32).fit(swapped, y))
    assert there.feature_names_in_.tolist() == NAMES


def test_a_new_fit_takes_new_names_and_plain_numbers_take_them_away(pandas: Any) -> None:
    x, y = some([0, 1, 2])
    memory = Memory("digital", dim=32).fit(pandas.DataFrame(x, columns=NAMES), y)
    assert memory.fit(pandas.DataFrame(x, columns=NAMES[::-1]), y).feature_names_in_.tolist() == NAMES[::-1]
    assert not hasattr(memory.fit(x, y), "feature_names_in_")


LATER: dict[str, Callable[[Memory, Any, Any], Memory]] = {
    "taught": lambda memory, table, y: memory.partial_fit(table, y),
    "merged": lambda memory, table, y: memory.merge(Memory("digital", dim=32).fit(table, y)),
}


@pytest.mark.parametrize("way", LATER)
def test_names_that_come_later_are_kept_from_then_on(way: str, tmp_path: Path, pandas: Any) -> None:
    x, y = some([0, 1, 2])
    table = pandas.DataFrame(x, columns=NAMES)
    with Memory.open(tmp_path / "m", substrate="digital", dim=32) as memory:
        LATER[way](memory.fit(x, y), table, y)
        assert memory.feature_names_in_.tolist() == NAMES
    assert maintenance.verify(tmp_path / "m") == 2
    with Memory.open(tmp_path / "m") as memory:
        for there in (memory, memory.replay("digital")):
            assert there.predict(table).shape == (15,)
            for refused in (there.predict, lambda swapped, there=there: there.partial_fit(swapped, y)):
                with pytest.raises(ValueError, match="feature names should match"):
                    refused(table[NAMES[::-1]])


NUMBERED: dict[str, Any] = {
    "years": [*range(2000, 2024)],
    "mixed": [0, *map(str, range(1, 24))],
    "shuffled": [*range(12, 24), *range(12)],
    "tuples": [("left" if number % 2 else "right", number) for number in range(24)],
}


@pytest.mark.parametrize("columns", NUMBERED)
def test_names_that_are_no_text_go_by_their_text(columns: str, pandas: Any) -> None:
    x, y = some([0, 1, 2])
    names = NUMBERED[columns]
    held = pandas.MultiIndex.from_tuples(names) if columns == "tuples" else pandas.Index(names)
    table = pandas.DataFrame(x, columns=held)
    memory = Memory("digital", dim=32).fit(table, y)
    if columns == "mixed":
        assert memory.feature_names_in_.tolist() == [*map(str, range(24))]
    assert memory.score(table, y) == 1
    for swapped in (table.iloc[:, ::-1], table[sorted(table.columns, key=str)[::-1]]):
        with pytest.raises(ValueError, match="feature names should match"):
            memory.predict(swapped)


@pytest.mark.filterwarnings("ignore:X has feature names")
def test_columns_that_are_numbered_in_order_are_plain_numbers_and_shuffled_ones_are_refused(pandas: Any) -> None:
    x, y = some([0, 1, 2])
    table = pandas.DataFrame(x)
    memory = Memory("digital", dim=32).fit(table, y)
    assert not hasattr(memory, "feature_names_in_")
    assert memory.score(table, y) == memory.score(x, y) == 1
    shuffled = table.iloc[:, ::-1]
    for refused in (
        lambda: memory.predict(shuffled),
        lambda: memory.partial_fit(shuffled, y),
        lambda: memory.merge(Memory("digital", dim=32).fit(shuffled, y)),
        lambda: Memory("digital", dim=32).fit(shuffled, y).merge(memory),
    ):
        with pytest.raises(InsituError, match="unnamed columns in order"):
            refused()
    with pytest.raises(ValueError, match="feature names should match"):
        Memory("digital", dim=32).fit(shuffled, y).predict(table)


def test_a_name_that_is_there_twice_is_refused_in_one_line(pandas: Any) -> None:
    x, y = some([0, 1, 2])
    for names in ([*NAMES[1:], NAMES[1]], [1, "1", *range(2, 24)]):
        with pytest.raises(InsituError, match="twice; rename one") as caught:
            Memory("digital", dim=32).fit(pandas.DataFrame(x, columns=names), y)
        assert "\n" not in str(caught.value)


def test_dates_and_long_integers_in_columns_of_a_table_are_refused(pandas: Any) -> None:
    x, y = some([0, 1, 2])
    for odd in (pandas.to_datetime(["2020-01-01"] * 15), np.full(15, 2**53 + 1), pandas.to_timedelta([1] * 15, "s")):
        table = pandas.DataFrame(x, columns=NAMES).assign(odd=odd)
        for given in (table, table[["odd"]]):
            with pytest.raises(InsituError, match=r"in X are stored as float64|X is numeric"):
                Memory("digital", dim=32).fit(given, y)


def test_a_file_of_version_0_1_0_opens_answers_and_learns_on(tmp_path: Path) -> None:
    path = Path(shutil.copy(OLD, tmp_path))
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(4, 6)) * 3)[np.repeat(range(4), 4)] + rng.normal(size=(16, 6)) * 0.3
    right = np.repeat(["cup", "plate", "café", "fork"], 4)
    with Memory.open(path) as memory:
        assert memory.classes_.tolist() == ["café", "cup", "fork"]
        assert memory.predict(x[right != "plate"]).tolist() == right[right != "plate"].tolist()
        # as 0.1.0 answered, but for the noise of reading
        np.testing.assert_allclose(memory.predict_proba(x[:2])[:, 1], [0.99998, 0.99998], atol=1e-4)
        assert (memory.events_, memory.now_s_, memory._model.seed) == (4, 3600, 3)
        assert memory.replay("digital").score(x[8:12], right[8:12]) == 1
        assert memory.partial_fit(x, right).score(x, right) == 1
    assert maintenance.verify(path) == 5
    with Memory.open(path) as memory:
        assert memory.score(x, right) == 1


def test_other_weights_of_the_backbone_are_rejected_in_a_copy_as_in_a_file() -> None:
    images, labels = np.random.default_rng(0).integers(0, 255, (4, 32, 32), np.uint8), ["a", "b", "a", "b"]
    memory = Memory("digital", encoder="omniglot").fit(images, labels)
    assert memory._model.encoder.startswith("omniglot ")
    memory._model = replace(memory._model, encoder="omniglot 0123456789abcdef")
    for refused in (
        lambda: memory.predict(images),
        lambda: memory.partial_fit(images, labels),
        lambda: memory.forget("a"),
        lambda: Memory("digital", encoder="omniglot").fit(images, labels).merge(memory),
    ):
        with pytest.raises(InsituError, match="omniglot 0123456789abcdef"):
            refused()


def test_parameters_that_are_changed_do_not_reach_what_was_taught_with_others(tmp_path: Path) -> None:
    x, y = some([0, 1, 2])
    memory = Memory("digital", dim=32).fit(x, y)
    before = memory.predict_proba(x)
    memory.set_params(dim=64, substrate=None)
    assert np.array_equal(memory.predict_proba(x), before)
    with pytest.raises(InsituError, match="parameter was changed"):
        memory.partial_fit(x, y)
    assert memory.fit(x, y)._model.state.held.inputs == 64  # type: ignore[union-attr]  # it was just taught
    with Memory.open(tmp_path / "m", dim=32) as kept:
        kept.fit(x, y).set_params(dim=64)
        with pytest.raises(InsituError, match="parameter was changed"):
            kept.fit(x, y)


@pytest.mark.parametrize("kept", [True, False], ids=["file", "no file"])
def test_what_threads_teach_at_once_is_all_there(kept: bool, tmp_path: Path) -> None:
    memory = Memory.open(tmp_path / "m", substrate="digital", dim=16) if kept else Memory("digital", dim=16)
    x, _ = some([0], 10)
    failed: list[BaseException] = []

    def teach(first: int) -> None:
        try:
            for number in range(10):
                memory.partial_fit(x[number : number + 1], [first + number])
                memory.predict(x)
        except BaseException as error:  # whatever it is, the test says so
            failed.append(error)

    threads = [threading.Thread(target=teach, args=(first,)) for first in (0, 100, 200, 300)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len(memory.classes_) == memory.events_ == 40
    copies = [copy.copy(memory), copy.deepcopy(memory), pickle.loads(pickle.dumps(memory))]  # noqa: S301  # our own
    assert all(len(each.partial_fit(x[:1], [7]).classes_) == 40 for each in copies)
    memory.close()
