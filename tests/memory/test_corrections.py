"""Undo, rename, remove and relabel: laws of each, in memory and in a file that is reopened, replayed and exported."""

from __future__ import annotations

import copy
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from points import CENTRES, some

from insitu import Memory
from insitu.core import InsituError, generator
from insitu.memory.history import REMEMBERED
from insitu.memory.model import KEPT
from insitu.memory.storage import interchange, maintenance, rollback

QUERIES = some([0, 1, 2, 3], 5, seed=3)[0]
TAUGHT = QUERIES[:15]  # of the classes taught; which class is nearest to the others is left to noise
Change = Callable[[Memory], object]
CHANGES: dict[str, Change] = {
    "learn": lambda memory: memory.partial_fit(*some([0, 1], 2, seed=5)),
    "new class": lambda memory: memory.partial_fit(*some([3, 4], 2, seed=5)),
    "new space": lambda memory: memory.partial_fit(*some([0, 5], 20, seed=6)),
    "forget": lambda memory: memory.forget("class 1"),
    "merge": lambda memory: memory.merge(Memory("digital", dim=64).fit(*some([2, 7], 3, seed=8))),
    "rename": lambda memory: memory.rename("class 1", "another"),
    "remove": lambda memory: memory.remove_example(7),
    "relabel": lambda memory: memory.relabel(7, "class 2"),
    "relabel to a new class": lambda memory: memory.relabel(7, "new"),
}
SUBSTRATES = ["digital", None]


def taught(substrate: str | None = "digital") -> Memory:
    return Memory(substrate, dim=64).fit(*some([0, 1, 2]))


def check_same(memory: Memory, other: Memory, tolerance: float = 1e-6) -> None:
    """Same classes, counts, means and stored examples; on a digital substrate the same similarities."""
    one, two = memory._model, other._model
    assert one is not None
    assert two is not None
    assert (one.numbers, one.counts.tolist()) == (two.numbers, two.counts.tolist())
    for name in ("means", "kept", "kept_numbers", "kept_ids"):
        assert np.array_equal(getattr(one, name), getattr(two, name)), name
    if memory.substrate == "digital":
        found, expected = (each.query(QUERIES).similarities for each in (memory, other))
        np.testing.assert_allclose(found, expected, atol=tolerance)


@pytest.mark.parametrize("substrate", SUBSTRATES)
@pytest.mark.parametrize("name", CHANGES)
def test_an_undone_change_is_as_if_it_had_never_been(name: str, substrate: str | None) -> None:
    memory, never = taught(substrate), taught(substrate)
    CHANGES[name](memory)
    changed = memory._model.numbers, memory._model.counts.tolist(), memory.cost().counts  # type: ignore[union-attr]
    memory.age(10).undo()
    assert memory.now_s_ == 10.0, "time is not taken back"
    assert (memory._model.numbers, memory._model.counts.tolist()) != changed[:2]  # type: ignore[union-attr]
    check_same(memory, never)
    if substrate is None:
        spent = memory.cost().counts
        assert all(spent[kind] >= count for kind, count in changed[2].items()), "devices are not un-pulsed"
        assert (memory.predict(TAUGHT) == never.predict(TAUGHT)).mean() > 0.9


def test_an_undo_resets_the_columns_that_changed_and_no_other() -> None:
    memory = taught(None)
    before = memory.projected(0)
    memory.partial_fit(*some([1], 2, seed=5))
    memory.undo()
    columns = memory.columns(["class 0", "class 1", "class 2"], since=before)
    assert columns is not None
    assert (columns.resets > 0).tolist() == [False, True, False]
    untouched = before.columns(["class 0", "class 2"])
    assert untouched is not None
    assert np.array_equal(columns.conductances_us[..., [0, 2]], untouched.conductances_us)


