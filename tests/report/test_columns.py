"""A measure that a protocol scores and names is in every view, without a change to any of them."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest

from insitu.cli.main import main
from insitu.report import document, html_page, markdown


@pytest.fixture
def folder(fakes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    words = ["run", "fake-table", "--scenario", "counted-stream", "--seeds", "2", "--out", str(tmp_path)]
    assert main(words) == 0
    capsys.readouterr()
    return tmp_path


def errors(report: dict[str, Any]) -> set[str]:
    """Return the medians of the new measure after each session, as views write them."""
    sessions = report["table"][0]["sessions"]
    return {f"{row[arm]['errors']['median']:.0f}" for row in sessions for arm in ("baseline", "learner")}


def test_every_view_shows_a_new_column(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = document.load(folder)
    assert report["protocol"] == "counted_sessions"
    assert main(["report", str(folder)]) == 0
    terminal = capsys.readouterr().out
    page, ledger = html_page.page(report), markdown.ledger([report])
    heading = "wrong answers (tests)"
    assert f'colspan="2">{heading}</th>' in page
    assert f"| {heading}: float / device |" in ledger
    assert {"wrong", "answers", "(tests)"} <= set(terminal.split())
    for number in errors(report):
        assert re.search(rf">{number}<", page)
        assert re.search(rf"[ /] ?{number}( /| \|)", ledger)
        assert number in terminal.split()
    assert main(["report", "--csv", str(folder)]) == 0
    lines = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    own = [line for line in lines if line["column"] == f"{heading}, device" and line["table"].startswith("Session")]
    assert {line["unit"] for line in own} == {"tests"}
    assert len(own) == 2 * 3  # ages and sessions
    last = report["table"][0]["sessions"][2]["learner"]["errors"]["median"]
    assert next(float(line["value"]) for line in own if line["row"] == "2") == last


def test_a_report_without_the_column_shows_none(folder: Path) -> None:
    report = json.loads((folder / "report.json").read_text())
    for block in report["table"]:
        for row in block["sessions"]:
            for arm in ("baseline", "learner"):
                del row[arm]["errors"]
    page = html_page.page(report)
    assert page.count("wrong answers") == html_page.page(report | {"table": []}).count("wrong answers")


def test_a_protocol_of_another_version_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("dreams", "../few_shot_sessions", 3):
        report = json.loads((folder / "report.json").read_text()) | {"protocol": name}
        (folder / "report.json").write_text(json.dumps(report))
        assert main(["report", str(folder)]) == 2
        error = capsys.readouterr().err
        assert "which this version does not have" in error
        assert error.count("\n") == 1
