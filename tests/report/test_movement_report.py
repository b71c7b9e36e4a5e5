"""Reports of movements: a table before and after the showing, one movement in figures, and the arm that moves."""

from __future__ import annotations

import json
import re
from functools import cache
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image
from rich.console import Console
from test_stream_report import report as about
from test_stream_report import shown

from insitu import run
from insitu.cli import progress
from insitu.report import claims, comparison, figures, html_page, markdown, movement, movement_figures, summary
from insitu.report.sample import Sample
from insitu.report.seed_cache import Seed
from moving import EXPERIMENT, STEPS, networks, rows  # noqa: F401


def sample() -> Sample:
    return Sample.of(rows(), EXPERIMENT)


@cache
def report() -> dict[str, Any]:
    made = about(rows()) | {
        "names": list(EXPERIMENT.names),
        "arms": comparison.summary(sample(), EXPERIMENT),
        "movement": movement.summary(sample(), EXPERIMENT),
        "example": movement.example(run.example(EXPERIMENT)),
        "claims": claims.claims(sample(), EXPERIMENT.claims),
        "intervals": sample().intervals(),
    }
    whole: dict[str, Any] = json.loads(json.dumps(made))
    return whole


def test_every_view_shows_the_table_and_none_speaks_of_accuracy() -> None:
    for text in (shown(report()), html_page.page(report()), markdown.ledger([report()])):
        assert "Shown 1 minute after the weights were written" in text
        assert "Shown 1 day after the weights were written" in text
        assert "\u2192" in text
        assert "rounded" in text
        assert "later" in text
        assert "ccuracy" not in text


def test_the_table_has_every_arm_before_and_after() -> None:
    [(_, head, lines), _] = movement.tables(report())
    names = [line[0].partition(" (") for line in lines]
    assert [name for name, _, _ in names] == ["software", "PCM", "rounded", "later"]
    sets = "sets of movements)"
    assert [over for _, _, over in names] == [f"2 {sets}", f"2 chips with their own {sets}"] * 2
    assert [line[1] for line in lines] == ["5", "5", "5", "2"]
    place = next(number for number, name in enumerate(head) if name.startswith("hand"))
    wanted = ("rounded", 1, 60.0)
    after = [float(r["hand_median"]) for r in rows() if (r["arm"], r["session"], r["age_s"]) == wanted]
    assert lines[2][place].endswith(f"\u2192 {sum(after) / 2:.1f}")
    assert all(len(line) == len(head) for line in lines)
    assert "beyond limits, %" not in head  # none is


def test_the_terminal_cuts_no_figure() -> None:
    tables, _, _ = shown(report()).partition("What PCM spends")
    assert "…" not in tables


def test_rows_without_accuracies_have_no_blocks_and_those_with_them_no_movement() -> None:
    assert summary.table(sample()) == []
    assert summary.ages(sample()) == []
    assert comparison.summary(sample(), EXPERIMENT) is None
    assert movement.summary(Sample([{"seed": 0, "arm": "baseline", "overall": 1.0}]), EXPERIMENT) is None
    assert movement.example(None) is None
    assert movement.tables({}) == []
    assert movement_figures.figures({}) == []


def test_costs_are_those_of_a_task() -> None:
    cost = report()["cost"]
    assert cost["per"] == "task"
    counts = {each["event"]: each["count"]["median"] for each in cost["learning"]}
    assert counts["core product"] == STEPS
    assert {"reset pulse", "program and verify"} <= counts.keys()


def test_figures_are_well_formed_and_hold_what_the_report_holds() -> None:
    drawn = movement_figures.figures(report())
    assert len(drawn) == 6
    for title, _, each in drawn[1:]:
        svg = ElementTree.fromstring(each)
        numbers = [float(n) for n in re.findall(r"-?\d+\.\d", " ".join(p.get("d", "") for p in svg.iter("path")))]
        assert numbers, title
        assert all(-50 < number < 600 for number in numbers), title
    spikes = sum(len(times) for step in report()["example"]["spikes"].values() for times in step)
    [raster] = [each for title, _, each in drawn if title == "Spikes"]
    marks = [path.get("d", "") for path in ElementTree.fromstring(raster).iter("path")]
    assert sum(mark.count("v") for mark in marks) == spikes


def test_the_arm_moves_within_the_page_and_the_page_leads_nowhere() -> None:
    html = html_page.page(report())
    assert html.count('src="data:image/gif;base64,') == 1
    assert "http" not in html.replace("http://www.w3.org", "")
    with Image.open(BytesIO(movement_figures.gif(report()))) as picture:
        assert getattr(picture, "n_frames", 1) > 5


def test_a_large_picture_is_left_out_of_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(movement_figures, "LARGEST_GIF", 1000)
    assert "data:image/gif" not in html_page.page(report())


def test_a_figure_can_be_had_as_a_file() -> None:
    text = figures.picture(report(), html_page.STYLE.read_text(encoding="utf-8"))
    ElementTree.fromstring(text)
    assert "Where the hand goes" in text


def test_the_example_stays_small(tmp_path: Path) -> None:
    assert len(json.dumps(report()["example"], indent=1)) < 200 * 1024
    signals = report()["example"]["signals"]
    assert len(signals) <= movement.SIGNALS[0]
    assert max(abs(value) for row in signals for value in row) == 1


@pytest.mark.parametrize("terminal", [False, True])
def test_progress_tells_the_error_of_the_hand(terminal: bool) -> None:
    out = StringIO()
    screen = Console(file=out, width=100, force_terminal=terminal)
    own = [row for row in rows() if row["seed"] == 0]
    with progress.watcher("arm", EXPERIMENT, screen) as watcher:
        watcher.begin(0)
        for row in own:
            watcher.row(row)
        watcher.end(Seed(0, own, 1.0), False)
    first = next(float(row["hand_median"]) for row in own)
    assert f"{first:.1f}" in out.getvalue()
    assert terminal or "error of the hand in cm" in out.getvalue()