@pytest.mark.parametrize("stored", [False, True])
def test_undo_goes_back_to_the_fit_and_no_further(path: Path, stored: bool) -> None:
    memory = Memory.open(path, substrate="digital", dim=64) if stored else Memory("digital", dim=64)
    memory.fit(*some([0, 1, 2]))
    fitted = memory.projected(0)
    for change in CHANGES.values():
        change(memory)
        if change is not CHANGES["merge"]:  # each change is of the fitted memory, but for one that stays below
            memory.undo()
    memory.partial_fit(*some([4], 2)).rename("class 4", "class 9").undo()
    assert "class 4" in memory.classes_
    memory.undo().undo()
    check_same(memory, fitted)
    last = memory.last_change()
    assert last is None
    with pytest.raises(InsituError, match="no change to undo"):
        memory.undo()
    memory.close()


def test_a_memory_without_a_file_remembers_so_many_changes() -> None:
    memory = taught()
    for number in range(REMEMBERED + 2):
        memory.partial_fit(*some([number % 3], 1, seed=number))
    for _ in range(REMEMBERED):
        memory.undo()
    assert memory.class_count_.sum() == 15 + 2
    with pytest.raises(InsituError, match=r"16 changes .*opened from a file"):
        memory.undo()


def test_a_copy_has_nothing_to_undo_and_goes_its_own_way() -> None:
    memory = taught().partial_fit(*some([3]))
    other = copy.deepcopy(memory)
    with pytest.raises(InsituError, match="no change to undo"):
        other.undo()
    other.rename("class 3", "z").undo()
    check_same(other, memory)
    assert memory.undo().classes_.tolist() == ["class 0", "class 1", "class 2"]


@pytest.mark.parametrize("substrate", SUBSTRATES)
def test_the_first_event_can_be_undone_where_it_is_no_fit(substrate: str | None) -> None:
    memory = Memory(substrate, dim=64).partial_fit(*some([0, 1])).undo()
    assert not len(memory.classes_)
    assert not memory._model.state.cohort.x.shape[0] > 64  # type: ignore[union-attr]  # the probes alone
    memory.partial_fit(*some([0, 1, 2]))
    assert memory.predict(QUERIES[:10]).tolist() == some([0, 1])[1]


@pytest.mark.parametrize("substrate", SUBSTRATES)
def test_a_rename_keeps_similarities_bit_for_bit(substrate: str | None) -> None:
    memory = taught(substrate)
    before, spent = memory.query(QUERIES).similarities, memory.cost()
    memory.rename("class 0", "zebra")
    assert memory.classes_.tolist() == ["class 1", "class 2", "zebra"]
    assert np.array_equal(memory.query(QUERIES).similarities[:, [2, 0, 1]], before)
    assert memory.cost() == spent


def test_relabelling_equals_removing_and_teaching() -> None:
    one, two = taught(), taught()
    x = one.example_input(7)
    one.relabel(7, "class 2")
    two.remove_example(7).partial_fit(x[None], ["class 2"])
    assert one.classes_.tolist() == two.classes_.tolist()
    np.testing.assert_allclose(one.query(QUERIES).similarities, two.query(QUERIES).similarities, atol=1e-6)
    assert [example.label for example in one.examples() if example.id == 7] == ["class 2"], "its id stays"


def test_relabelling_all_of_a_class_equals_forgetting_and_teaching() -> None:
    one, two = (Memory("digital", dim=64).fit(*some([0, 1, 2])) for _ in range(2))
    inputs = np.array([one.example_input(example.id) for example in one.examples("class 1")])
    for example in one.examples("class 1"):
        one.relabel(example.id, "moved")
    two.forget("class 1")
    for x in inputs:
        two.partial_fit(x[None], ["moved"])
    assert one.classes_.tolist() == two.classes_.tolist() == ["class 0", "class 2", "moved"]
    assert one.predict(TAUGHT).tolist() == two.predict(TAUGHT).tolist()


def test_a_removed_example_is_as_if_never_taught() -> None:
    x, y = some([0, 1, 2])
    one = Memory("digital", dim=64).fit(x, y).remove_example(7)
    rest = np.arange(15) != 7
    two = Memory("digital", dim=64).fit(x[rest], [label for label, stays in zip(y, rest, strict=True) if stays])
    assert one.class_count_.tolist() == two.class_count_.tolist() == [5, 4, 5]
    np.testing.assert_allclose(one._model.means, two._model.means, rtol=1e-12)  # type: ignore[union-attr]
    assert one.predict(QUERIES).tolist() == two.predict(QUERIES).tolist()
    space = one._model.space  # type: ignore[union-attr]
    assert space is not None
    assert not (space.cohort == space.scaled(x[7:8])).all(1).any(), "nothing of it is in the calibration set"


