"""A report shown again: terminal, page and ledger read the JSON alone."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from insitu.cli.main import main
from insitu.report import drawing, formatting, html_page, markdown

VOID = {"meta", "br"}


@pytest.fixture
def folder(fakes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert main(["run", "fake-table", "--seeds", "2", "--out", str(tmp_path / "run")]) == 0
    capsys.readouterr()
    return tmp_path / "run"


def held(folder: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return report


def test_page_and_tables_come_back_from_the_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (folder / "report.html").read_text()
    (folder / "report.html").unlink()
    assert main(["report", str(folder)]) == 0
    assert (folder / "report.html").read_text() == before
    assert "Session by session" in capsys.readouterr().out


class Balance(HTMLParser):
    """Fails where a tag is closed that is not open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def test_the_page_is_whole_and_leads_nowhere(folder: Path) -> None:
    text = (folder / "report.html").read_text()
    parser = Balance()
    parser.feed(text)
    assert parser.open == []
    assert text.count("<svg") == 4
    assert not re.search(r"https?://|<script|<link|<img|@import|url\((?!#)", text)
    assert "prefers-color-scheme: dark" in text


def test_text_of_a_report_is_escaped(folder: Path) -> None:
    report = held(folder)
    report["title"] = report["data"] = report["paper"] = "<b>&\"'</b>"
    report["claims"][0]["name"] = "<i>x</i>"
    text = html_page.page(report)
    assert '<b>&"' not in text
    assert "<i>x</i>" not in text
    assert "&lt;i&gt;x&lt;/i&gt;" in text


def test_square_brackets_in_names_are_no_markup(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = held(folder)
    report["title"], report["claims"][0]["name"] = "a [red]b", "c [bold]d"
    (folder / "report.json").write_text(json.dumps(report))
    assert main(["report", str(folder)]) == 0
    text = capsys.readouterr().out
    assert "a [red]b" in text
    assert "c [bold]d" in text


def test_a_run_without_rows_of_one_arm_still_shows(folder: Path) -> None:
    report = held(folder)
    report |= {"claims": [], "table": [], "ages": [], "cost": {"learning": [], "query": [], "preparation": []}}
    (folder / "report.json").write_text(json.dumps(report))
    assert main(["report", str(folder)]) == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"schema": 1', "is not complete JSON"),
        ("[1]", "is not a report of insitu"),
        ('{"schema": 99}', "has schema 99; this version reads schema 1 to 3"),
        ('{"schema": 1}', "lacks experiment"),
    ],
)
def test_a_corrupt_report_is_one_line(text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "report.json"
    file.write_text(text)
    assert main(["report", str(file)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_report_with_parts_of_the_wrong_shape_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = held(folder)
    del report["table"][0]["sessions"]
    (folder / "report.json").write_text(json.dumps(report))
    assert main(["report", str(folder)]) == 2
    assert "not a complete report" in capsys.readouterr().err


def test_no_report_there_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path / "nowhere")]) == 1
    assert "no report at" in capsys.readouterr().err


def test_the_ledger_has_a_table_per_report(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "docs" / "results.md"
    assert main(["report", "--results", str(file), str(folder), str(folder)]) == 0
    assert "results.md" in capsys.readouterr().out
    text = file.read_text()
    assert text.startswith("<!-- Generated")
    assert "never edit" in text
    assert text.count("## fake-table") == 2
    assert "| gap | 1.3 to 2.5 (abstract) | ≤ 50 |" in text
    assert "| 2 chips with their own streams | met in the median |" in text
    assert "| **missed** |" in text
    assert "**Not verified: the archive is made up.**" in text
    assert "2 seeds" in text


def test_cells_of_the_ledger_keep_their_bars(folder: Path) -> None:
    report = held(folder)
    report["claims"][0]["name"] = "a|b"
    assert "| a\\|b |" in markdown.ledger([report])


@given(st.lists(st.floats(0, 240), min_size=1, max_size=12))
def test_labels_of_lines_stay_apart_in_order_and_within(places: list[float]) -> None:
    moved = drawing.spread(places, 240.0)
    order = sorted(range(len(places)), key=lambda i: places[i])
    ordered = [moved[i] for i in order]
    assert all(b - a >= drawing.LINE_HEIGHT - 1e-9 for a, b in zip(ordered, ordered[1:], strict=False))
    assert max(moved) <= 240


@pytest.mark.parametrize(
    ("value", "text"),
    [(60.0, "1 minute"), (7200.0, "2 hours"), (86400.0, "1 day"), (31536000.0, "1 year"), (5.0, "5 s")],
)
def test_ages_in_words(value: float, text: str) -> None:
    assert formatting.age(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (13.0, "13 pJ"), (108_000.0, "108 nJ"), (2.5e6, "2.5 µJ"), (3e12, "3 J")],
)
def test_energies_in_words(value: float | None, text: str) -> None:
    assert formatting.energy(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(3.21, "3.2 s"), (59.7, "1 min 00 s"), (185.0, "3 min 05 s"), (7800.0, "2 h 10 min")]
)
def test_durations_in_words(value: float, text: str) -> None:
    assert formatting.duration(value) == text


def test_a_file_with_markers_keeps_all_else(tmp_path: Path, folder: Path) -> None:
    file = tmp_path / "README.md"
    file.write_text(f"before\n{markdown.BEGIN}\nold figures\n{markdown.END}\nafter\n", encoding="utf-8")
    assert main(["report", "--results", str(file), str(folder)]) == 0
    text = file.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{markdown.BEGIN}\n| experiment |")
    assert text.endswith(f"{markdown.END}\nafter\n")
    assert "old figures" not in text


def test_a_figure_is_a_file_of_its_own(tmp_path: Path, folder: Path) -> None:
    file = tmp_path / "accuracy.svg"
    assert main(["report", "--figure", str(file), str(folder)]) == 0
    root = ElementTree.fromstring(file.read_text(encoding="utf-8"))
    assert root.tag.endswith("svg")
    words = " ".join(root.itertext())
    assert "Accuracy after each session" in words
    assert "new, float" in words


def test_a_figure_is_a_png_by_its_name_and_nothing_else(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "accuracy.png"
    assert main(["report", "--figure", str(file), str(folder)]) == 0
    with Image.open(file) as picture:
        assert picture.width > 2000
        assert len(picture.convert("RGB").getcolors(1 << 24) or []) > 50
    assert main(["report", "--figure", str(tmp_path / "accuracy.gif"), str(folder)]) == 2
    assert "written as .svg or .png" in capsys.readouterr().err
