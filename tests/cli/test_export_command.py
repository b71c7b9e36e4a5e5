"""`insitu export c` on the command line."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from insitu.backbones import weights_file
from insitu.backbones.quicknet import Quicknet
from insitu.cli.main import main
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
    assert "latent" in printed


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "export takes c"),
        (["c", "--help", "x"], "export takes c"),
        (["java", "a", "b"], "export takes c"),
        (["c", "missing.insitu", "out"], "there is no memory at missing.insitu"),
        (["c", "omniglot", "out"], "no frozen binary network"),
    ],
)
def test_mistakes_are_one_line(args: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", *args]) != 0
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_too_small_a_capacity_leaves_nothing_behind(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "c", str(stored), str(stored.parent / "out"), "--capacity", "2"]) != 0
    assert "larger one" in capsys.readouterr().err
    assert not (stored.parent / "out").exists()
