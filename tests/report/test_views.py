"""Views print tables whatever is in them: nothing is cut, every figure is there, and two runs can be compared."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from insitu.cli.main import main
from insitu.report import compare, sections, spreadsheet, terminal
from insitu.report.table import DASH, Cell, Heading, Table

OLD = Path(__file__).parent / "reports" / "report-0.1.0.json"
numbers = st.floats(-999, 999).map(lambda value: round(value, 3))


@pytest.fixture
def run(fakes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """A function that runs the made-up experiment with more flags and returns its folder."""

    def made(name: str, *flags: str) -> str:
        assert main(["run", "fake-table", "--seeds", "5", "--out", str(tmp_path / name), *flags]) == 0
        capsys.readouterr()
        return str(tmp_path / name)

    return made


def printed(table: Table, width: int) -> str:
    out = io.StringIO()
    terminal.print_table(table, Console(file=out, width=width))
    return out.getvalue()


@given(st.lists(numbers, min_size=1, max_size=12), st.integers(40, 120), st.integers(1, 4), st.booleans())
def test_no_width_cuts_a_number(values: list[float], width: int, size: int, interval: bool) -> None:
    headings = [Heading(f"h{place}", f"group {place // size}", interval=interval) for place in range(len(values))]
    cells = [Cell("", value, (value - 1, value + 1)) for value in values]
    text = printed(Table("t", [Heading("session"), *headings], [[Cell("7", 7.0), *cells]]), width)
    for cell in cells:
        assert cell.number in text
        assert not interval or cell.ends.replace(" … ", "…") in text
    assert max(map(len, text.splitlines())) <= width


def test_labels_that_repeat_are_shown_once_and_columns_without_figures_not_at_all() -> None:
    table = Table("t", [Heading(""), Heading(""), Heading("a"), Heading("b")], [], labels=2)
    rows = [[Cell(word), Cell(str(k)), Cell("", 1.0), Cell(DASH)] for word in "xy" for k in range(2)]
    shown = Table("t", table.headings, rows, labels=2).present()
    assert [heading.text for heading in shown.headings] == ["", "", "a"]
    assert [row[0].text for row in shown.shown()] == ["x", "", "y", ""]


@given(numbers, numbers, st.integers(0, 3))
def test_a_cell_says_its_interval_unless_its_ends_agree(low: float, high: float, digits: int) -> None:
    cell = Cell.of({"median": low, "low": low, "high": high}, digits=digits)
    assert (cell.ends == "") == (float(f"{low:.{digits}f}") == float(f"{high:.{digits}f}"))
    assert "-" not in cell.number + cell.ends
    assert Cell.of({"median": low, "low": None, "high": None}).ends == ""
    assert Cell.of(None).number == DASH


def test_csv_has_every_number_of_every_table_with_its_ends(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    folder = run("a")
    assert main(["report", "--csv", folder, str(OLD)]) == 0
    lines = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert {line["report"] for line in lines} == {folder, str(OLD)}
    report = json.loads(Path(folder, "report.json").read_text())
    own = [line for line in lines if line["report"] == folder]
    cells = [c for t in sections.tables(report) for row in t.rows for c in row[t.labels :] if c.value is not None]
    found = [(float(line["value"]), line["low"]) for line in own if re.fullmatch(r"-?[\d.]+", line["value"])]
    for cell in cells:
        assert (cell.value, str(cell.interval[0]) if cell.interval else "") in found
    assert [line for line in own if line["column"] == "verdict" and line["value"] == "missed"]
    assert set(lines[0]) == set(spreadsheet.COLUMNS)


def test_two_runs_are_compared_in_one_table(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = run("first"), run("second", "--learner.noise", "3")
    before = Path(first, "report.html").read_text()
    assert main(["report", first, second]) == 0
    text = capsys.readouterr().out
    assert "Two runs compared" in text
    [changed] = [line for line in text.splitlines() if line.startswith("learner.noise ")]
    assert changed.split() == ["learner.noise", "0.3", "3.0"]
    assert "claims" not in changed
    assert Path(first, "report.html").read_text() == before


def test_a_comparison_holds_what_differs_and_the_difference(run: Any) -> None:
    first, second = (
        json.loads(Path(run(name, *flags), "report.json").read_text())
        for name, flags in (("first", ()), ("second", ("--learner.noise", "3")))
    )
    table = compare.compare(first, second, ("one", "two"))
    rows = {row[0].text: row[1:] for row in table.rows}
    a, b, difference = rows["session 3: all classes, device"]
    own = [held["table"][0]["sessions"][3]["learner"]["overall"]["median"] for held in (first, second)]
    assert [a.value, b.value, difference.value] == [*own, own[1] - own[0]]
    assert difference.mark == "strong"  # three times the width of the classes
    assert not any("float" in about for about in rows), "the baseline is the same in both"
    assert "session 1: all classes, device" not in rows
    same = compare.compare(first, first, ("one", "one again"))
    assert same.rows == []
    assert re.search(r"[1-9]\d* figures are the same", same.note)


def test_runs_of_two_protocols_are_not_compared(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = run("first"), run("second", "--scenario", "counted-stream")
    assert main(["report", first, second]) == 2
    error = capsys.readouterr().err
    assert "counted_sessions, which measure different things" in error
    assert error.count("\n") == 1


def test_more_than_two_and_all_below_a_folder_are_shown_one_after_the_other(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = run("first"), run("second", "--learner.noise", "3")
    for given_ in ([first, second, first], [str(tmp_path)]):
        assert main(["report", *given_]) == 0
        text = capsys.readouterr().out
        assert text.count("\nreport  ") == 2
        assert "Two runs compared" not in text
