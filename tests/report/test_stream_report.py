"""Reports of a stream of experiences: measures, matrix and costs; nothing of old and new classes."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest
from rich.console import Console

from insitu.experiments import Claim
from insitu.metrics import Row
from insitu.protocols import Protocol, class_stream, experiences
from insitu.report import document, drawing, formatting, html_page, markdown, table, terminal
from insitu.report.drawing import Axis
from insitu.report.sample import Sample
from insitu.report.sections import claims, cost, stream
from insitu.report.table import Figure
from patterned import EXPERIMENT


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


def report(given: list[Row], protocol: Protocol = class_stream.PROTOCOL) -> dict[str, Any]:
    claimed = [Claim("forgetting", "not published", experiences.forgetting("learner", 60.0), at_most=30.0)]
    about = {
        "experiment": "stream",
        "title": "A stream.",
        "data": "made up",
        "quick": False,
        "changes": [],
        "seeds": sorted({int(row["seed"]) for row in given}),
        "versions": {},
        "machine": {"processor": "p", "cores": 1, "python": "3", "platform": "l"},
        "started": "2024-01-01T00:00:00+00:00",
        "seconds": 1.0,
    }
    sample = Sample(given, protocol)
    made = document.build(about, sample, replace(EXPERIMENT, variants=(), names=formatting.NAMES, claims=()))
    return made | {"claims": claims.claims(sample, claimed), "composition": {"type": "Experiment", "fields": {}}}


def shown(given: dict[str, Any]) -> str:
    out = io.StringIO()
    terminal.show(given, Console(file=out, width=100))
    return out.getvalue()


def test_a_stream_is_summed_up_over_the_seeds() -> None:
    [held] = stream.summary(Sample(rows(), class_stream.PROTOCOL), EXPERIMENT) or []
    assert held["learner"]["experiences"] == [0, 1, 2]
    assert held["baseline"]["matrix"] == [[90.5, None, None], [80.5, 90.5, None], [70.5, 80.5, 90.5]]
    assert held["learner"]["average_accuracy"] == {"median": 79.5, "low": None, "high": None}
    assert held["learner"]["forgetting"]["median"] == 15.0
    assert held["learner"]["backward_transfer"]["median"] == -15.0


def test_one_experience_forgets_nothing() -> None:
    [held] = stream.summary(Sample(rows(1), class_stream.PROTOCOL), EXPERIMENT) or []
    assert held["learner"]["forgetting"] is None
    assert held["learner"]["average_accuracy"]["median"] == 89.5
    assert "forgetting" in shown(report(rows(1)))


def test_spending_is_per_experience_and_bytes_are_held() -> None:
    found = cost.summary(Sample(rows(), class_stream.PROTOCOL), EXPERIMENT)
    assert found["per"] == "experience"
    assert [(each["event"], each["count"]["median"]) for each in found["learning"]] == [("weight update", 100.0)]
    assert [(each["event"], each["count"]["median"]) for each in found["memory"]] == [("held bytes", 6144.0)]
    assert [(each["event"], each["count"]["median"]) for each in found["query"]] == [("weight read", 7.0)]
    assert found["preparation"] == []


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
        assert "memory at the end" in text
        assert "per experience learned" in text
    assert html_page.page(given).count("What is kept") == (2 * 2 if groups and sessions > 1 else 0)  # caption and label


def test_long_streams_are_shown_in_part() -> None:
    given = report(rows(60))
    [first, *_] = [part for part in html_page.page(given).split("<table") if ">experience<" in part]
    assert first.count("<tr>") == 2 + table.SOME
    assert ">59</td>" in first
    assert len(markdown.ledger([given]).splitlines()) < 80


@pytest.mark.parametrize("count", [1, 2, table.SOME, table.SOME + 1, 100, 391])
def test_some_rows_hold_the_first_and_the_last(count: int) -> None:
    found = table.evenly(list(range(count)))
    assert len(found) == min(count, table.SOME)
    assert found == sorted(set(found))
    assert (found[0], found[-1]) == (0, count - 1)


def drawn(matrix: list[list[float | None]], rows: int, columns: int) -> ElementTree.Element:
    after, on = (
        Axis(word, [str(number) for number in range(count)]) for word, count in (("after", rows), ("on", columns))
    )
    figure = Figure("t & u", "", drawing.heat_map(matrix, "learner", after, on, (0, 100)))
    return ElementTree.fromstring(drawing.inline(figure))


def test_the_matrix_has_a_cell_where_something_was_tested() -> None:
    root = drawn([[100.0, None], [0.0, 55.4]], 2, 2)
    cells = [node.attrib["style"] for node in root.iter() if "var(--learner)" in node.attrib.get("style", "")]
    depth = [float(re.findall(r"opacity: ([\d.]+)", cell)[0]) for cell in cells]
    assert len(depth) == 3
    assert max(depth) == depth[0] == pytest.approx(0.52)
    assert min(depth) == depth[1] > 0
    words = [node.text for node in root.iter() if node.tag == "text"]
    assert {"100", "0", "55", "after", "on"} <= set(words)


def test_many_columns_hold_no_numbers() -> None:
    words = [node.text for node in drawn([[50.0] * 40] * 20, 20, 40).iter() if node.tag == "text"]
    assert "50" not in words
    assert len(words) <= 12 + 16 + 2


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 bytes"), (528, "528 bytes"), (307_200, "300 KiB"), (1_572_864, "1.5 MiB"), (5e9, "4.66 GiB")],
)
def test_memory_in_words(value: float, text: str) -> None:
    assert formatting.memory(value) == text
