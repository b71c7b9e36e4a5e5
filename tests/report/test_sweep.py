"""Sweeps over fields of the learner, and other names for baseline and learner, in every view of a report."""

from __future__ import annotations

import importlib
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from rich.console import Console

from insitu import run
from insitu.cli import progress
from insitu.cli.main import main
from insitu.experiments import LONGEST_NAME, Experiment
from insitu.metrics import Row
from insitu.report import drawing, formatting, html_page, markdown, terminal
from insitu.report.intervals import Stat
from insitu.report.sections import sweep
from insitu.report.seed_cache import Seed
from insitu.report.table import Figure, Table

NAMES = ("float <b>[x]*", "noisy")
ONE = (("noise", (0, 3)),)
TWO = (*ONE, ("extra", (0, 1, 2)))


@pytest.fixture
def table(fakes: Path) -> Any:
    """The module of the made-up experiment, which tests change."""
    return importlib.import_module("insitu.experiments.fake_table")


def experiment(table: Any, swept: Any = ONE, names: tuple[str, str] = NAMES, **more: Any) -> Experiment:
    made: Experiment = replace(table.EXPERIMENT, sweep=swept, names=names, seeds=2, **more)
    return made


def report_of(table: Any, monkeypatch: pytest.MonkeyPatch, out: Path, made: Experiment, *args: str) -> dict[str, Any]:
    monkeypatch.setattr(table, "EXPERIMENT", made)
    assert main(["run", "fake-table", "--out", str(out), *args]) == 0
    held: dict[str, Any] = json.loads((out / "report.json").read_text())
    return held


