"""Files of earlier versions: read as they are, migrated when they are opened for writing."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from crafting import craft_parameters, craft_state, replaced

from insitu import Memory
from insitu.core import InsituError
from insitu.memory.settings import Settings
from insitu.memory.storage import interchange, maintenance, schema

FIXTURES = Path(__file__).parent / "fixtures"
CENTRES = np.random.default_rng(0).normal(size=(4, 6)) * 3  # what it was taught: cup, é, box (forgotten), pen
CURRENT = len(schema.STEPS)
TABLES = "SELECT count(*) FROM sqlite_master WHERE name = 'seal'"


@pytest.fixture
def older(tmp_path: Path) -> Path:
    return Path(shutil.copy(FIXTURES / "taught-0.1.0.insitu", tmp_path / "older.insitu"))


@pytest.mark.parametrize("substrate", ["crossbar", "digital"])
def test_a_file_of_version_2_opens_predicts_and_learns(substrate: str, tmp_path: Path) -> None:
    path = Path(shutil.copy(FIXTURES / f"{substrate}-version-2.insitu", tmp_path))
    assert maintenance.verify(path) == 5
    with Memory.open(path) as memory:
        assert (memory.class_count_.tolist(), memory.now_s_, memory.events_) == ([3, 4, 1], 60.0, 5)
        # one draw of read noise, as recorded; over draws it has the mean and spread of when the file was written
        recorded = {"crossbar": [0.991657, 6.14e-05, 0.008282], "digital": [0.999617, 0.000316, 6.8e-05]}[substrate]
        np.testing.assert_allclose(memory.predict_proba(CENTRES)[2], recorded, atol=1e-5)
        again, before = memory.replay(memory.substrate).cost().counts, memory.cost().counts
        # the space was not fitted again for more classes then
        assert all(again[name] >= spent for name, spent in before.items())
        memory.partial_fit(CENTRES[2:3], ["box"])
        assert memory.predict(CENTRES).tolist() == ["cup", "é", "box", "pen"]
    assert (version(path), maintenance.verify(path)) == (CURRENT, 6)


def test_an_export_of_version_2_is_imported_with_its_devices(tmp_path: Path) -> None:
    path, original = tmp_path / "in.insitu", Path(shutil.copy(FIXTURES / "crossbar-version-2.insitu", tmp_path))
    interchange.import_memory(FIXTURES / "crossbar-version-2", path).close()
    with Memory.open(path) as memory, Memory.open(original, readonly=True) as other:
        assert np.array_equal(memory.predict_proba(CENTRES), other.predict_proba(CENTRES))


@pytest.mark.parametrize("name", ["taught-0.1.0", "crossbar-version-2", "digital-version-2"])
def test_examples_of_an_older_file_have_the_ids_of_its_journal(name: str, tmp_path: Path) -> None:
    path = Path(shutil.copy(FIXTURES / f"{name}.insitu", tmp_path))
    with Memory.open(path, readonly=True) as memory:
        found = memory.examples()
        assert len(found) == memory.class_count_.sum()
        kept = dict(zip(memory._model.kept_ids.tolist(), memory._model.kept, strict=True))
        assert all(np.array_equal(memory.example_input(each), row) for each, row in kept.items())
    events = maintenance.verify(path)
    with Memory.open(path) as memory:
        known = CENTRES[[0, 1, 3]]  # the third is of no class, and all columns are written again here
        before, predictions = memory.classes_.tolist(), memory.predict(known).tolist()
        memory.relabel(found[0].id, "another").undo()
        assert (memory.classes_.tolist(), memory.predict(known).tolist()) == (before, predictions)
        memory.undo()  # of a change that the older version made
        assert memory.classes_.tolist() != before or memory.class_count_.sum() != len(found)
    assert maintenance.verify(path) == events + 3


def version(path: Path) -> int:
    with sqlite3.connect(path) as other:
        found: int = other.execute("PRAGMA user_version").fetchone()[0]
    other.close()
    return found


def test_it_is_read_verified_and_exported_as_it_is(older: Path, tmp_path: Path) -> None:
    before = older.read_bytes()
    with Memory.open(older, readonly=True) as memory:
        assert memory.predict(CENTRES[[0, 1, 3]]).tolist() == ["cup", "é", "pen"]
        assert (memory.class_count_.tolist(), memory.now_s_, memory.events_) == ([4, 1, 4], 60.0, 4)
    assert maintenance.verify(older) == 4
    assert maintenance.info(older)["events"] == {"fit": 1, "learn": 1, "age": 1, "forget": 1}
    interchange.export_memory(older, tmp_path / "out")
    maintenance.back_up(older, tmp_path / "copy.insitu")
    assert older.read_bytes() == before
    assert (version(older), version(tmp_path / "copy.insitu")) == (1, 1)


def test_it_is_renewed_when_it_is_taught(older: Path) -> None:
    with Memory.open(older) as memory:
        assert memory.predict(CENTRES[[0, 1, 3]]).tolist() == ["cup", "é", "pen"]
        memory.partial_fit(CENTRES[2:3], ["box"]).age(1)
    assert version(older) == CURRENT
    assert maintenance.verify(older) == 6
    with Memory.open(older, readonly=True) as memory:
        assert memory.predict(CENTRES).tolist() == ["cup", "é", "box", "pen"]


def test_one_that_was_never_taught_is_renewed_too(tmp_path: Path) -> None:
    path = Path(shutil.copy(FIXTURES / "untaught-0.1.0.insitu", tmp_path / "older.insitu"))
    with Memory.open(path, readonly=True) as memory:
        assert not hasattr(memory, "classes_")
    with Memory.open(path) as memory:
        memory.fit(CENTRES, list("abcd"))
        assert memory.dim == 16
    assert (version(path), maintenance.verify(path)) == (CURRENT, 1)


@pytest.mark.parametrize("name", ["state", "parameters", "tables"])
def test_one_that_is_damaged_is_not_renewed(older: Path, name: str) -> None:
    if name == "state":
        craft_state(older, lambda tree: replaced(tree, "insitu.memory._space:Space", "insitu.__main__:x"))
    elif name == "parameters":
        craft_parameters(older, lambda kept: replaced(kept, "devices/pcm-nandakumar2018", "data/omniglot"))
    else:
        with sqlite3.connect(older) as other:
            other.execute("CREATE TABLE seal (more)")
        other.close()
    for readonly in (True, False):
        with pytest.raises(InsituError, match="damaged"):
            Memory.open(older, readonly=readonly)
    assert version(older) == 1


def test_a_field_that_an_older_record_lacks_has_its_default(older: Path) -> None:
    def without(tree: dict[str, object]) -> dict[str, object]:
        fields = dict(tree["fields"])  # type: ignore[call-overload]
        del fields["seed"]  # Model.seed has a default
        return tree | {"fields": fields}

    craft_state(older, without)
    with Memory.open(older) as memory:
        assert memory._model.seed == 0
        memory.partial_fit(CENTRES[2:3], ["box"])
    assert maintenance.verify(older) == 5


def test_a_file_and_a_pickle_that_name_a_backbone_are_opened(tmp_path: Path) -> None:
    path, images = tmp_path / "m.insitu", np.random.default_rng(0).integers(0, 255, (4, 32, 32), np.uint8)
    with Memory.open(path, substrate="digital", encoder="omniglot") as memory:
        memory.fit(images, list("abab"))
        expected = memory.predict_proba(images)
        state = memory.__getstate__()
    craft_parameters(path, lambda kept: {"backbone" if name == "encoder" else name: kept[name] for name in kept})
    for given in ({}, {"encoder": "omniglot"}):
        with Memory.open(path, **given) as memory:
            assert np.array_equal(memory.predict_proba(images), expected)
    assert maintenance.info(path)["parameters"]["encoder"] == "omniglot"
    settings = object.__new__(Settings)
    settings.__setstate__({"substrate": state["substrate"], "backbone": state.pop("encoder"), "dim": state["dim"]})
    older = Memory.__new__(Memory)
    older.__setstate__(state | {"backbone": "omniglot", "_settings": settings})
    assert older.get_params()["encoder"] == "omniglot"
    assert np.array_equal(older.predict_proba(images), expected)
    assert older.partial_fit(images[:1], ["c"]).classes_.tolist() == ["a", "b", "c"]
