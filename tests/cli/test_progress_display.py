"""What one sees while seeds are computed."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from insitu.cli import progress
from insitu.experiments import Experiment
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.learners.nearest_mean import NearestMean
from insitu.metrics import Row
from insitu.report.seed_cache import Seed
from insitu.scenarios.few_shot_sessions import FewShotSessions

EXPERIMENT = Experiment("none", FewShotSessions(), ExplicitMemory(), NearestMean(), seeds=3, names=("exact", "PCM"))


def rows(seed: int) -> list[Row]:
    return [
        {"seed": seed, "arm": arm, "session": session, "age_s": age, "overall": 70.0 - session, "classes": 60}
        for arm in ("baseline", "learner")
        for session in range(3)
        for age in (60.0, 86400.0)
    ]


def watch(console: Console) -> str:
    with progress.watcher("table", EXPERIMENT, console) as watcher:
        for number in range(2):
            watcher.begin(number)
            for row in rows(number):
                watcher.row(row)
            watcher.end(Seed(number, rows(number), 1.0), reused=False)
        watcher.end(Seed(2, rows(2), 1.0), reused=True)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


def test_a_log_has_one_line_per_seed_and_arm() -> None:
    lines = watch(Console(file=StringIO(), width=40)).splitlines()
    assert len(lines) == 1 + 4 + 1
    assert lines[1].startswith("seed 0 exact: 70.0 69.0 68.0 (")
    assert lines[4].startswith("seed 1 PCM: 70.0 69.0 68.0 (")
    assert lines[5] == "seed 2: found finished, not computed again"


def test_a_terminal_has_bars_and_accuracies() -> None:
    text = watch(Console(file=StringIO(), force_terminal=True, width=100))
    assert "seed 1 PCM" in text
    assert "3/3" in text
    assert "12/12" in text
