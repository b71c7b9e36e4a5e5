"""`insitu export c` on the command line."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from insitu.backbones import weights_file
from insitu.backbones.binary_resnet import BinaryResnet
from insitu.backbones.quicknet import Quicknet
from insitu.cli.main import main
from insitu.encoders.trained_backbone import _loaded
from insitu.memory import Memory


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    path = tmp_path / "cups.insitu"
    with Memory.open(path, substrate="digital", dim=32) as memory:
        memory.partial_fit(rng.standard_normal((12, 6)) + 3 * np.arange(12)[:, None] % 3, ["tea", "mug", "glass"] * 4)
    return path


@pytest.mark.skipif(shutil.which("make") is None or shutil.which("cc") is None, reason="no make or C compiler here")
def test_the_folder_builds_and_its_example_learns(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = stored.parent / "device"
    assert main(["export", "c", str(stored), str(folder), "--capacity", "5"]) == 0
    assert "3 classes of 5, 32 rows, 6 inputs" in capsys.readouterr().out
    subprocess.run(["make", "-s"], cwd=folder, check=True)
    printed = subprocess.run(["./example"], cwd=folder, check=True, capture_output=True, text=True).stdout
    assert "predicted: new" in printed
    assert printed.count("mug: 4 examples") == 2
    assert "cups" not in (folder / "model.c").read_text()
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert main(["export", "c", "binary", str(folder)]) == 2
    assert "has model.c of another export" in capsys.readouterr().err
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_a_trained_quicknet_is_exported_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INSITU_CACHE", str(tmp_path))
    place = tmp_path / "training" / "mine"
    place.mkdir(parents=True)
    weights_file.save(place / "mine", Quicknet((8, 8, 8, 16)).build().eval(), {"image_size": 16})
    assert main(["export", "c", "mine", str(tmp_path / "out"), "--plan"]) == 0
    printed = capsys.readouterr().out
    assert "16 pixels a side, 16 features" in printed
    assert "insitu_dense.c" in printed
    assert "insitu_latent " in printed
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    for name in ("../training/mine/mine", "../training/mine/mine.safetensors", str(place / "mine")):
        assert main(["export", "c", name, "again"]) == 0
        assert (elsewhere / "again" / "network.c").read_bytes() == (tmp_path / "out" / "network.c").read_bytes()


def test_a_backbone_with_a_name_of_the_package_is_exported_by_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INSITU_CACHE", str(tmp_path))
    place = tmp_path / "training" / "binary" / "binary"
    place.parent.mkdir(parents=True)
    weights_file.save(place, Quicknet((8, 8, 8, 16)).build().eval(), {"image_size": 16})
    assert main(["export", "c", "binary", str(tmp_path / "out")]) == 0
    found = capsys.readouterr()
    assert "512 features" in found.out
    assert f"the one trained here give {place}.safetensors" in found.err
    assert main(["export", "c", f"{place}.safetensors", str(tmp_path / "own")]) == 0
    found = capsys.readouterr()
    assert "16 features" in found.out
    assert not found.err


def test_the_plan_is_a_table_of_what_each_call_takes(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "c", "--plan", str(stored), "--capacity", "20", str(stored.parent / "device")]) == 0
    lines = capsys.readouterr().out.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("one call"))
    titles = re.split(r" {2,}", lines[first])
    assert titles[1:4] == ["multiply-accumulates", "words compared", "bytes moved"]
    for line, name in zip(lines[first + 1 :], ("insitu_predict", "insitu_teach"), strict=False):
        cells = re.split(r" {2,}", line)
        assert cells[0] == name
        assert len(cells) == len(titles)
        assert lines[first].index("words compared") + len("words compared") == line.index(" 0  ") + 2


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "export takes c"),
        (["java", "a", "b"], "export takes c"),
        (["c", "missing.insitu", "out"], "there is no memory at missing.insitu"),
        (["c", "omniglot", "out"], "no frozen binary network"),
        (["c", "./binary", "out"], "nor a backbone of that name or path"),
        (["c", ".", "out"], "there is no memory at ."),
        (["c", "binary", "out", "--capacity", "4"], "--capacity is an option for memories"),
        (["c", "binary", "out", "--plan", "--label-bytes", "24"], "--label-bytes is an option for memories"),
        (["c", "binary", "out", "--no-activations"], "--activations is an option for memories"),
        (["c", "--capacity", "4", "binary", "out"], "--capacity is an option for memories"),
        (["c", "binary", "out", "--capacity"], "--capacity takes a value"),
        (["c", "binary", "out", "more"], "export takes c"),
    ],
)
def test_mistakes_are_one_line(args: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", *args]) != 0
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--activations"], "has no backbone to be left out"),
        (["--input-step", "0"], "input step is a number above 0"),
        (["--capacity", "70000"], "capacity is 1..65535"),
    ],
)
def test_options_that_do_not_apply_are_one_line(
    flags: list[str], message: str, stored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "c", str(stored), str(stored.parent / "out"), *flags]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (stored.parent / "out").exists()


def test_a_memory_of_images_takes_signs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place, path = tmp_path / "own", tmp_path / "pictures.insitu"
    weights_file.save(place, BinaryResnet(widths=(8, 8, 8, 16), depths=(1, 1, 1, 2)).build().eval(), {"image_size": 16})
    monkeypatch.chdir(tmp_path)
    pictures = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), dtype=np.uint8)
    with Memory.open(path, substrate="digital", dim=16, encoder="own.safetensors") as memory:
        memory.partial_fit(pictures, ["a", "b", "a", "b"])
    monkeypatch.chdir("/")
    assert main(["export", "c", str(path), str(tmp_path / "out"), "--input-step", "2"]) == 2
    assert "have no step" in capsys.readouterr().err
    assert main(["export", "c", str(path), str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "network.c").exists()
    assert main(["export", "c", str(path), str(tmp_path / "out"), "--activations"]) == 2
    assert "has network.c of another export" in capsys.readouterr().err
    assert main(["export", "c", str(path), str(tmp_path / "alone"), "--activations", "--input-step", "2"]) == 0
    assert not (tmp_path / "alone" / "network.c").exists()
    # moved, the weights are given again
    (tmp_path / "moved").mkdir()
    for suffix in (".json", ".safetensors"):
        place.with_suffix(suffix).rename(tmp_path / "moved" / f"own{suffix}")
    _loaded.cache_clear()
    with Memory.open(path, encoder=str(tmp_path / "moved" / "own.safetensors")) as memory:
        assert memory.predict(pictures).tolist() == ["a", "b", "a", "b"]


def test_too_small_a_capacity_leaves_nothing_behind(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "c", str(stored), str(stored.parent / "out"), "--capacity", "2"]) != 0
    assert "larger one" in capsys.readouterr().err
    assert not (stored.parent / "out").exists()
