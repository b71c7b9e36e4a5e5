"""Claims of an experiment with their figures, intervals and verdicts."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from typing import Any

from insitu.experiments import Claim, Experiment
from insitu.report.formatting import Report
from insitu.report.intervals import Stat
from insitu.report.sample import Sample
from insitu.report.table import DASH, Block, Cell, Heading, KeyFigure, Table

KEY = "claims"

MET, IN_THE_MEDIAN, MISSED = "met", "met in the median", "missed"
JUDGED = (MET, IN_THE_MEDIAN, MISSED)  # verdicts, the best first
NOT_JUDGED = "not judged"  # of claims that are about another composition


MARKS = {MET: "good", IN_THE_MEDIAN: "fair", MISSED: "bad", NOT_JUDGED: "warn", "not measured": "warn"}


def summary(sample: Sample, experiment: Experiment) -> list[dict[str, Any]]:
    """Return the claims of the experiment with their verdicts."""
    return claims(sample, experiment.claims)


def claims(sample: Sample, claimed: Iterable[Claim]) -> list[dict[str, Any]]:
    """Return every claim with its values per seed, interval, what that is taken over, and verdict."""
    return [_claim(sample, claim) for claim in claimed]


def judged(claims: list[dict[str, Any]], changes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return claims as they may be judged: those of a published composition judge no other, on whatever data."""
    if all(each["field"] == "data" for each in changes):
        return claims
    return [each | {"verdict": NOT_JUDGED} if each["verdict"] in JUDGED else each for each in claims]


def _claim(sample: Sample, claim: Claim) -> dict[str, Any]:
    arms = getattr(claim.measure, "arms", ())
    try:
        with warnings.catch_warnings():
            # NumPy warns of a mean over rows that are not there: the claim was not measured
            warnings.simplefilter("error", RuntimeWarning)
            values = [float(value) for value in claim.measure(sample.rows)]
            measured, over = sample.stat(claim.measure, arms), sample.words(claim.measure, arms)
    except (KeyError, RuntimeWarning):
        values, measured, over = [], None, ""
    return {
        "name": claim.name,
        "unit": claim.unit,
        "published": claim.published,
        "where": claim.where,
        "target": _target(claim),
        "at_most": claim.at_most,
        "at_least": claim.at_least,
        "values": [round(value, 4) for value in values],
        "measured": measured,
        "over": over,
        "verdict": verdict(measured, claim.at_least, claim.at_most),
    }


def _target(claim: Claim) -> str:
    bounds = [f"≥ {claim.at_least:g}"] if claim.at_least is not None else []
    bounds += [f"≤ {claim.at_most:g}"] if claim.at_most is not None else []
    return " and ".join(bounds)


def verdict(measured: Stat | None, at_least: float | None, at_most: float | None) -> str:
    """Return ``met`` where median and interval lie within the bounds, which belong to what is allowed.

    ``met in the median`` where only the median does, or there is no interval; else ``missed``. Without bounds it is
    ``reported``, without a figure ``not measured``.
    """
    if measured is None:
        return "not measured"
    if at_most is None and at_least is None:
        return "reported"
    low = -math.inf if at_least is None else at_least
    high = math.inf if at_most is None else at_most
    if not low <= measured["median"] <= high:
        return MISSED
    ends = measured["low"], measured["high"]
    return MET if all(end is not None and low <= end <= high for end in ends) else IN_THE_MEDIAN


def blocks(report: Report) -> list[Block]:
    """Return the table of claims and how many are met."""
    held = report[KEY]
    if not held:
        return []
    if not report["paper"]:
        return _results(held)
    rows = [
        [
            Cell(claim["name"]),
            Cell(claim["published"], note=claim["where"]),
            Cell(claim["target"] or DASH),
            Cell.of(claim["measured"], claim["unit"], 3 if claim["unit"] == "rad/s" else 2),
            Cell(claim["over"] or DASH),
            Cell(claim["verdict"], mark=MARKS.get(claim["verdict"], "plain")),  # type: ignore[arg-type]
        ]
        for claim in held
    ]
    headings = [
        Heading("claim", words=True),
        Heading("published", words=True),
        Heading("target"),
        Heading("measured", interval=True, unit=True, strong=True),
        Heading("over", words=True),
        Heading("verdict", words=True),
    ]
    note = "Met: median and interval keep the target. Met in the median: the median alone does."
    table = Table("Claims", headings, rows, note)
    counts = {verdict: sum(claim["verdict"] == verdict for claim in held) for verdict in JUDGED}
    if not (total := sum(counts.values())):
        return [table]
    left = len(held) - total
    more = [f"{counts[IN_THE_MEDIAN]} more in the median"] * bool(counts[IN_THE_MEDIAN])
    more += [f"{left} without a verdict"] * bool(left)
    return [KeyFigure("Claims met", Cell("", counts[MET], unit=f"of {total}", digits=0), ", ".join(more)), table]


def _results(held: list[dict[str, Any]]) -> list[Block]:
    """Return the figures of an experiment that no paper has published: they have no targets."""
    held = [each for each in held if each["measured"]]
    rows = [[Cell(each["name"]), Cell.of(each["measured"], each["unit"])] for each in held]
    over = dict.fromkeys(each["over"] for each in held if each["over"])
    headings = [Heading("", words=True), Heading("measured", interval=True, unit=True, strong=True)]
    return [Table("Results", headings, rows, f"Medians over {' or '.join(over)}." if over else "")]
