"""Parts are found by file name and source text; nothing is imported before it is loaded."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from insitu import catalog
from insitu.core import InsituError


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for room in ("devices", "experiments", "data", "training"):
        (tmp_path / room).mkdir()
    (tmp_path / "devices" / "my_cell2024.py").write_text('"""A cell.\n\nMore."""\n\nclass MyCell2024:\n    pass\n')
    (tmp_path / "devices" / "helper.py").write_text(
        '"""No part: defines no class of its name."""\n\nclass Other: ...\n'
    )
    (tmp_path / "devices" / "_private.py").write_text("class Private: ...\n")
    (tmp_path / "experiments" / "some_table.py").write_text('"""A table."""\nimport nothing_at_all\nEXPERIMENT = 3\n')
    (tmp_path / "data" / "pictures.py").write_text('"""Pictures."""\nclass Pictures: ...\n')
    (tmp_path / "training" / "pictures.py").write_text('"""A training."""\nJOB = 1\n')
    monkeypatch.setattr(catalog, "ROOTS", [tmp_path])
    return tmp_path


def test_a_part_is_a_file_that_defines_its_own_name(root: Path) -> None:
    assert [(part.room, part.name, part.symbol) for part in catalog.parts()] == [
        ("experiments", "some-table", "EXPERIMENT"),
        ("devices", "my-cell2024", "MyCell2024"),
        ("training", "pictures", "JOB"),
        ("data", "pictures", "Pictures"),
    ]


def test_the_summary_is_the_first_line_of_the_docstring(root: Path) -> None:
    assert catalog.find("my-cell2024").summary == "A cell."


@pytest.mark.parametrize("name", ["my-cell2024", "my_cell2024", "My_Cell2024", "devices/my-cell2024"])
def test_names_take_dashes_and_underscores(root: Path, name: str) -> None:
    assert catalog.find(name).path == root / "devices" / "my_cell2024.py"


def test_an_unknown_name_gets_the_closest(root: Path) -> None:
    with pytest.raises(InsituError, match="'my-cell2023' in any room; did you mean my-cell2024"):
        catalog.find("my-cell2023")
    with pytest.raises(InsituError, match="in the room data; there are: pictures"):
        catalog.find("zzz", "data")


def test_an_unknown_room_gets_the_closest() -> None:
    with pytest.raises(InsituError, match="no room called 'device'; did you mean devices"):
        catalog.parts("device")


def test_a_name_in_two_rooms_asks_for_the_room(root: Path) -> None:
    with pytest.raises(InsituError, match="training/pictures or data/pictures"):
        catalog.find("pictures")
    assert catalog.find("data/pictures").room == "data"
    assert catalog.find("pictures", "training").symbol == "JOB"


def test_a_damaged_file_is_named(root: Path) -> None:
    (root / "devices" / "broken.py").write_text("class Broken(:\n")
    with pytest.raises(InsituError, match=r"devices/broken\.py cannot be read"):
        catalog.parts("devices")


def test_an_edited_file_is_read_again(root: Path) -> None:
    catalog.parts()
    (root / "devices" / "helper.py").write_text('"""Now a part."""\n\nclass Helper: ...\n\nX = "longer"\n')
    assert "helper" in [part.name for part in catalog.parts("devices")]


def test_every_real_part_loads_and_knows_itself() -> None:
    for part in catalog.parts("devices"):
        kind = catalog.load(part)
        assert part.summary
        assert kind.__name__.lower() == part.name.replace("-", "")
        assert catalog.part_of(kind) == part
    assert catalog.part_of(int) is None


def test_a_list_imports_no_part(root: Path) -> None:
    catalog.parts()
    assert "nothing_at_all" not in sys.modules
    assert "insitu.experiments.some_table" not in sys.modules


def test_folders_of_the_environment_hold_parts_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine" / "devices").mkdir(parents=True)
    (tmp_path / "mine" / "devices" / "own_cell.py").write_text(
        "from insitu.devices.ideal import Ideal\n\nclass OwnCell(Ideal): ...\n"
    )
    monkeypatch.setenv("INSITU_PARTS", str(tmp_path / "mine"))
    devices = importlib.import_module("insitu.devices")
    monkeypatch.setattr(devices, "__path__", [*devices.__path__])
    part = catalog.find("own-cell")
    kind = catalog.load(part)
    assert (kind.__name__, catalog.part_of(kind)) == ("OwnCell", part)
    assert "ideal" in [each.name for each in catalog.parts("devices")]
    (tmp_path / "mine" / "devices" / "ideal.py").write_text('"""Another."""\n\nclass Ideal: ...\n')
    with pytest.raises(InsituError, match=r"ideal\.py and .*ideal\.py define 'ideal' both; rename one of them"):
        catalog.find("own-cell")


def test_a_folder_of_the_environment_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSITU_PARTS", str(tmp_path / "nowhere"))
    with pytest.raises(InsituError, match=r"INSITU_PARTS names .*nowhere, which has no folder called experiments"):
        catalog.parts()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import nothing_at_all\nclass BadCell: ...\n", "cannot be imported .ModuleNotFoundError: .*; fix the file"),
        ("class BadCell: ...\n1 / 0\n", "cannot be imported .ZeroDivisionError: .*; fix the file"),
        ("class BadCell: ...\n", "BadCell in .* is not a Device; derive it from Device"),
        ("from insitu.devices import Device\nclass BadCell(Device): ...\n", "BadCell in .* lacks .*program.*; add"),
        ("class Other: ...\n", "bad_cell.py defines no class BadCell; name it so"),
        ("class BadCell(:\n", "bad_cell.py cannot be read: .*; fix or remove the file"),
    ],
)
def test_a_mistake_in_a_part_of_ones_own_is_one_line_that_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    (tmp_path / "devices").mkdir()
    (tmp_path / "devices" / "bad_cell.py").write_text(text)
    monkeypatch.setenv("INSITU_PARTS", str(tmp_path))
    devices = importlib.import_module("insitu.devices")
    monkeypatch.setattr(devices, "__path__", [*devices.__path__])
    monkeypatch.delitem(sys.modules, "insitu.devices.bad_cell", raising=False)
    with pytest.raises(InsituError, match=said):
        catalog.load(catalog.find("bad-cell", "devices"))