@pytest.fixture
def held(table: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    return report_of(table, monkeypatch, tmp_path / "run", experiment(table))


def shown(report: dict[str, Any]) -> str:
    out = io.StringIO()
    terminal.show(report, Console(file=out, width=100))
    return out.getvalue()


def parts_of(report: dict[str, Any]) -> tuple[list[Figure], Table]:
    """Return the figures and the table of the sweep."""
    *figures, table = sweep.blocks(report)
    assert isinstance(table, Table)
    return [each for each in figures if isinstance(each, Figure)], table


def gridded(report: dict[str, Any]) -> dict[str, Any]:
    """Return the report with a sweep of two fields in it."""
    cells = [
        {"values": [a, b], "overall": {"median": 10.0 * a + b, "low": 10.0 * a, "high": 20.0 * a}}
        for a in (2, 4)
        for b in (2, 4, 8)
    ]
    two = {"fields": ["forward_bits", "update_bits"], "values": [[2, 4], [2, 4, 8]], "cells": cells}
    return report | {"sweep": report["sweep"] | two}


def test_the_sweep_is_summed_up_from_its_rows(held: dict[str, Any]) -> None:
    swept = held["sweep"]
    assert (swept["fields"], swept["values"], swept["session"]) == (["noise"], [[0, 3]], 3)
    assert [cell["values"] for cell in swept["cells"]] == [[0], [3]]
    for cell in swept["cells"]:
        label = f"noise={cell['values'][0]}"
        final = sorted(row["overall"] for row in held["rows"] if row["arm"] == label and row["session"] == 3)
        assert len(final) == 2
        assert cell["overall"]["median"] == pytest.approx(sum(final) / 2, abs=1e-4)
    for arm in formatting.ARMS:
        assert swept[arm] == held["table"][0]["sessions"][-1][arm]["overall"]
    # without noise the learner is the baseline
    assert swept["cells"][0]["overall"] == swept["baseline"]


def test_other_figures_are_those_without_a_sweep(
    held: dict[str, Any], table: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plain = report_of(table, monkeypatch, tmp_path / "plain", experiment(table, ()))
    assert plain["sweep"] is None
    for name in ("table", "ages", "cost", "claims", "changes", "composition"):
        assert plain[name] == held[name]


def test_no_sweep_leaves_it_out(table: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    held = report_of(table, monkeypatch, tmp_path, experiment(table), "--no-sweep")
    assert held["sweep"] is None
    assert {row["arm"] for row in held["rows"]} == set(formatting.ARMS)


def test_a_sweep_that_does_not_fit_the_learner_is_one_line(
    table: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(table, "EXPERIMENT", experiment(table))
    words = ["run", "fake-table", "--out", str(tmp_path / "new"), "--learner", "nearest-mean"]
    assert main(words) == 2
    error = capsys.readouterr().err
    assert "the sweep is over noise, which is no field of NearestMean" in error
    assert "--no-sweep" in error
    assert error.count("\n") == 1
    assert not (tmp_path / "new").exists()
    assert main([*words, "--no-sweep"]) == 0


def test_a_seed_of_a_sweep_is_kept_and_found_whole(table: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole = report_of(table, monkeypatch, tmp_path / "whole", experiment(table))
    loop, asked = run.rows, []

    def rows(made: Experiment, seed: int) -> Iterator[Row]:
        asked.append(seed)
        for number, row in enumerate(loop(made, seed)):
            if len(asked) == 2 and number == 18:  # amid the sweep of the second seed
                raise KeyboardInterrupt
            yield row

    monkeypatch.setattr(run, "rows", rows)
    assert main(["run", "fake-table", "--out", str(tmp_path / "parts")]) == 130
    assert report_of(table, monkeypatch, tmp_path / "parts", experiment(table))["rows"] == whole["rows"]
    assert asked == [0, 1, 1]
    other = (("noise", (0, 1)),)
    report_of(table, monkeypatch, tmp_path / "parts", experiment(table, other))
    assert asked == [0, 1, 1, 0, 1], "another sweep has other rows"
    report_of(table, monkeypatch, tmp_path / "parts", experiment(table, other, ("a", "b")))
    assert asked == [0, 1, 1, 0, 1], "names change no row"


def test_every_view_shows_the_names_and_the_sweep(held: dict[str, Any]) -> None:
    for report in (held, gridded(held)):
        text, ledger = shown(report), markdown.ledger([report])
        html = re.sub(r"<style>.*</style>", "", html_page.page(report), flags=re.S)
        for view in (text, ledger, html):
            assert "Sweep: all classes after the last session" in view
        assert NAMES[0].split()[1] in text
        assert "gap = float <b>[x]* − noisy" in text
        assert "What noisy spends" in text
        assert "float <b>[x]* / noisy / gap" in ledger
        assert "<b>[x]" not in html
        assert "float &lt;b&gt;[x]* − noisy" in html
        for field in report["sweep"]["fields"]:
            assert field in text
            assert field in ledger
            assert html.count(field) >= 2  # figure and table


def test_nothing_is_called_float_or_device_where_it_has_other_names(held: dict[str, Any]) -> None:
    report = gridded(held) | {"names": ["this one", "that one"], "composition": {"type": "", "fields": {}}}
    html = re.sub(r"<style>.*</style>", "", html_page.page(report), flags=re.S)
    words = " ".join(re.sub(r"<[^>]*>", " ", html).split())
    for text in (words, shown(report), markdown.ledger([report])):
        assert not re.search(r"\b(float|device)\b", text)


def test_old_reports_have_the_old_words(held: dict[str, Any]) -> None:
    report = {name: value for name, value in held.items() if name not in ("names", "sweep")}
    assert html_page.page(report) == html_page.page(report | {"names": ["float", "device"], "sweep": None})
    html = html_page.page(report)
    for piece in ("gap = float − device, seed by seed", "What the device loses", "solid on the device", "in float "):
        assert piece in html
    assert "gap = float − device, seed by seed" in shown(report)
    assert "| all classes: float / device / gap |" in markdown.ledger([report])


def test_two_fields_are_a_grid_and_a_heat_map(held: dict[str, Any]) -> None:
    report = gridded(held)
    [figure], table = parts_of(report)
    assert [heading.text for heading in table.headings[1:]] == ["2", "4", "8"]
    numbers = [[cell.number for cell in row] for row in table.rows]
    assert numbers == [["2", "22.0", "24.0", "28.0"], ["4", "42.0", "44.0", "48.0"]]
    assert f"{NAMES[0]} {report['sweep']['baseline']['median']:.1f}" in figure.note
    root = ElementTree.fromstring(drawing.inline(figure))
    words = [node.text for node in root.iter() if node.tag == "text"]
    assert [word for word in words if word and "." in word] == ["22.0", "24.0", "28.0", "42.0", "44.0", "48.0"]
    assert {"forward_bits", "update_bits"} <= set(words)


def test_a_sweep_without_spread_or_of_three_fields_still_shows(held: dict[str, Any]) -> None:
    same = gridded(held)
    for cell in same["sweep"]["cells"]:
        cell["overall"] = {"median": 50.0, "low": 50.0, "high": 50.0}
    [figure], _ = parts_of(same)
    assert "50.0" in drawing.inline(figure)
    cells = [{"values": [a, b, 1], "overall": None} for a in (2, 4) for b in (2, 4)]
    three = held["sweep"] | {"fields": ["a", "b", "c"], "values": [[2, 4], [2, 4], [1]], "cells": cells}
    report = held | {"sweep": three}
    figures, table = parts_of(report)
    assert figures == []
    assert [cell.number for cell in table.rows[0]] == ["2", "2", "1", "–"]
    assert "Sweep" in html_page.page(report)
    assert "Sweep" in shown(report)


def test_the_figure_file_of_a_sweep_shows_it(held: dict[str, Any], tmp_path: Path) -> None:
    for number, report in enumerate((held, gridded(held))):
        (tmp_path / "report.json").write_text(json.dumps(report))
        file = tmp_path / f"{number}.svg"
        assert main(["report", "--figure", str(file), str(tmp_path)]) == 0
        assert "Sweep: all classes after the last session" in " ".join(ElementTree.parse(file).getroot().itertext())


def test_long_names_fit_the_terminal(held: dict[str, Any]) -> None:
    report = gridded(held) | {"names": ["quantised CWR* at bits", "learned in whole numbers"]}
    text = shown(report)
    for word in ("quantised", "CWR*", "learned", "whole", "numbers"):
        assert re.search(rf"\b{re.escape(word)}", text)
    assert "harmonic" in text
    assert "…" not in re.sub(r"\d…", "", text)


def test_the_longest_name_leaves_room_for_its_line() -> None:
    label = "x" * (LONGEST_NAME + len("old, "))
    value: Stat | None = {"median": 50.0, "low": 49.0, "high": 51.0}
    figure = Figure("t", "", drawing.lines([drawing.Line(label, "learner", [value] * 3)], ["0", "1", "2"], "session"))
    [points] = re.findall(r'd="M ([\d.]+) [\d.]+ ?\nL ([\d.]+) [\d.]+ ?\nL ([\d.]+)', drawing.inline(figure))[-1:]
    assert float(points[2]) - float(points[0]) > drawing.WIDTH / 6


def test_the_display_calls_arms_by_their_names(table: Any) -> None:
    console = Console(file=io.StringIO(), width=200)
    with progress.watcher("table", experiment(table, names=("exact", "quantised")), console) as watcher:
        watcher.begin(0)
        rows: list[Row] = [
            {"seed": 0, "arm": arm, "session": session, "age_s": 60.0, "overall": 70.0 - session}
            for arm in ("baseline", "learner", "bits=2")
            for session in range(2)
        ]
        for row in rows:
            watcher.row(row)
        watcher.end(Seed(0, rows, 1.0), reused=False)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    begun = [line.partition(":")[0] for line in text.splitlines()[1:]]
    assert begun == ["seed 0 exact", "seed 0 quantised", "seed 0 bits=2"]
