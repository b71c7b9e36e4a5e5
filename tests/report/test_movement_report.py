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
from test_stream_report import report as stream_report
from test_stream_report import shown

from insitu.cli import progress
from insitu.report import document, drawing, html_page, markdown, sections
from insitu.report.sample import Sample
from insitu.report.sections import example
from insitu.report.seed_cache import Seed
from insitu.report.table import Animation, Figure, Table
from moving import EXPERIMENT, STEPS, networks, rows  # noqa: F401

ABOUT = ("experiment", "title", "data", "quick", "changes", "versions", "machine", "started", "seconds")


@cache
def report() -> dict[str, Any]:
    about = {name: value for name, value in stream_report([]).items() if name in ABOUT}
    made = document.build(about | {"seeds": [0, 1]}, Sample.of(rows(), EXPERIMENT), EXPERIMENT)
    whole: dict[str, Any] = json.loads(json.dumps(made))
    return whole


def tables() -> list[Table]:
    """Return the tables of arms, one an age."""
    return [table for table in sections.tables(report()) if table.title.startswith("Step by step")]


def test_every_view_shows_the_table_and_none_speaks_of_accuracy() -> None:
    for text in (shown(report()), html_page.page(report()), markdown.ledger([report()])):
        assert "1 minute after the weights were written" in text
        assert "1 day after the weights were written" in text
        assert "rounded" in text
        assert "later" in text
        assert "ccuracy" not in text


def test_the_table_has_every_arm_before_and_after() -> None:
    first, _ = tables()
    sets = "sets of movements"
    names = [f"software (2 {sets})", f"PCM (2 chips with their own {sets})", f"rounded (2 {sets})"]
    names.append(f"later (2 chips with their own {sets})")
    assert [row[0].text for row in first.rows] == [name for name in names for _ in range(2)]
    assert [row[1].text for row in first.rows] == ["0", "1"] * 4
    assert [row[2].value for row in first.rows] == [5] * 6 + [2] * 2
    place = next(number for number, heading in enumerate(first.headings) if heading.text == "hand (cm)")
    for step in (0, 1):
        wanted = ("rounded", step, 60.0)
        own = [float(r["hand_median"]) for r in rows() if (r["arm"], r["session"], r["age_s"]) == wanted]
        assert first.rows[4 + step][place].value == pytest.approx(sum(own) / 2, abs=1e-4)


def test_the_terminal_cuts_no_figure() -> None:
    assert "…" not in re.sub(r"\d…", "", shown(report()))


def test_an_experiment_without_traces_has_no_movement() -> None:
    assert example.blocks({"example": None}) == []


def test_costs_are_those_of_a_task() -> None:
    cost = report()["cost"]
    assert cost["per"] == "task"
    counts = {each["event"]: each["count"]["median"] for each in cost["learning"]}
    assert counts["core product"] == STEPS
    assert {"reset pulse", "program and verify"} <= counts.keys()


def test_figures_are_well_formed_and_hold_what_the_report_holds() -> None:
    drawn = [block for block in example.blocks(report()) if isinstance(block, Figure)]
    assert len(drawn) == 5
    svgs = {each.title: ElementTree.fromstring(drawing.inline(each)) for each in drawn}
    for title, svg in svgs.items():
        numbers = [float(n) for n in re.findall(r"-?\d+\.\d", " ".join(p.get("d", "") for p in svg.iter("path")))]
        assert numbers, title
        assert all(-50 < number < 600 for number in numbers), title
    spikes = sum(len(times) for step in report()["example"]["spikes"].values() for times in step)
    lines = [path for path in svgs["Spikes"].iter("path") if "stroke: var(--" in path.get("style", "")]
    assert sum(path.get("d", "").count("M") for path in lines) == spikes


def test_the_arm_moves_within_the_page_and_the_page_leads_nowhere() -> None:
    html = html_page.page(report())
    assert html.count('src="data:image/gif;base64,') == 1
    assert "http" not in html
    [moving] = [block for block in sections.blocks(report()) if isinstance(block, Animation)]
    with Image.open(BytesIO(moving.gif())) as picture:
        assert getattr(picture, "n_frames", 1) > 5


def test_a_large_picture_is_left_out_of_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html_page, "LARGEST_GIF", 1000)
    assert "data:image/gif" not in html_page.page(report())


def test_the_example_stays_small(tmp_path: Path) -> None:
    assert len(json.dumps(report()["example"], indent=1)) < 200 * 1024
    signals = report()["example"]["signals"]
    assert len(signals) <= example.SIGNALS[0]
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
