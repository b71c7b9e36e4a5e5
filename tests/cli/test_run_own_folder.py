"""``insitu run own-folder``: from pictures in folders to a report that shows what is confused."""

from __future__ import annotations

import json
from base64 import b64decode
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from insitu.cli.main import main
from insitu.experiments.own_folder import EXPERIMENT
from insitu.report import document, html_page

CLASSES, EACH, SHOTS, SEEDS = 5, 4, 2, 2


def noisy_pictures(root: Path) -> Path:
    """Draw pictures of which some are confused: bars of five widths, on noise."""
    for label in range(CLASSES):
        for number in range(EACH):
            rng = np.random.default_rng([label, number])
            pixels = rng.integers(60, 256, (28, 28))
            pixels[4:24, 4 : 6 + 4 * label] //= 3
            file = root / f"bar <{label}>" / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.astype(np.uint8)).save(file)
    return root


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    folder = tmp_path_factory.mktemp("own")
    words = ["--scenario.path", str(noisy_pictures(folder / "photos")), "--scenario.shots", str(SHOTS)]
    words += ["--scenario.encoder", "trained-backbone", "--seeds", str(SEEDS), "--out", str(folder / "out")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INSITU_CACHE", str(folder / "cache"))
        assert main(["run", "own-folder", *words]) == 0
    return document.load(folder / "out"), (folder / "out" / "report.html").read_text(encoding="utf-8")


def test_every_answer_is_on_the_map(reported: tuple[dict[str, Any], str]) -> None:
    report, _ = reported
    matrix = np.array(report["confusions"]["matrix"])
    assert matrix.sum(1).tolist() == [SEEDS * (EACH - SHOTS)] * CLASSES
    last = [row for row in report["rows"] if row["arm"] == "learner" and "answers" in row]
    fresh = [row["overall"] for row in last if row["age_s"] == EXPERIMENT.ages_s[0]]
    assert len(fresh) == SEEDS
    assert 100 * np.trace(matrix) / matrix.sum() == pytest.approx(np.mean(fresh))


def test_wrong_items_are_shown_by_small_pictures(reported: tuple[dict[str, Any], str]) -> None:
    report, page = reported
    items = report["confusions"]["items"]
    matrix = np.array(report["confusions"]["matrix"])
    assert sum(each["wrong"] for each in items) <= matrix.sum() - np.trace(matrix)
    assert items, "the pictures are hard enough"
    for each in items:
        assert 1 <= each["wrong"] <= each["tested"] <= SEEDS
        assert each["class"] != each["taken_for"]
        assert not Path(each["file"]).is_absolute()
        with Image.open(BytesIO(b64decode(each["picture"]))) as picture:
            assert max(picture.size) <= 112
        assert each["picture"] in page


def test_the_page_says_what_was_measured_and_follows_from_the_report(reported: tuple[dict[str, Any], str]) -> None:
    report, page = reported
    assert html_page.page(report) == page
    assert "What is taken for what" in page
    assert "bar &lt;0&gt;" in page
    assert "bar <0>" not in page
    assert "published" not in page.lower()
    for name in (variant.name for variant in EXPERIMENT.variants):
        assert name in page
    assert str(Path.home()) not in json.dumps(report)


def test_unknown_things_are_measured_where_classes_are_left_out(reported: tuple[dict[str, Any], str]) -> None:
    report, _ = reported
    arms = {row["arm"] for row in report["rows"] if "apart" in row}
    assert arms == {"a fifth left out"}
    assert {row["classes"] for row in report["rows"] if row["arm"] in arms} == {CLASSES - 1}


def test_without_a_folder_it_is_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "own-folder"]) == 2
    said = capsys.readouterr().err
    assert "--scenario.path FOLDER" in said
    assert said.count("\n") == 1
