"""Malicious files: nothing in them is executed, and impossible content is rejected in one line."""

from __future__ import annotations

import sqlite3
import sys
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from crafting import craft_parameters, craft_state, replaced
from points import answers, some

from insitu import Memory
from insitu.core import InsituError
from insitu.memory.storage import interchange, maintenance

OPENED = (
    lambda path: Memory.open(path),
    lambda path: Memory.open(path, readonly=True),
    maintenance.verify,
    maintenance.info,
    lambda path: interchange.export_memory(path, path.with_name("out")),
    lambda path: maintenance.back_up(path, path.with_name("out")),
)


def check_refused(path: Path, match: str = "damaged") -> None:
    for act in OPENED:
        with pytest.raises(InsituError, match=match) as caught:
            act(path)
        assert "\n" not in str(caught.value)
    assert not list(path.parent.glob("out*"))


@pytest.mark.parametrize(
    "name",
    ["insitu.__main__:x", "insitu.app.__main__:main", "antigravity:x", "insitu.core:InsituError", "os:system", 7],
)
def test_no_name_in_a_file_is_imported(taught: Path, name: object, monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    known, imported = builtins.__import__, []

    def spied(module: str, *args: Any, **more: Any) -> Any:
        imported.append(module)
        return known(module, *args, **more)

    before = set(sys.modules)
    craft_state(taught, lambda tree: replaced(tree, "insitu.memory.space:Space", name))
    monkeypatch.setattr(builtins, "__import__", spied)
    check_refused(taught)
    assert not {"insitu.__main__", "insitu.app.__main__", "antigravity"} & ((set(sys.modules) - before) | set(imported))


PARTS = (
    *("experiments/ortner2025-arm", "training/omniglot", "data/omniglot", "learners/maml", "backbones/resnet12"),
    *("substrates/_tiles", "substrates/../../x", "devices/", "crossbar", "", 5, None, ["devices/ideal"]),
)


@pytest.mark.parametrize("part", PARTS)
def test_parameters_name_substrates_and_devices_only(taught: Path, part: object) -> None:
    craft_parameters(taught, lambda kept: replaced(kept, "devices/pcm-nandakumar2018", part))
    check_refused(taught, ".")


WRONG = (
    *((64, "64"), (64, 2**70), (64, 1.5), (0, "0"), (0, {}), (256, 0), (12.0, "x"), (12.0, [1.0]), (None, 3)),
    *((None, "../weights/omniglot"), ("column", "colum"), (256, {"part": "devices/ideal", "fields": {}})),
)


@pytest.mark.parametrize(("old", "new"), WRONG)
def test_parameters_of_a_wrong_kind_are_refused(taught: Path, old: object, new: object) -> None:
    craft_parameters(taught, lambda kept: replaced(kept, old, new))
    check_refused(taught, ".")


@pytest.mark.parametrize("change", [lambda kept: kept | {"more": 1}, lambda kept: {"dim": 64}, lambda kept: [], str])
def test_other_parameters_than_a_memory_has_are_damage(taught: Path, change: Any) -> None:
    craft_parameters(taught, change)
    check_refused(taught)


def _fields(tree: Any, **changes: object) -> Any:
    return tree | {"fields": tree["fields"] | changes}


STATES = {
    "another type": lambda tree: _fields(tree, features="24"),
    "a field more": lambda tree: _fields(tree, more=1),
    "a field less": lambda tree: {**tree, "fields": {"seed": 0}},
    "no record": lambda tree: 5,
    "another record": lambda tree: tree["fields"]["space"],
    "a list for an array": lambda tree: _fields(tree, means=[]),
    "an array of objects": lambda tree: replaced(tree, "<f8", "O"),
    "an array of text": lambda tree: replaced(tree, "<f8", "<U2"),
    "another shape": lambda tree: replaced(tree, [4, 24], [24, 4, 1]),
    "a huge shape": lambda tree: replaced(tree, [4, 24], [10**15, 10**3]),
    "a negative shape": lambda tree: replaced(tree, [4, 24], [-4, -24]),
    "an array that is not there": lambda tree: replaced(tree, "model/means", "model/none"),
    "a deep list": lambda tree: _fields(tree, seed=reduce(lambda inner, _: {"list": [inner]}, range(450), 0)),
}


@pytest.mark.parametrize("name", STATES)
def test_a_state_that_no_memory_holds_is_damage(taught: Path, name: str) -> None:
    craft_state(taught, STATES[name])
    check_refused(taught)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER mine AFTER INSERT ON journal BEGIN DELETE FROM parts; END",
        "CREATE VIEW more AS SELECT * FROM head",
        "CREATE TABLE more (a)",
        "CREATE INDEX more ON journal (who)",
        "DROP TRIGGER no_delete",
        "PRAGMA user_version = 1",
        "PRAGMA user_version = 0",
        "PRAGMA application_id = 7",
        "INSERT INTO about VALUES ('more', '1')",
        "DELETE FROM about WHERE name = 'made'",
        "UPDATE about SET value = replace(value, '64', '63')",
        "UPDATE about SET value = CAST(value AS BLOB)",
        "DELETE FROM seal",
        "DELETE FROM head",
        "DELETE FROM parts WHERE rowid = (SELECT min(rowid) FROM parts)",
        "INSERT INTO parts SELECT path, part + 1, data, digest FROM parts LIMIT 1",
        "UPDATE head SET event = event - 1",
        "UPDATE head SET tree = CAST(tree AS BLOB)",
    ],
)
def test_no_table_row_or_mark_changes_unnoticed(taught: Path, statement: str) -> None:
    with sqlite3.connect(taught) as other:
        other.execute(statement)
    other.close()
    check_refused(taught)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("class 0", "class 9", "classes"),
        (4, 3, "events"),
        (100.0, 99.0, "seconds"),
        (100.0, float("nan"), "seconds"),
    ],
)
def test_verify_compares_the_state_with_the_journal(taught: Path, old: object, new: object, what: str) -> None:
    def changed(tree: Any) -> Any:
        kept = {name: replaced(tree["fields"][name], old, new) for name in ("numbers", "events", "now_s")}
        return _fields(tree, **kept)

    craft_state(taught, changed)
    with pytest.raises(InsituError, match=f"damaged: the journal gives {what}"):
        maintenance.verify(taught)