def test_the_last_example_of_a_class_takes_it_along() -> None:
    memory = taught().partial_fit(*some([3], 1))
    (last,) = memory.examples("class 3")
    memory.remove_example(last.id)
    assert memory.classes_.tolist() == ["class 0", "class 1", "class 2"]


def test_examples_say_who_taught_them_when(path: Path) -> None:
    with Memory.open(path, substrate="digital", dim=64, who="ann") as memory:
        memory.fit(*some([0, 1]))
    with Memory.open(path, who="bob") as memory:
        memory.partial_fit(*some([1], 2, seed=1)).rename("class 0", "zero").relabel(6, "zero")
        found = memory.examples()
        assert [example.id for example in found] == list(range(12))
        assert [example.who for example in found] == ["ann"] * 10 + ["bob"] * 2
        assert [example.label for example in found] == ["zero"] * 5 + ["class 1", "zero"] + ["class 1"] * 5
        assert all(example.stored and example.at.endswith("+00:00") for example in found)
        assert np.array_equal(memory.example_input(11), some([1], 2, seed=1)[0][1])
        memory.undo().undo()
        assert [example.id for example in memory.examples("class 0")] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("act", [
    lambda memory: memory.rename("class 0", "class 1"),
    lambda memory: memory.rename("none", "other"),
    lambda memory: memory.rename("class 0", 3),
    lambda memory: memory.remove_example(99),
    lambda memory: memory.remove_example(True),
    lambda memory: memory.remove_example("class 0"),
    lambda memory: memory.relabel(0, "class 0"),
    lambda memory: memory.relabel(-1, "class 1"),
    lambda memory: memory.relabel(0, 1.5),
    lambda memory: memory.examples("none"),
    lambda memory: memory.backup("x"),
])  # fmt: skip
def test_a_wrong_correction_says_so_and_changes_nothing(act: Change) -> None:
    memory = taught()
    before = memory._model
    with pytest.raises(InsituError) as caught:
        act(memory)
    assert "\n" not in str(caught.value)
    assert memory._model is before


@pytest.mark.parametrize("substrate", SUBSTRATES)
def test_a_file_of_corrections_is_verified_reopened_replayed_and_imported(path: Path, substrate: str | None) -> None:
    beside = Memory(substrate, dim=64)
    steps: list[Change] = [
        lambda memory: memory.fit(*some([0, 1, 2])),
        *(step for change in CHANGES.values() for step in (change, Memory.undo)),
        CHANGES["relabel"],
        CHANGES["new space"],
        CHANGES["rename"],
        lambda memory: memory.age(100),
        CHANGES["merge"],
        Memory.undo,
        Memory.undo,
        CHANGES["new class"],
        lambda memory: memory.remove_example(memory.examples("class 3")[0].id),
    ]
    for step in steps:
        with Memory.open(path, substrate=substrate, dim=64) as memory:
            step(memory)
        step(beside)
    assert maintenance.verify(path) == len(steps)
    with Memory.open(path, readonly=True) as memory:
        check_same(memory, beside, tolerance=0)
        assert np.array_equal(memory.predict_proba(QUERIES), beside.predict_proba(QUERIES))
        assert memory.cost() == beside.cost()
        again = memory.replay(substrate)
        assert np.array_equal(memory.predict_proba(QUERIES), again.predict_proba(QUERIES))
        other = memory.replay("digital")
        check_same(memory, other)
    interchange.export_memory(path, path.with_name("out"))
    for name, changes in (("same", None), ("again", {}), ("other", {"substrate": "digital"})):
        imported = path.with_name(name)
        interchange.import_memory(path.with_name("out"), imported, changes).close()
        assert maintenance.verify(imported) == len(steps)
        with Memory.open(imported) as memory:
            if name != "other":
                assert np.array_equal(memory.predict_proba(QUERIES), beside.predict_proba(QUERIES))
            memory.undo()  # without the former states, which are not exported
            assert maintenance.verify(imported) == len(steps) + 1
    beside.undo()
    with Memory.open(path) as memory:
        memory.undo()
        check_same(memory, beside, tolerance=0)


