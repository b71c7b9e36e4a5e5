"""What the learner confuses of a user's own folder: class by class, and the items that it gets wrong most often."""

from __future__ import annotations

import io
from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from insitu.core import InsituError
from insitu.data import decoding
from insitu.experiments import Experiment
from insitu.report import formatting
from insitu.report.drawing import FONT, Axis, heat_map
from insitu.report.formatting import Report
from insitu.report.sample import Sample
from insitu.report.table import Block, Cell, Figure, Heading, Picture, Pictures, Table
from insitu.scenarios.own_folder import ANSWERS, OwnFolder

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KEY = "confusions"
PAIRS, ITEMS = 10, 12  # pairs of classes and items that are listed
SIDE, QUALITY = 112, 72  # pixels and JPEG quality of a small picture
LONGEST = 18  # characters of a class on the map
MOST_CLASSES = 40  # on the map


def summary(sample: Sample, experiment: Experiment) -> dict[str, Any] | None:
    """Return the answers over all seeds after the last shot, at the first age; None of data that is not one's own.

    ``matrix`` counts answers (columns) to tests of each class (rows). ``items`` are the most often wrong: with their
    class, the class they were taken for most often, how often they were tested and wrong, and a small picture.
    """
    scenario = experiment.scenario
    rows = [row for row in sample.rows if row["arm"] == "learner" and ANSWERS in row]
    rows = [row for row in rows if row["age_s"] == experiment.ages_s[0]]
    if not isinstance(scenario, OwnFolder) or not rows:
        return None
    own = scenario.items()
    matrix = np.zeros((len(own.names), len(own.names)), int)
    tested, wrong = Counter[int](), dict[int, Counter[int]]()
    for row in rows:
        drawn = scenario.drawn_rows(int(row["seed"]))
        answers = drawn.learned[np.array(str(row[ANSWERS]).split(), int)]
        for item, answer in zip(drawn.tests.tolist(), answers.tolist(), strict=True):
            label = int(own.labels[item])
            matrix[label, answer] += 1
            tested[item] += 1
            if answer != label:
                wrong.setdefault(item, Counter())[answer] += 1
    worst = sorted(wrong, key=lambda item: (-wrong[item].total(), tested[item], item))[:ITEMS]
    pictured = scenario.encoder is not None and scenario.encoder.kind == "images"
    return {
        "classes": list(own.names),
        "matrix": matrix.tolist(),
        "items": [
            {
                "file": _short(own.files[item], scenario.path),
                "class": own.names[own.labels[item]],
                "taken_for": own.names[wrong[item].most_common(1)[0][0]],
                "wrong": wrong[item].total(),
                "tested": tested[item],
                "picture": _thumbnail(Path(own.files[item])) if pictured else "",
            }
            for item in worst
        ],
    }


def _short(file: str, folder: Path | None) -> str:
    return file if folder is None else file.removeprefix(f"{folder}/")


def _thumbnail(file: Path) -> str:
    """Return a small JPEG in base64, or '' where the file is gone since."""
    try:
        image = decoding.picture(file.read_bytes()).convert("RGB")
    except (OSError, InsituError):
        return ""
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=QUALITY)
    return b64encode(out.getvalue()).decode()


def blocks(report: Report) -> list[Block]:
    """Return the map of confusions, the pairs confused most often, and the items that are wrong most often."""
    held = report.get(KEY)
    if not held:
        return []
    matrix, names, when = np.array(held["matrix"]), held["classes"], "after the last shot, all draws together"
    shares = 100 * matrix / matrix.sum(1, keepdims=True).clip(1)
    out: list[Block] = []
    if len(names) <= MOST_CLASSES:
        note = f"percent of a class's tests by answer, {when}; columns are numbered as rows"
        out.append(Figure("What is taken for what", note, _map(names, shares)))
    off = matrix * (1 - np.eye(len(names), dtype=int))
    order = np.argsort(-(shares * (off > 0)), axis=None, kind="stable")[:PAIRS]
    pairs = [
        [
            Cell(names[row]),
            Cell(names[column]),
            Cell("", float(shares[row, column]), unit="%"),
            Cell(f"{off[row, column]} of {matrix[row].sum()}"),
        ]
        for row, column in (divmod(int(place), len(names)) for place in order)
        if off[row, column]
    ]
    if pairs:
        headings = [Heading("class"), Heading("taken for", words=True), Heading("share", unit=True), Heading("tests")]
        note = f"By {formatting.names(report)[1]}, {when}."
        out.append(Table("Classes most often confused", headings, pairs, note))
    return [*out, *_items(held["items"], when)]


def _items(items: list[dict[str, Any]], when: str) -> list[Block]:
    note = f"{when[0].upper()}{when[1:]}; a wrong label, or a picture unlike the others of its class?"
    title = "Items most often wrong"
    shown = [
        Picture(each["picture"], f"{each['class']} → {each['taken_for']}", f"{each['wrong']} of {each['tested']} times")
        for each in items
        if each["picture"]
    ]
    rows = [
        [Cell(each["file"]), Cell(each["class"]), Cell(each["taken_for"]), Cell(f"{each['wrong']} of {each['tested']}")]
        for each in items
    ]
    headings = [Heading("file"), *(Heading(text, words=True) for text in ("class", "taken for", "wrong"))]
    out: list[Block] = [Pictures(title, note, shown)] if shown else []
    if rows:
        out.append(Table("Their files" if shown else title, headings, rows, place="folded" if shown else "open"))
    return out


def _map(names: list[str], shares: np.typing.NDArray[np.float64]) -> Callable[[Axes], None]:
    """Draw the map with names of classes to the left, and room for them."""
    short = [name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…" for name in names]
    numbers = [str(number) for number in range(1, len(names) + 1)]
    rows = [f"{name}  {number}" for name, number in zip(short, numbers, strict=True)]
    values = [[float(share) if share else None for share in row] for row in shares]
    heat = heat_map(values, "learner", Axis("", rows), Axis("taken for", numbers), (0.0, 100.0))

    def draw(axes: Axes) -> None:
        box, wide = axes.get_position(), axes.figure.get_size_inches()[0] * 72  # type: ignore[union-attr]
        more = 0.64 * FONT * max(map(len, rows)) / wide
        left = min(max(box.x0, more), 0.5)
        axes.set_position((left, box.y0, box.x1 - left, box.height))
        heat(axes)

    return draw