def test_verify_compares_means_and_counts_with_the_journal(taught: Path, tmp_path: Path) -> None:
    from insitu.memory.storage import state_tables
    from insitu.memory.storage.store import Store

    for name, change in (("counts", 1), ("means", 1e-3)):
        path = Path(tmp_path / f"{name}.insitu")
        maintenance.back_up(taught, path)
        store = Store.open(path, {})
        assert store.model is not None
        model = store.model
        counts = model.counts + (np.arange(len(model.counts)) == 0) * change * (name == "counts")
        means = model.means.put([0], model.means[0] + change * (name == "means"))
        store.model = replace(model, counts=counts.astype(np.int64), means=means)
        store._connection.execute("BEGIN")
        state_tables.write_model(store._connection, 4, store.model, {})
        store._connection.execute("COMMIT")
        store.close()
        with pytest.raises(InsituError, match="examples per class" if name == "counts" else "mean of class 'class 0'"):
            maintenance.verify(path)


def test_a_refused_file_is_as_it_was_and_can_be_replaced(taught: Path) -> None:
    good = taught.read_bytes()
    craft_state(taught, lambda tree: 5)
    bad = taught.read_bytes()
    check_refused(taught)
    assert taught.read_bytes() == bad
    taught.write_bytes(good)
    with Memory.open(taught) as memory:
        memory.partial_fit(*some([6]))
        assert np.isfinite(answers(memory)).all()
