"""'insitu sweep': every point of the grid, each seed once, failures listed, one table."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from insitu.cli import experiment_flags
from insitu.cli.commands import sweep
from insitu.cli.main import main
from insitu.engines import STARTS, Engine, WorkerLostError

PARTS = Path(__file__).parents[1] / "sweep_parts"


@dataclass(frozen=True)
class Inline(Engine):
    """Computes in this process; loses the worker of tasks whose number is in ``losing``, each as often as it says."""

    shares_files: bool = True  # type: ignore[misc]
    losing: dict[int, int] = field(default_factory=dict)
    submitted: list[Any] = field(default_factory=list)
    stop_after: int = 10**6

    slots = 3

    @contextmanager
    def connect(self) -> Iterator[Inline]:
        yield self

    def submit(self, function: Callable[[Any], Any], task: Any) -> int:
        self.submitted.append((function, task))
        return len(self.submitted) - 1

    def wait(self, handles: list[int]) -> list[int]:
        return handles[:1]

    def result(self, handle: int) -> Any:
        if handle >= self.stop_after:
            raise KeyboardInterrupt
        function, task = self.submitted[handle]
        if self.losing.get(task.seed, 0):
            self.losing[task.seed] -= 1
            raise WorkerLostError("made up")
        return function(task)


@pytest.fixture
def inline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Inline]:
    monkeypatch.setenv("INSITU_PARTS", str(PARTS))
    monkeypatch.setenv("SWEEP_LOG", str(tmp_path / "log"))

    def use(**fields: Any) -> Inline:
        engine = Inline(**fields)
        monkeypatch.setattr(sweep, "_engine", lambda given, out: engine)
        return engine

    use()
    return use


def begun(tmp_path: Path) -> int:
    log = tmp_path / "log"
    return len(log.read_text().splitlines()) if log.exists() else 0


def rows(folder: Path) -> list[dict[str, Any]]:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    held: list[dict[str, Any]] = parquet.read_table(folder / "sweep.parquet").to_pylist()
    return held


def seeds(folder: Path) -> dict[str, Any]:
    files = sorted(folder.rglob("seed-*.json"))
    return {str(file.relative_to(folder)): json.loads(file.read_text())["rows"] for file in files}


WORDS = ["sweep", "blobs", "--grid", "learner.bits=1,4", "learner.noise=0.1,0.3", "--seeds", "2"]


def test_a_sweep_gives_table_and_figures(
    tmp_path: Path, inline: Callable[..., Inline], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*WORDS, "--out", str(tmp_path / "out")]) == 0
    held = rows(tmp_path / "out")
    assert len(held) == 4 * 2 * 2 * 3  # points, seeds, arms, sessions
    assert {(row["learner.bits"], row["learner.noise"]) for row in held} == {(1, 0.1), (1, 0.3), (4, 0.1), (4, 0.3)}
    assert list(held[0])[:4] == ["learner.bits", "learner.noise", "seed", "arm"]
    about = json.loads((tmp_path / "out" / "sweep.json").read_text())
    assert about["grid"] == {"learner.bits": [1, 4], "learner.noise": [0.1, 0.3]}
    for name in ("learner.bits", "learner.noise"):
        assert (tmp_path / "out" / f"{name}.svg").read_text().startswith("<?xml")
    assert "learner.bits" in capsys.readouterr().out


def test_a_log_says_at_once_what_is_swept(
    tmp_path: Path, inline: Callable[..., Inline], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(experiment_flags, "parse", stop)  # what comes before takes no time
        assert main([*WORDS, "--workers", "3"]) == 130
    swept = "blobs: 4 points (learner.bits 1 4, learner.noise 0.1 0.3) by local jobs, 3 at a time; checking each"
    assert capsys.readouterr().err.splitlines()[0] == swept
    assert main([*WORDS, "--out", str(tmp_path / "out")]) == 0
    assert f"4 points, 2 seeds each; 8 to be computed in {tmp_path / 'out'}" in capsys.readouterr().err.splitlines()


def test_nothing_heavy_is_imported_before_the_first_line() -> None:
    code = "import sys; from insitu.cli.commands import sweep; from insitu.cli import sweep_grid; print(*sys.modules)"
    held = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "numba", "scipy", "tyro"} & set(held)


def test_the_rows_are_those_of_a_run(tmp_path: Path, inline: Callable[..., Inline]) -> None:
    assert main(["sweep", "blobs", "--grid", "learner.bits=4", "--seeds", "2", "--out", str(tmp_path / "sweep")]) == 0
    assert main(["run", "blobs", "--learner.bits", "4", "--seeds", "2", "--out", str(tmp_path / "run")]) == 0
    ran = json.loads((tmp_path / "run" / "report.json").read_text())["rows"]
    swept = [
        {name: value for name, value in row.items() if name != "learner.bits" and value is not None}
        for row in rows(tmp_path / "sweep")
    ]
    assert swept == ran


def test_the_same_command_computes_what_is_missing(tmp_path: Path, inline: Callable[..., Inline]) -> None:
    words = [*WORDS, "--out", str(tmp_path / "out")]
    inline(stop_after=4)
    assert main(words) == 130
    kept = seeds(tmp_path / "out")
    assert len(kept) == 4
    engine = inline()
    assert main(words) == 0
    assert len(engine.submitted) == 8 - 4
    assert seeds(tmp_path / "out").items() >= kept.items()
    engine = inline()
    wider = ["learner.bits=1,4,8" if word == "learner.bits=1,4" else word for word in words]
    assert main(wider) == 0
    assert len(engine.submitted) == 4  # the new points alone


def test_an_engine_that_shares_no_files_keeps_the_same_seeds(tmp_path: Path, inline: Callable[..., Inline]) -> None:
    assert main([*WORDS, "--out", str(tmp_path / "shared")]) == 0
    inline(shares_files=False)
    assert main([*WORDS, "--out", str(tmp_path / "returned")]) == 0
    assert seeds(tmp_path / "returned") == seeds(tmp_path / "shared")


def test_lost_workers_cost_nothing_but_time_until_they_are_too_many(
    tmp_path: Path, inline: Callable[..., Inline], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*WORDS, "--out", str(tmp_path / "whole")]) == 0
    inline(losing={0: 3, 1: STARTS - 1})
    assert main([*WORDS, "--out", str(tmp_path / "lossy")]) == 0
    assert seeds(tmp_path / "lossy") == seeds(tmp_path / "whole")
    inline(losing={1: 10**6})
    assert main([*WORDS, "--out", str(tmp_path / "lost")]) == 1
    said = capsys.readouterr().err
    assert f"learner.bits=1 learner.noise=0.1 seed 1: its worker was lost {STARTS} times" in said
    assert len(seeds(tmp_path / "lost")) == 4


def test_a_failing_seed_is_listed_and_the_others_are_saved(
    tmp_path: Path, inline: Callable[..., Inline], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["sweep", "blobs", "--grid", "scenario.failing=1,-1", "--seeds", "2", "--out", str(tmp_path / "out")]
    assert main(words) == 1
    said = capsys.readouterr().err
    assert "failed: scenario.failing=1 seed 1: ValueError: this seed fails" in said
    assert "1 seeds failed, and the others are kept" in said
    held = rows(tmp_path / "out")
    assert {(row["scenario.failing"], row["seed"]) for row in held} == {(1, 0), (-1, 0), (-1, 1)}
    assert len(json.loads((tmp_path / "out" / "sweep.json").read_text())["failures"]) == 1


def test_a_file_in_place_of_the_folder_of_results_is_refused(
    tmp_path: Path, inline: Callable[..., Inline], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").write_text("")
    assert main([*WORDS, "--out", str(tmp_path / "out")]) == 1, "as for other files"
    assert "--out is a folder, and" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ("learner.bit=1,2", "--grid learner.bit=1: unknown field --learner.bit; did you mean"),
        ("learner.bits=1,x", "--grid learner.bits=x: --learner.bits takes a whole number (now 8); got x"),
        ("learner.bits=1,40", "--grid learner.bits=40: bits is 0..16; got 40"),
        ("learner.device=ideal,copper", "--learner.device copper: no such part"),
        ("scenario.steps=2,12", "--grid scenario.steps=12: there are blobs for 9 steps; got 12"),
        ("learner.bits", "--grid takes FIELD=VALUE,VALUE,...; got 'learner.bits'"),
        ("learner.bits=1,,2", "--grid takes FIELD=VALUE,VALUE,..."),
        ("learner.bits=1,1", "every field is given once, and every value of it"),
        ("seeds=1,2", "seeds is a flag of the command and not swept; give --seeds"),
    ],
)
def test_a_wrong_grid_ends_before_anything_is_computed(
    tmp_path: Path, inline: Callable[..., Inline], capsys: pytest.CaptureFixture[str], grid: str, said: str
) -> None:
    engine = inline()
    assert main(["sweep", "blobs", "--grid", grid, "--out", str(tmp_path / "out")]) == 2
    assert said in capsys.readouterr().err
    assert not engine.submitted
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([], "sweep takes the fields that it varies: --grid"),
        (
            ["--grid", "learner.bits=1,2", "--learner.bits", "3"],
            "learner.bits is given by --grid and by --learner.bits",
        ),
        (["--grid", "learner.bits=1,2", "--engine", "cloud"], "--engine takes one of local, ray, slurm"),
        (["--grid", "learner.bits=1,2", "--nonsense"], "unknown field --nonsense"),
    ],
)
def test_wrong_flags_are_refused(
    tmp_path: Path, inline: Callable[..., Inline], capsys: pytest.CaptureFixture[str], more: list[str], said: str
) -> None:
    assert main(["sweep", "blobs", *more, "--out", str(tmp_path / "out")]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ('{"schema": 7, "experiment": "blobs"}', "holds a sweep of schema 7, written by another version of insitu"),
        ('{"schema": 1, "experiment": "others"}', "holds a sweep of others; choose another --out for blobs"),
        ('{"schema": ', "is not that of a sweep; choose another --out, or remove it"),
    ],
)
def test_a_table_of_another_version_or_experiment_is_not_replaced(
    tmp_path: Path, inline: Callable[..., Inline], capsys: pytest.CaptureFixture[str], held: str, said: str
) -> None:
    (tmp_path / "sweep.json").write_text(held)
    engine = inline()
    assert main(["sweep", "blobs", "--grid", "learner.bits=1", "--out", str(tmp_path)]) == 2
    assert said in capsys.readouterr().err
    assert not engine.submitted
    assert (tmp_path / "sweep.json").read_text() == held


def test_a_worker_with_another_version_is_refused(
    tmp_path: Path, inline: Callable[..., Inline], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from insitu.cli import sweep_worker

    composed = sweep_worker._composed
    monkeypatch.setattr(sweep_worker, "_composed", lambda *given: (composed(*given)[0], "another"))
    assert main(["sweep", "blobs", "--grid", "learner.bits=1", "--seeds", "1", "--out", str(tmp_path / "out")]) == 1
    assert "this worker has another version of insitu" in capsys.readouterr().err


def test_without_pyarrow_the_table_is_csv(
    tmp_path: Path, inline: Callable[..., Inline], monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr("insitu.report.sweep_table.find_spec", lambda name: None if name == "pyarrow" else find(name))
    assert main(["sweep", "blobs", "--grid", "learner.bits=1", "--seeds", "1", "--out", str(tmp_path / "out")]) == 0
    lines = (tmp_path / "out" / "sweep.csv").read_text().splitlines()
    assert lines[0].startswith("learner.bits,seed,arm,session,age_s,")
    assert len(lines) == 1 + 2 * 3


def test_flags_of_truth_and_of_several_items_are_swept(tmp_path: Path, inline: Callable[..., Inline]) -> None:
    grid = ["learner.centred=true,false", "ages-s=60 3600,60"]
    assert main(["sweep", "blobs", "--grid", *grid, "--seeds", "1", "--out", str(tmp_path / "out")]) == 0
    found = {(row["learner.centred"], row["ages-s"], row["age_s"]) for row in rows(tmp_path / "out")}
    assert found == {
        (c, *ages) for c in (True, False) for ages in (("60 3600", 60.0), ("60 3600", 3600.0), ("60", 60.0))
    }


def test_several_values_of_run_point_to_sweep(
    tmp_path: Path, inline: Callable[..., Inline], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "blobs", "--learner.bits", "4", "6", "8", "--out", str(tmp_path)]) == 2
    assert "'insitu sweep blobs --grid learner.bits=4,6,8'" in capsys.readouterr().err


@pytest.mark.slow
def test_processes_give_the_numbers_of_this_one(tmp_path: Path, inline: Callable[..., Inline]) -> None:
    words = ["sweep", "blobs", "--grid", "learner.noise=0.1,0.3", "--seeds", "2"]
    assert main([*words, "--out", str(tmp_path / "here")]) == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.undo()
        from insitu.engines.local import Local

        patch.setattr(sweep, "_engine", lambda given, out: Local(2))
        assert main([*words, "--out", str(tmp_path / "processes")]) == 0
    assert seeds(tmp_path / "processes") == seeds(tmp_path / "here")
