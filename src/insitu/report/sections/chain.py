"""The whole chain of every arm, encoder included: energy, memory, NeuroBench's columns, next to published systems."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, NamedTuple

from insitu.experiments import Experiment
from insitu.hardware import ENERGY_PJ
from insitu.learners.with_encoder import WithEncoder
from insitu.report import formatting
from insitu.report.formatting import Report
from insitu.report.sample import Sample
from insitu.report.sections import cost
from insitu.report.sections.cost import Energy, energy_cell
from insitu.report.table import Block, Cell, Heading, Table

KEY = "chain"


class Published(NamedTuple):
    """A figure that others report for such a chain."""

    system: str
    figure: str
    task: str
    counted: str
    left_out: str


PUBLISHED = (
    Published(
        "O-FSCIL (arXiv 2403.07851)",
        "12 mJ per class",
        "CIFAR-100, 5 shots, MobileNetV2",
        "measured on a GAP9 microcontroller at 60 mW: encoder and update of the memory",
        "sensor; a query",
    ),
    Published(
        "FSL-HDnn (arXiv 2512.11826)",
        "6 mJ per image",
        "10 ways, 5 shots, 28 images/s",
        "measured on a chip in 40 nm: feature extraction and training",
        "sensor; the abstract does not say whether memory off the chip is in it",
    ),
)
COUNTED = "estimated: products and bytes of the encoder, for every shot; pulses, or words written, of the memory"
LEFT_OUT = "sensor, control, norms and pools, leakage, conversion of supply; old classes, encoded off the device"


def summary(sample: Sample, experiment: Experiment) -> list[dict[str, Any]] | None:
    """Return the chains of all arms whose learner counts its encoder; None where there is none."""
    arms = {"baseline": experiment.baseline, "learner": experiment.learner}
    arms |= {each.name: each.learner for each in experiment.variants}
    shots = int(getattr(experiment.scenario, "shots", 1))
    found = [_chain(sample, arm, each, shots) for arm, each in arms.items() if isinstance(each, WithEncoder)]
    return [each for each in found if each] or None


def _chain(sample: Sample, arm: str, learner: WithEncoder, shots: int) -> dict[str, Any] | None:
    rows = [row for row in sample.rows if row["arm"] == arm]
    if not rows:
        return None
    spent = cost.spent_by(sample, arm)
    last = max(int(row["session"]) for row in rows)
    image = learner.encoding_cost()
    encoding = Energy(image.energy_pj(), *image.energy_range_pj())
    learned = cost.total(spent["learning"]) or Energy(0.0, 0.0, 0.0)
    kept = [each["count"]["median"] for each in spent["memory"] if each["event"] != "encoder bytes"]
    return {
        "arm": arm,
        "accuracy": sample.where(session=last, age_s=min(row["age_s"] for row in rows)).column(arm, "overall"),
        "image": encoding,
        "memory": Energy(*(whole - shots * part for whole, part in zip(learned, encoding, strict=True))),
        "class": learned,
        "query": cost.total(spent["query"]),
        "kept": sum(kept),
        "complexity": asdict(learner.complexity(max(int(row["classes"]) for row in rows))),
    }


def blocks(report: Report) -> list[Block]:
    """Return energy and memory per chain, NeuroBench's columns, the published systems, and all constants."""
    held = report.get(KEY)
    if not held:
        return []
    names = {**dict(zip(formatting.ARMS, formatting.names(report), strict=True))}
    chains = [(names.get(each["arm"], each["arm"]), each) for each in held]
    return [_energies(chains), _neurobench(chains), _published(chains), _constants()]


def _energies(chains: list[tuple[str, dict[str, Any]]]) -> Table:
    kinds = {
        "image": "encoding an image",
        "memory": "write, per class",
        "class": "class, whole chain",
        "query": "query, whole chain",
    }
    headings = [Heading("chain", words=True), Heading("all classes"), *(Heading(text) for text in kinds.values())]
    rows = [
        [Cell(name), Cell.of(each["accuracy"], "%"), *(energy_cell(each[key] and Energy(*each[key])) for key in kinds)]
        for name, each in chains
    ]
    note = (
        "Ranges of estimates: exact counts times the least and the most of every cited figure. Accuracy after the last "
        "session is that of the memory on vectors of the encoder in exact arithmetic."
    )
    return Table("Energy of the whole chain, encoder included", headings, rows, note)


def _neurobench(chains: list[tuple[str, dict[str, Any]]]) -> Table:
    headings = [
        Heading("chain", words=True),
        Heading("numbers", "footprint"),
        Heading("devices", "footprint"),
        Heading("kept for calibration", "footprint"),
        Heading("connection", "sparsity"),
        Heading("activation", "sparsity"),
        Heading("dense", "synaptic operations"),
        Heading("effective MAC", "synaptic operations"),
        Heading("effective AC", "synaptic operations"),
    ]
    rows = []
    for name, each in chains:
        held = each["complexity"]
        counts = [held[key] for key in ("dense", "effective_macs", "effective_acs")]
        rows.append(
            [
                Cell(name),
                Cell(formatting.memory(held["footprint_bytes"]), held["footprint_bytes"], unit="bytes"),
                Cell(formatting.count(held["devices"]), held["devices"]),
                Cell(formatting.memory(each["kept"]), each["kept"], unit="bytes"),
                *(Cell("", held[f"{kind}_sparsity"], digits=3) for kind in ("connection", "activation")),
                *(Cell(formatting.count(value), value) for value in counts),
            ]
        )
    note = (
        "As NeuroBench defines them, per query with all classes held: layers of the encoder, projection and search. "
        "Signs and leaky rectifiers are never 0, hence no activation sparsity; encoders are run on noise, whose pixels "
        "are not 0 either."
    )
    return Table("NeuroBench's columns", headings, rows, note)


def _published(chains: list[tuple[str, dict[str, Any]]]) -> Table:
    headings = [Heading(text, words=True) for text in ("system", "figure", "task", "counted", "not counted")]
    rows = [[Cell(text) for text in each] for each in PUBLISHED]
    for name, each in chains:
        spent, image = (Energy(*each[key]) for key in ("class", "image"))
        ranges = [formatting.energy_range(*energy[1:]) for energy in (spent, image)]
        figure = f"{ranges[0]} per class, {ranges[1]} per image"
        texts = ("this run", COUNTED, LEFT_OUT) if len(rows) == len(PUBLISHED) else ("", "the same", "the same")
        rows.append([Cell(name), Cell(figure), *map(Cell, texts)])
    note = "Published figures are measured, ours are estimated, on other images and networks: they are not a ranking."
    return Table("Next to published systems", headings, rows, note)


def _constants() -> Table:
    headings = [Heading("event", words=True), Heading("low"), Heading("typical"), Heading("high")]
    rows = []
    for name, each in ENERGY_PJ.items():
        ends = (Cell(formatting.energy(value), value, unit="pJ") for value in (each.low, each.typical, each.high))
        rows.append([Cell(name.replace("_", " "), note=each.source), *ends])
    return Table(
        "Energy of one event",
        headings,
        rows,
        "Sources are with each event on the page, and in insitu/hardware.py.",
        place="folded",
    )
