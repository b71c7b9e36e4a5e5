"""Reports of a stream of experiences: measures, matrix and costs; nothing of old and new classes."""

from __future__ import annotations

import io
import re
from typing import Any
from xml.etree import ElementTree

import pytest
from rich.console import Console

from insitu.experiments import Claim
from insitu.metrics import Row
from insitu.protocols import experiences
from insitu.report import charts, claims, figures, formatting, heat_map, html_page, markdown, summary, terminal
from insitu.report.sample import Sample


def rows(sessions: int = 3, groups: bool = True, seeds: int = 2) -> list[Row]:
    """Return a stream of pairs of classes; each loses 10 points per further experience, the device 1 point more."""
    out: list[Row] = []
    for seed in range(seeds):
        for less, arm in enumerate(("baseline", "learner")):
            for number in range(sessions):
                own = {f"experience_{k}": 90.0 + seed - less - 10 * (number - k) for k in range(number + 1)}
                own = own if groups else {"experience_0": 50.0 + number - less}
                row: Row = {"seed": seed, "arm": arm, "session": number, "age_s": 60.0, "classes": 2 + 2 * number}
                row |= own | {"overall": sum(own.values()) / len(own), "spent_weight_update": 100 * (number + 1)}
                out.append(row | {"spent_held_bytes": 2048 * (number + 1), "query_weight_read": 7})
    return out


def report(given: list[Row]) -> dict[str, Any]:
    claimed = [Claim("forgetting", "not published", experiences.forgetting("learner", 60.0), at_most=30.0)]
    sample = Sample(given)
    return {
        "experiment": "stream",
        "title": "A stream.",
        "paper": "none",
        "data": "made up",
        "quick": False,
        "seeds": sorted({int(row["seed"]) for row in given}),
        "versions": {},
        "machine": {"processor": "p", "cores": 1, "python": "3", "platform": "l"},
        "started": "2024-01-01T00:00:00+00:00",
        "seconds": 1.0,
        "composition": {"type": "Experiment", "fields": {}},
        "intervals": sample.intervals(),
        "table": summary.table(sample),
        "ages": summary.ages(sample),
        "cost": summary.cost(given),
        "claims": claims.claims(sample, claimed),
    }


def shown(given: dict[str, Any]) -> str:
    out = io.StringIO()
    terminal.show(given, Console(file=out, width=100))
    return out.getvalue()


def test_a_stream_is_summed_up_over_the_seeds() -> None:
    stream = summary.table(Sample(rows()))[0]["stream"]
    assert stream["learner"]["experiences"] == [0, 1, 2]
    assert stream["baseline"]["matrix"] == [[90.5, None, None], [80.5, 90.5, None], [70.5, 80.5, 90.5]]
    assert stream["learner"]["average_accuracy"] == {"median": 79.5, "low": None, "high": None}
    assert stream["learner"]["forgetting"]["median"] == 15.0
    assert stream["learner"]["backward_transfer"]["median"] == -15.0


def test_one_experience_forgets_nothing() -> None:
    stream = summary.table(Sample(rows(1)))[0]["stream"]
    assert stream["learner"]["forgetting"] is None
    assert stream["learner"]["average_accuracy"]["median"] == 89.5
    assert "forgetting" in shown(report(rows(1)))


def test_spending_is_per_experience_and_bytes_are_held() -> None:
    cost = summary.cost(rows())
    assert cost["per"] == "experience"
    assert [(each["event"], each["count"]["median"]) for each in cost["learning"]] == [("weight update", 100.0)]
    assert [(each["event"], each["count"]["median"]) for each in cost["memory"]] == [("held bytes", 6144.0)]
    assert [(each["event"], each["count"]["median"]) for each in cost["query"]] == [("weight read", 7.0)]
    assert cost["preparation"] == []


