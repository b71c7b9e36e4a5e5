"""'insitu fit-device' as a user runs it: one file that is a device, a figure, and one line for whatever is wrong."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from insitu import catalog
from insitu.cli.main import main
from insitu.devices.laws import check
from insitu.devices.measured import MeasuredDevice


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a table of twelve cells, each read twice."""
    rows = [
        f"{cell},{pulse},{0.1 + pulse * (1 + cell / 50) + 0.01 * read}"
        for cell in range(12)
        for pulse in range(8)
        for read in range(2)
    ]
    (tmp_path / "pulses.csv").write_text("cell,pulse,conductance_us\n" + "\n".join(rows), encoding="utf-8")
    times = [f"{cell},{t},{7 * t**-0.05}" for cell in range(12) for t in (1, 10, 100)]
    (tmp_path / "drift.csv").write_text("cell,time_s,conductance_us\n" + "\n".join(times), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    devices = importlib.import_module("insitu.devices")
    monkeypatch.setattr(devices, "__path__", [*devices.__path__])
    return tmp_path


def test_a_file_and_a_figure_are_written_and_the_file_is_a_device(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit-device", "pulses.csv", "--drift", "drift.csv", "--out", "parts/devices/bench_cell.py"]) == 0
    text = capsys.readouterr().out
    assert "12 cells, 8 pulse numbers from 0 to 7, 192 reads" in text
    assert "drift exponent 0.0500 ± 0.0000 from 12 of 12 cells" in text
    assert "programming gives pulses until a cell reaches its target" in text
    assert "set INSITU_PARTS to parts; then bench-cell is a device: insitu show bench-cell" in text
    assert (folder / "parts" / "devices" / "bench_cell.svg").read_bytes().startswith(b"<?xml")
    monkeypatch.setenv(catalog.OWN, str(folder / "parts"))
    kind = catalog.load(catalog.find("bench-cell", "devices"))
    assert issubclass(kind, MeasuredDevice)
    module = importlib.import_module(kind.__module__).__doc__ or ""
    assert "Equations" in module
    assert "Not modelled" in module
    check(kind())
    assert main(["show", "bench-cell"]) == 0
    shown = capsys.readouterr().out
    assert "step_mean_us" in shown
    assert "mean step of a SET pulse" in shown


def test_equal_data_give_equal_files(folder: Path) -> None:
    for name in ("one", "two"):
        assert main(["fit-device", "pulses.csv", "--out", f"{name}/own_cell.py", f"--figure={name}/own.png"]) == 0
    for name in ("own_cell.py", "own.png"):
        assert (folder / "one" / name).read_bytes() == (folder / "two" / name).read_bytes()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "fit-device takes one table of pulses, got none"),
        (["a.csv", "b.csv"], "takes one table of pulses, got a.csv b.csv"),
        (["pulses.csv", "--drfit", "drift.csv"], "does not know --drfit; did you mean --drift"),
        (["pulses.csv", "--drift"], "--drift takes the name of a file, such as drift.csv"),
        (["pulses.csv", "--drift", "--overwrite"], "--drift takes the name of a file"),
        (["nowhere.csv"], "nowhere.csv: No such file or directory"),
        (["pulses.csv", "--out", "my-device.py"], "--out is a file such as my_device.py"),
        (["pulses.csv", "--out", "device"], "--out is a file such as my_device.py"),
        (["pulses.csv", "--out", "2cells.py"], "--out is a file such as my_device.py"),
        (["pulses.csv", "--out", "class.py"], "--out is a file such as my_device.py"),
        (["pulses.csv", "--out", "ideal.py"], "the name ideal is taken, by"),
        (["pulses.csv", "--out", "figures.py"], "the name figures is taken, by"),
        (["pulses.csv", "--figure", "curves.pdf"], "a figure is written as .svg or .png"),
        (["drift.csv"], "lacks the column pulse"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(
    folder: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(folder.rglob("*"))
    assert main(["fit-device", *words]) in (1, 2)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert sorted(folder.rglob("*")) == before


def test_files_are_not_overwritten_unless_it_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("my_device.py", "my_device.svg"):
        (folder / name).write_text("mine")
        assert main(["fit-device", "pulses.csv"]) == 2
        assert f"{name} exists; give another name with --out, or --overwrite" in capsys.readouterr().err
        assert (folder / name).read_text() == "mine"
        (folder / name).unlink()
    (folder / "my_device.py").write_text("mine")
    assert main(["fit-device", "pulses.csv", "--overwrite"]) == 0
    assert "class MyDevice(MeasuredDevice)" in (folder / "my_device.py").read_text()


def test_a_device_that_breaks_a_law_is_not_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    targets = [f"{cell},{target},{target / 2}" for cell in range(5) for target in (0, 5, 10)]
    (folder / "programmed.csv").write_text("cell,target_us,conductance_us\n" + "\n".join(targets), encoding="utf-8")
    assert main(["fit-device", "pulses.csv", "--programmed", "programmed.csv"]) == 2
    assert "breaks a law of devices: a target of full scale reads as 50 % of it" in capsys.readouterr().err
    assert not (folder / "my_device.py").exists()
