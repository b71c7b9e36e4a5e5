"""The section on the whole chain adds up: a class is its shots encoded and written, a query an image and a search."""

from __future__ import annotations

from dataclasses import replace

import pytest

from insitu import run
from insitu.experiments import Experiment
from insitu.experiments.energy import QUICK
from insitu.learners.with_encoder import WithEncoder
from insitu.report.sample import Sample
from insitu.report.sections import chain
from insitu.report.table import Table

TWO = replace(QUICK, variants=QUICK.variants[1:2], scenario=replace(QUICK.scenario, shots=2))


@pytest.fixture(scope="module")
def report() -> dict[str, object]:
    rows = [row for row in run.rows(TWO, 0) if row["arm"] != "redrawn"]
    return {"chain": chain.summary(Sample.of(rows, TWO), TWO), "names": list(TWO.names)}


def test_a_class_is_its_shots_encoded_and_written(report: dict[str, list[dict[str, list[float]]]]) -> None:
    assert [each["arm"] for each in report["chain"]] == ["baseline", "learner", "all on PCM"]
    for each in report["chain"]:
        for whole, image, memory in zip(each["class"], each["image"], each["memory"], strict=True):
            assert whole == pytest.approx(2 * image + memory)
            assert 0 < memory < image
        for key in ("class", "image", "query"):
            typical, low, high = each[key]
            assert 0 < low <= typical <= high
        assert each["query"][0] > each["image"][0]


def test_tables_have_a_row_per_chain_and_name_what_is_not_counted(report: dict[str, object]) -> None:
    tables = [block for block in chain.blocks(report) if isinstance(block, Table)]
    energies, operations, published, constants = tables
    assert [row[0].text for row in energies.rows] == [*TWO.names, "all on PCM"]
    assert len(operations.rows) == 3
    assert [row[1].text for row in published.rows[:2]] == ["12 mJ per class", "6 mJ per image"]
    assert all(len(row) == len(published.headings) and row[4].text for row in published.rows)
    assert all(row[0].note for row in constants.rows)


def test_experiments_without_encoders_have_no_such_section() -> None:
    learner, baseline = TWO.learner, TWO.baseline
    assert isinstance(learner, WithEncoder)
    assert isinstance(baseline, WithEncoder)
    plain: Experiment = replace(TWO, learner=learner.memory, baseline=baseline.memory, variants=())
    assert chain.summary(Sample([], plain.scenario.protocol), plain) is None
    assert chain.blocks({}) == []
