"""``insitu serve --engine ray`` as a process: a folder of shards, served again; what it refuses."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from serve_process import Process, started

from insitu import Memory
from insitu.cli.main import main
from ray_cluster import two_cores

pytest.importorskip("uvicorn", reason="serving needs the extra 'serve'")

__all__ = ["started", "two_cores"]  # fixtures


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_folder_is_served_again_with_the_same_answers(two_cores: str, started: list[Process], tmp_path: Path) -> None:
    x = np.random.default_rng(0).standard_normal((24, 4)).round(3)
    found = []
    for flags in (["--shards", "2"], []):
        service = Process("--engine", "ray", *flags, "--address", two_cores, "own", cwd=tmp_path)
        started.append(service)
        if flags:
            for number, row in enumerate(x):
                taught = service.ask("POST", "/api/teach", {"label": f"{number % 8}", "vector": row.tolist()})
                assert (taught[0], taught[1]["event"]) == (200, number + 1)
        answers = service.ask("POST", "/api/predict", {"vectors": x.tolist()})[1]
        found.append((answers, service.ask("GET", "/api/memory")[1]))
        assert service.stop() == (0, "")
    assert found[0] == found[1]
    assert {each["label"]: each["examples"] for each in found[0][1]["classes"]} == {f"{n}": 3 for n in range(8)}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_memory_that_cannot_start_is_one_line(
    two_cores: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "held").mkdir()
    (tmp_path / "held" / "shard-1-of-2").touch()
    (tmp_path / "files").mkdir()
    Memory.open(tmp_path / "files" / "a.insitu").close()
    cases = [
        ("new", ["--shards", "3"], "each shard takes a core; the cluster has 2, and 3 shards are wanted"),
        ("new", [], "a new memory needs its number of shards"),
        ("held", ["--shards", "1"], "holds a memory of 2 shards; got 1"),
        ("files", ["--shards", "1"], "holds memories in files"),
    ]
    for folder, flags, said in cases:
        assert main(["serve", str(tmp_path / folder), "--port", "0", "--engine", "ray", "--address", two_cores, *flags])
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("insitu: error:")
        assert said in line
    assert not list(tmp_path.glob("*token"))


def test_no_cluster_at_the_address_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("ray", reason="ray is not installed")
    words = ["--engine", "ray", "--shards", "2", "--address", "127.0.0.1:1", "--port", "0", "--host", "0.0.0.0"]
    assert main(["serve", str(tmp_path / "new"), *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "there is no Ray cluster at 127.0.0.1:1" in line
    assert not list(tmp_path.iterdir())


def test_without_ray_it_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ray.py").write_text("raise ImportError")  # found before an installed one, and inherited by the worker
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    assert main(["serve", str(tmp_path / "new"), "--engine", "ray", "--shards", "2", "--port", "0"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "the engine ray needs Ray: pip install '.[cluster]'" in line


def test_a_folder_of_shards_is_no_folder_of_memories(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "shard-0-of-2").touch()
    assert main(["serve", str(tmp_path), "--port", "0"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "holds a sharded memory; add --engine ray" in line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--engine", "ray"], "takes a folder that all nodes share; got no path"),
        (["a.insitu", "--engine", "ray"], "takes a folder that all nodes share; got a.insitu"),
        (["new", "--engine", "ray", "--encoder", "omniglot"], "takes no --encoder, got 'omniglot'"),
        (["new", "--engine", "ray", "--substrate", "digital"], "takes no --substrate, got 'digital'"),
        (["new", "--engine", "ray", "--unknown", "other"], "takes no --unknown, got 'other'"),
        (["new", "--engine", "ray", "--shards", "0"], "--shards is at least 1; got 0"),
        (["--engine", "slurm", "new"], "--engine"),
        (["new", "--address", "127.0.0.1:6379"], "--address is of a sharded memory; add --engine ray"),
        (["new", "--shards", "2"], "--shards is of a sharded memory; add --engine ray"),
    ],
)
def test_flags_that_make_no_sense_are_one_line(
    tmp_path: Path, words: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.insitu").touch()
    assert main(["serve", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert [each.name for each in tmp_path.iterdir()] == ["a.insitu"]