@pytest.mark.parametrize("substrate", SUBSTRATES)
def test_an_undo_from_the_journal_equals_that_from_the_former_state(path: Path, substrate: str | None) -> None:
    other_path = path.with_name("copy")
    with Memory.open(path, substrate=substrate, dim=64) as memory:
        memory.fit(*some([0, 1, 2]))
        for name in ("new space", "forget", "new class", "learn"):
            CHANGES[name](memory)
        memory.backup(other_path)
    with sqlite3.connect(other_path) as other:
        other.execute("DELETE FROM undo")
    other.close()
    with Memory.open(path) as one, Memory.open(other_path) as two:
        for _ in range(4):
            one.undo()
            two.undo()
            check_same(one, two, tolerance=0)
            assert np.array_equal(one.predict_proba(QUERIES), two.predict_proba(QUERIES))


def test_only_the_former_states_of_recent_events_are_stored(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollback, "EVENTS", 3)
    with Memory.open(path, substrate="digital", dim=64) as memory:
        memory.fit(*some([0, 1, 2]))
        fitted = memory.projected(0)
        for number in range(6):
            memory.partial_fit(*some([number % 3], 1, seed=number))
        events = memory._store._connection.execute("SELECT DISTINCT event FROM undo").fetchall()  # type: ignore[union-attr]
        assert sorted(event for (event,) in events) == [5, 6, 7]
        for _ in range(6):
            memory.undo()
        check_same(memory, fitted)
    assert maintenance.verify(path) == 13


@pytest.mark.parametrize("statement", [
    "UPDATE undo SET data = substr(data, 1, 3)",
    "UPDATE undo SET event = event - 1 WHERE event = (SELECT min(event) FROM undo)",
    "UPDATE undo SET part = part + 1000 WHERE path != ''",
    "UPDATE undo SET data = CAST(data AS TEXT)",
    "DELETE FROM undo WHERE event = 3 AND path = 'model/counts'",
    "DELETE FROM undo WHERE event = 3 AND path = ''",
    "DELETE FROM undo WHERE event = 3",
    "DELETE FROM undo WHERE event = 4",
])  # fmt: skip
def test_damage_in_former_states_is_noticed(taught: Path, statement: str) -> None:
    with sqlite3.connect(taught) as other:
        other.execute(statement)
    other.close()
    with pytest.raises(InsituError, match="damaged"):
        maintenance.verify(taught)
    with Memory.open(taught) as memory, pytest.raises(InsituError, match="damaged"):
        memory.undo()


def test_more_examples_than_are_stored(path: Path) -> None:
    """Evicted examples come back by an undo, and can be relabelled from the journal."""
    rng = generator(0, "many")
    y = np.repeat(np.arange(3), 300)
    x = CENTRES[y] + rng.standard_normal((len(y), 24))
    with Memory.open(path, substrate="digital", dim=64) as memory:
        memory.fit(x[:600], [f"class {number}" for number in y[:600]])
        before = memory.projected(0)
        memory.partial_fit(x[600:], [f"class {number}" for number in y[600:]])
        assert len(memory._model.kept) == KEPT  # type: ignore[union-attr]
        assert len(memory.examples()) == 900
        kept = set(memory._model.kept_ids.tolist())  # type: ignore[union-attr]
        evicted = next(example for example in memory.examples("class 1") if example.id not in kept)
        assert np.array_equal(memory.example_input(evicted.id), x[evicted.id])
        memory.relabel(evicted.id, "class 2")
        assert memory.class_count_.tolist() == [300, 299, 301]
        rest = [row for row in range(300, 600) if row != evicted.id]
        np.testing.assert_allclose(memory._model.means[1], x[rest].mean(0), atol=1e-9)  # type: ignore[union-attr]
        memory.undo().undo()
        check_same(memory, before)
    assert maintenance.verify(path) == 5
    with Memory.open(path, readonly=True) as memory:
        assert memory.replay("digital").class_count_.tolist() == [300, 300]
