"""'insitu train': progress as bars or lines, Ctrl-C that saves, and the data command."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import asdict
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from insitu import catalog
from insitu.cli import training_progress
from insitu.cli.main import main
from insitu.data import download
from insitu.training import Job
from insitu.training.backbone_jobs import BackboneJob
from insitu.training.loop import Progress, Report


def step(number: int, steps: int = 4) -> Progress:
    return Progress(number, steps, 2.5, 0.25, 170.0, "images", 90.0, Report(f"epoch {number / 2:.2f}"))


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[BackboneJob]:
    """The jobs that were run; each is a training of two stages that takes no time."""
    asked: list[BackboneJob] = []

    def train(job: BackboneJob, name: str, out: Path, stop: Callable[[], bool]) -> Iterator[Progress]:
        asked.append(job)
        out.mkdir(parents=True, exist_ok=True)
        for number in (1, 4, 1, 4):
            yield step(number)
            if stop():
                return
        (out / f"{name}.safetensors").write_text("")

    monkeypatch.setattr(BackboneJob, "train", train)
    return asked


def test_a_training_prints_lines_and_what_it_made(
    trained: list[BackboneJob], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--pretrain.epochs", "7", "--pretrain.cut", "0", "--pretrain.tail", "0"]
    assert main(["train", "miniimagenet", "--out", str(tmp_path), *flags]) == 0
    captured = capsys.readouterr()
    assert trained[0].pretrain.epochs == 7
    assert "stage 1  step 4/4  epoch 2.00  loss 2.5000  accuracy 25.0 %  170 images/s  1 min 30 s left" in captured.err
    assert "stage 2  step 1/4" in captured.err
    assert captured.out == f"{tmp_path / 'miniimagenet.safetensors'}\n"


def test_quick_is_another_recipe_in_another_folder(
    trained: list[BackboneJob], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INSITU_CACHE", str(tmp_path))
    assert main(["train", "miniimagenet", "--quick"]) == 0
    assert trained[0].pretrain.epochs == 2
    assert (tmp_path / "training" / "miniimagenet-quick").is_dir()


def test_ctrl_c_stops_after_the_step_and_tells_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = []

    def train(job: BackboneJob, name: str, out: Path, stop: Callable[[], bool]) -> Iterator[Progress]:
        yield step(1)
        os.kill(os.getpid(), signal.SIGINT)
        saved.append(stop())
        if stop():
            return
        yield step(2)

    monkeypatch.setattr(BackboneJob, "train", train)
    handler = signal.getsignal(signal.SIGINT)
    assert main(["train", "miniimagenet", "--out", str(tmp_path)]) == 130
    assert saved == [True]
    assert signal.getsignal(signal.SIGINT) is handler
    error = capsys.readouterr().err
    assert "finishing this step" in error
    assert error.splitlines()[-1].endswith(f"to continue: insitu train miniimagenet --out {tmp_path}")


def test_a_second_ctrl_c_stops_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def train(job: BackboneJob, name: str, out: Path, stop: Callable[[], bool]) -> Iterator[Progress]:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        yield step(1)

    monkeypatch.setattr(BackboneJob, "train", train)
    assert main(["train", "miniimagenet", "--out", str(tmp_path)]) == 130
    assert "the last checkpoint is in" in capsys.readouterr().err


def test_an_unknown_recipe_field_is_one_line(
    trained: list[BackboneJob], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "miniimagenet", "--pretrain.epoch", "7"]) == 2
    assert "did you mean --pretrain.epochs" in capsys.readouterr().err
    assert trained == []


def test_bars_in_a_terminal_show_both_stages() -> None:
    screen = Console(file=StringIO(), force_terminal=True, width=140)
    with training_progress.display("mini", screen) as display:
        for number in (1, 4, 2):
            display.update(step(number))
    text = screen.file.getvalue()  # type: ignore[attr-defined]
    assert "mini, stage 1" in text
    assert "mini, stage 2" in text
    assert "170 images/s" in text


def test_data_get_prints_where_it_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(download, "fetch", lambda name: Path("there") / name)
    assert main(["data", "get", "omniglot"]) == 0
    assert capsys.readouterr().out == f"{Path('there') / 'omniglot'}\n"


def test_data_path_prints_what_is_looked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(download, "where", lambda: ["a: b", "  c"])
    assert main(["data", "path"]) == 0
    assert capsys.readouterr().out == "a: b\n  c\n"


def test_a_line_has_what_a_stage_reports() -> None:
    report = Report("joint", "hand 3.2 cm", held_out=0.5)
    words = training_progress.line(Progress(1, 4, 0.25, None, 2.5, "iterations", 90.0, report))
    assert words == ("joint  loss 0.2500  on held-out classes 50.0 %  hand 3.2 cm  2.5 iterations/s  1 min 30 s left")


@pytest.mark.parametrize("part", [part for part in catalog.parts("training") if part.symbol == "JOB"], ids=str)
def test_every_job_is_a_record_with_a_quick_variant(part: catalog.Part) -> None:
    job = catalog.load(part)
    assert isinstance(job, Job)
    assert type(job.quick()) is type(job)
    assert job.quick() != job


@pytest.mark.usefixtures("fakes")
def test_a_new_backbone_is_trained_and_shown_by_its_name(
    trained: list[BackboneJob], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--backbone", "fake-cnn", "--backbone.filters", "5"]
    assert main(["train", "miniimagenet", "--out", str(tmp_path), *flags]) == 0
    assert asdict(trained[0].backbone) == {"filters": 5, "channels": 3}
    capsys.readouterr()
    assert main(["show", "fake-cnn"]) == 0
    assert "filters of the convolution" in capsys.readouterr().out


def test_a_backbone_that_a_job_cannot_train_is_one_line(
    trained: list[BackboneJob], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "miniimagenet", "--out", str(tmp_path), "--backbone", "conv4"]) == 2
    assert "Conv4 serves tasks: take another backbone, or another job" in capsys.readouterr().err
    assert trained == []
