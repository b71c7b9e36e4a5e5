"""Which parts are combined, and which combinations are an error."""

from __future__ import annotations

import pytest

from insitu.cli.main import main
from insitu.core import InsituError
from insitu.experiments import combinations, fit
from insitu.experiments.combinations import QUICK, Selection
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.ledger import Ledger
from insitu.metrics import Row
from insitu.report import document, drawing, html_page, sections
from insitu.report.sample import Sample
from insitu.report.sections import combinations as section
from insitu.report.table import Figure, KeyFigure

ABOUT = {
    "experiment": "matrix",
    "title": "All combinations",
    "quick": False,
    "changes": [],
    "data": "made up",
    "versions": {"insitu": "0"},
    "machine": {"processor": "x", "cores": 1, "python": "3", "platform": "x", "threads": 1, "instructions": ""},
    "started": "2026-01-01T00:00:00",
    "seeds": [0],
    "seconds": 1.0,
}


def parts(given: Selection) -> list[dict[str, object]]:
    made = combinations.experiment(given)
    lines = section.summary(Sample.of([], made), made)
    assert lines is not None
    return lines


def test_every_learner_of_few_shot_sessions_meets_every_substrate_that_it_can_be_on() -> None:
    lines = parts(Selection())
    found = {(line["learner"], line["substrate"], line["backbone"]) for line in lines}
    assert len(found) == len(lines)
    assert ("explicit-memory", "pcm-nandakumar2018", "miniimagenet") in found
    assert ("explicit-memory", "pcm-hermes2022 (programmed)", "binary") in found
    assert ("nearest-mean", "float", "miniimagenet") in found
    assert not [line for line in lines if line["learner"] == "nearest-mean" and line["substrate"] != "float"]
    assert len([line for line in lines if line["learner"] == "explicit-memory"]) == 2 * len(combinations.substrates())
    assert "refreshed-memory" not in {line["learner"] for line in lines}  # wraps another learner


def test_every_combination_fits() -> None:
    for given in (QUICK, Selection()):
        made = combinations.experiment(given)
        fit.check(made)
        for learner in (made.learner, made.baseline, *(variant.learner for variant in made.variants)):
            if isinstance(learner, ExplicitMemory):
                learner.check_device()


def test_a_single_combination_is_an_experiment_too() -> None:
    given = Selection(learners=("nearest-mean",), backbones=("miniimagenet",))
    assert {line["learner"] for line in parts(given)} == {"nearest-mean"}


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (Selection(learners=("nearest-mean",), substrates=("ideal",)), "holds nothing on a substrate"),
        (Selection(learners=("maml",)), "Maml learns"),
        (Selection(learners=("none-such",)), "none-such"),
        (Selection(substrates=("quantum",)), "quantum"),
        (Selection(backbones=("omniglot",)), "no backbone 'omniglot'"),
        (Selection(data_set="cifar100"), "no backbone"),
        (Selection(seeds=0), "seeds"),
    ],
)
def test_what_cannot_be_is_an_error_of_one_line(given: Selection, word: str) -> None:
    with pytest.raises(InsituError, match=word) as error:
        combinations.experiment(given)
    assert "\n" not in str(error.value)


def test_labels_of_the_map_keep_clear_of_it_and_within_the_figure_at_the_size_of_the_page() -> None:
    names = [(f"learner-of-{letter * 9}", "miniimagenet", letter * 26) for letter in "abc"]
    map_lines = [
        {"learner": learner, "backbone": backbone, "substrate": substrate, "accuracy": {"median": 50.0}}
        for learner, backbone, substrate in [*names, ("x", "binary", "float")]
    ]
    with drawing._canvas([Figure("", "", section._map(map_lines))], head=0) as canvas:
        (axes,) = canvas.axes
        canvas.draw_without_rendering()
        box = axes.get_window_extent()
        for label in axes.get_yticklabels():
            assert label.get_window_extent().x0 >= 0
            assert label.get_window_extent().x1 < box.x0
            assert label.get_fontsize() == drawing.FONT
        for label in axes.get_xticklabels():
            assert label.get_window_extent().y0 >= 0
            # turned about its end, so that a wider font moves its beginning only
            assert label.get_rotation_mode() == "anchor"


def test_drops_are_below_the_same_learner_in_float_and_costs_are_shared_by_classes() -> None:
    made = combinations.experiment(QUICK)
    arms = ["baseline", "learner", *(variant.name for variant in made.variants)]
    rows: list[Row] = []
    for number, arm in enumerate(arms):
        for age_s in made.ages_s:
            row: Row = {"arm": arm, "seed": 0, "session": 8, "age_s": age_s, "classes": 100, "kept_x_bytes": 7}
            row["overall"] = 50.0 - number - (age_s > 60)
            row |= {"base": 60.0 - number, "novel": 20.0 + number - (age_s > 60)}
            rows.append(row | {"spent_set_pulse": 1000, "query_core_product": 2})
    lines = section.summary(Sample.of(rows, made), made)
    assert lines is not None
    alike = [line for line in lines if line["backbone"] == lines[0]["backbone"]]
    of = {(line["learner"], line["substrate"]): line for line in alike}
    exact, device = of["explicit-memory", "float"], of["explicit-memory", "pcm-nandakumar2018"]
    assert exact["drop"] is None
    assert device["drop"]["median"] == exact["accuracy"]["median"] - device["accuracy"]["median"]
    assert device["aged"]["median"] == device["accuracy"]["median"] - 1
    assert device["class_pj"] == pytest.approx(Ledger.of(set_pulse=1000).energy_pj() / 100)
    assert device["query_pj"] == pytest.approx(Ledger.of(core_product=2).energy_pj())
    assert device["bytes"] == 7


def test_the_command_refuses_what_cannot_be(capsys: pytest.CaptureFixture[str]) -> None:
    for args, word in (
        (["--learners", "maml"], "Maml learns"),
        (["--substrate", "x"], "unknown field"),
        (["miniimagenet", "--data-set", "omniglot"], "given once"),
        (["mnist"], "no backbone"),
    ):
        assert main(["matrix", *args]) == 2
        assert word in capsys.readouterr().err


def test_a_report_shows_every_combination_in_every_table_and_no_pair_of_them() -> None:
    given = Selection()
    made = combinations.experiment(given)
    arms = ["baseline", "learner", *(variant.name for variant in made.variants)]
    rows: list[Row] = [
        {"arm": arm, "seed": 0, "session": 8, "age_s": age_s, "classes": 100, "overall": 50.0}
        | {"base": 60.0 - number, "novel": 20.0 + number - (age_s > 60)}
        for number, arm in enumerate(arms)
        for age_s in made.ages_s
    ]
    report = document.build(ABOUT, Sample.of(rows, made), made)
    shown = sections.tables(report)
    assert [len(table.rows) for table in shown] == [len(arms)] * len(shown)
    first, young, old = shown
    assert first.title == "All combinations"
    assert [table.place for table in (young, old)] == ["open", "folded"]
    for number, row in enumerate(young.rows):
        assert [cell.value for cell in row[3:]] == [60.0 - number, 20.0 + number]
    [best] = [block.note for block in sections.blocks(report) if isinstance(block, KeyFigure)]
    assert best == "explicit-memory, float, binary"
    page = html_page.page(report)
    assert page.count('class="text again"><span>binary<') > len(combinations.substrates()), "narrow screens show them"
    before = {**report, "combinations": [{**line} for line in report["combinations"]]}
    for line in before["combinations"]:
        del line["further"]  # as reports of earlier versions
    assert [table.title for table in sections.tables(before)] == ["All combinations"]
