"""Reports of earlier schemas still open in every view, with all their figures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from insitu.cli.main import main
from insitu.report import document

REPORTS = Path(__file__).parent / "reports"
OLD = REPORTS / "report-0.1.0.json"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    shutil.copy(OLD, tmp_path / "report.json")
    return tmp_path / "report.json"


def test_it_is_of_the_schema_before() -> None:
    held = json.loads(OLD.read_text(encoding="utf-8"))
    assert held["schema"] == 1
    assert held["versions"]["insitu"] == "0.1.0"


def test_every_view_shows_it(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(file)]) == 0
    text = " ".join(capsys.readouterr().out.split())
    page = file.with_suffix(".html").read_text(encoding="utf-8")
    assert main(["report", "--results", str(file.with_name("results.md")), str(file)]) == 0
    assert main(["report", "--figure", str(file.with_name("a.svg")), str(file)]) == 0
    ledger = file.with_name("results.md").read_text(encoding="utf-8")
    for shown in (text, page, ledger):
        assert "in brackets the least and the most over 2 seeds" in shown
        assert "of the median (percentile bootstrap)" not in shown
    [claim] = json.loads(OLD.read_text(encoding="utf-8"))["claims"]
    low, high = claim["measured"]["min"], claim["measured"]["max"]
    assert f"{low:.2f}…{high:.2f}" in text
    assert f"[{low:.2f} … {high:.2f}]" in ledger
    assert "| 2 seeds | met |" in ledger  # as it was judged then


def test_nothing_but_the_names_of_ends_changes() -> None:
    old, read = json.loads(OLD.read_text(encoding="utf-8")), document.load(OLD)
    assert [row | {"arm": ""} for row in read["rows"]] == [row | {"arm": ""} for row in old["rows"]]
    assert {row["arm"] for row in read["rows"]} == {"baseline", "learner"}
    first, then = (held["table"][0]["sessions"][3]["gap"]["overall"] for held in (read, old))
    assert first == {"median": then["median"], "low": then["min"], "high": then["max"]}
    assert set(read) - set(old) == {"intervals", "protocol", "streams"}
    assert read["protocol"] == "few_shot_sessions"


@pytest.mark.parametrize(
    ("name", "protocol"), [("movements", "trajectories"), ("stream", "class_stream"), ("tasks", "episodes")]
)
def test_every_view_shows_a_report_of_schema_2(
    name: str, protocol: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    held = json.loads((REPORTS / f"schema-2-{name}.json").read_text(encoding="utf-8"))
    assert held["schema"] == 2
    file = tmp_path / "report.json"
    shutil.copy(REPORTS / f"schema-2-{name}.json", file)
    assert document.load(file)["protocol"] == protocol
    assert main(["report", str(file)]) == 0
    assert main(["report", "--csv", str(file)]) == 0
    assert main(["report", "--results", str(tmp_path / "r.md"), "--figure", str(tmp_path / "f.svg"), str(file)]) == 0
    page, ledger = (
        file.with_suffix(".html").read_text(encoding="utf-8"),
        (tmp_path / "r.md").read_text(encoding="utf-8"),
    )
    said = capsys.readouterr().out
    assert page.count("<figure>") >= 2
    for value in figures(held, name):
        assert str(value) in said, "in the CSV"
        digits = 3 if value < 1 else 2
        assert any(f"{value:.{places}f}" in ledger for places in range(digits + 1))
        assert any(f"{value:.{places}f}" in page for places in range(digits + 1))


def figures(held: dict[str, Any], name: str) -> list[float]:
    """Return medians that a report of schema 2 holds in parts which are elsewhere since."""
    if name == "movements":
        arms = [arm for age in held["movement"]["ages"] for arm in age["arms"]]
        return [stat["median"] for arm in arms for step in arm.values() for stat in step.values()]
    if name == "stream":
        arms = held["table"][0]["stream"].values()
        return [abs(arm[measure]["median"]) for arm in arms for measure in ("average_accuracy", "forgetting")]
    return [stat["median"] for arm in held["arms"]["rewritten"] for stat in arm if stat]


@pytest.mark.parametrize("field", ["claims", "seeds", "names", "machine", "table", "cost"])
@pytest.mark.parametrize("value", [3, "x", [1], [[1]], {"a": 1}, None])
@pytest.mark.parametrize("flag", [[], ["--csv"], ["--results", "r.md"], ["--figure", "f.svg"]])
@pytest.mark.filterwarnings("default")
def test_a_damaged_one_is_one_line(
    file: Path,
    field: str,
    value: object,
    flag: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(file.parent)
    file.write_text(json.dumps(json.loads(OLD.read_text(encoding="utf-8")) | {field: value}), encoding="utf-8")
    assert main(["report", *flag, str(file)]) in (0, 2)  # what a view does not read may be anything
    assert capsys.readouterr().err.count("\n") <= 1