@pytest.mark.parametrize("sessions", [1, 3, 60])
@pytest.mark.parametrize("groups", [True, False])
def test_every_view_speaks_of_experiences_and_of_no_old_classes(sessions: int, groups: bool) -> None:
    given = report(rows(sessions, groups))
    for text in (shown(given), html_page.page(given), markdown.ledger([given])):
        assert "xperience" in text
        assert "average accuracy" in text
        assert not re.search(
            r"old classes|new classes|harmonic|novel", re.sub(r"<style>.*</style>", "", text, flags=re.S)
        )
    assert "memory at the end" in shown(given)
    assert "per learned experience" in shown(given)
    assert "Memory after the last experience" in html_page.page(given)
    assert html_page.page(given).count("What is kept") == (2 * 2 if groups and sessions > 1 else 0)  # caption and label


def test_long_streams_are_shown_in_part() -> None:
    given = report(rows(60))
    [table] = [part for part in html_page.page(given).split("<table") if part.startswith(' class="sessions"')]
    assert table.count("<tr>") == 2 + formatting.SOME
    assert "<td>59</td>" in table
    assert len(markdown.ledger([given]).splitlines()) < 60


@pytest.mark.parametrize("count", [1, 2, formatting.SOME, formatting.SOME + 1, 100, 391])
def test_some_rows_hold_the_first_and_the_last(count: int) -> None:
    found = formatting.some(list(range(count)))
    assert len(found) == min(count, formatting.SOME)
    assert found == sorted(set(found))
    assert (found[0], found[-1]) == (0, count - 1)


def test_the_matrix_has_a_cell_where_something_was_tested() -> None:
    axes = (heat_map.Axis("after", "after experience", ["0", "9"]), heat_map.Axis("on", "on experience", ["0", "9"]))
    drawn = heat_map.heat("t & u", "learner", [[100.0, None], [0.0, 55.4]], *axes)
    root = ElementTree.fromstring(drawn)
    cells = [node for node in root.iter() if node.tag == "rect"]
    assert len(cells) == 3
    depth = [float(str(re.search(r"fill-opacity: ([\d.]+)", cell.attrib["style"])[1])) for cell in cells]  # type: ignore[index]
    assert max(depth) == depth[0] == heat_map.DEEPEST
    assert min(depth) == depth[1] > 0
    words = [node.text for node in root.iter() if node.tag == "text"]
    assert words[:3] == ["100", "0", "55"]
    assert "after experience 9, on experience 9: 55.4 %" in [node.text for node in root.iter() if node.tag == "title"]
    for cell in cells:
        assert float(cell.attrib["x"]) >= heat_map.LEFT
        assert float(cell.attrib["x"]) + float(cell.attrib["width"]) <= charts.WIDTH
        assert float(cell.attrib["y"]) + float(cell.attrib["height"]) <= charts.HEIGHT - charts.BOTTOM


def test_many_columns_hold_no_numbers() -> None:
    many = [str(number) for number in range(40)]
    axes = (heat_map.Axis("after", "after", many[:20]), heat_map.Axis("on", "on", many))
    root = ElementTree.fromstring(heat_map.heat("t", "baseline", [[50.0] * 40] * 20, *axes))
    words = [node.text for node in root.iter() if node.tag == "text"]
    assert "50" not in words
    assert len(words) <= 12 + 16 + 2


def test_the_figure_file_of_a_stream_shows_what_is_kept() -> None:
    style = html_page.STYLE.read_text(encoding="utf-8")
    text = figures.picture(report(rows()), style)
    assert "What is kept, on the device" in " ".join(ElementTree.fromstring(text).itertext())
    flat = figures.picture(report(rows(groups=False)), style)
    assert "What the device loses" in " ".join(ElementTree.fromstring(flat).itertext())


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 bytes"), (528, "528 bytes"), (307_200, "300 KiB"), (1_572_864, "1.5 MiB"), (5e9, "4768 MiB")],
)
def test_memory_in_words(value: float, text: str) -> None:
    assert formatting.memory(value) == text
