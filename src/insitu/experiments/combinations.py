"""Every learner on every substrate over every backbone of one data set, as one experiment: the parts that can be.

Learners are those of few-shot sessions, found by their files. One that holds its weights on a substrate is crossed with
float and 8-bit numbers and with a crossbar of every device, compensated per column where drift is a power law; others
run in software, once. A device without single SET pulses is written by programming. Backbones are those whose vectors
of the data set come with the package, or, with images, those trained on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from insitu import catalog
from insitu.backbones import trained, weights_file
from insitu.core import InsituError
from insitu.experiments import LONGEST_NAME, Experiment, Variant, fit
from insitu.learners import Learner
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.scenarios.few_shot_sessions import FewShotSessions
from insitu.substrates import Substrate
from insitu.substrates.crossbar import Crossbar
from insitu.substrates.digital import Digital

FLOAT = "float"
MINUTE_S, YEAR_S = 60.0, 31_536_000.0


@dataclass(frozen=True)
class Selection:
    """What is combined; no names stand for all that can be."""

    data_set: str = "miniimagenet"  # name of a data set with sessions of new classes
    learners: tuple[str, ...] = ()  # names of learners; all of few-shot sessions by default
    substrates: tuple[str, ...] = ()  # float, 8-bit, or names of devices; all of them by default
    backbones: tuple[str, ...] = ()  # names of backbones that encode the images; all of this data set by default
    data: Literal["package", "images"] = "package"  # vectors that come with the package, or your images, encoded here
    seeds: int = 3  # number of seeds, from 0; each draws its own devices


QUICK = Selection(
    learners=("nearest-mean", "explicit-memory"), substrates=(FLOAT, "pcm-hermes2022", "pcm-nandakumar2018"), seeds=1
)


def substrates() -> dict[str, Substrate]:
    """Return the substrates by name: float and 8-bit numbers, and a crossbar of every device that has defaults."""
    out: dict[str, Substrate] = {FLOAT: Digital(), "8-bit": Digital(bits=8)}
    for part in catalog.parts("devices"):
        try:
            device = catalog.load(part)()
        except TypeError:  # a device of the user's measurements
            continue
        out[part.name] = Crossbar(device, compensation="none" if device.relaxes else "column")
    return out


def backbones(data_set: str, data: str) -> list[str]:
    """Return the backbones that have vectors of ``data_set`` in the package, or were trained on its images."""
    names = trained.known("images")
    if data == "package":
        names = [name for name in names if (trained.FOLDER / f"{name}.embeddings.npz").exists()]
    return [name for name in names if _data_of(name) == data_set]


def experiment(given: Selection) -> Experiment:
    """Return the experiment; raise ``InsituError`` for a named part that there is not, or that cannot be combined."""
    if given.seeds < 1:
        raise InsituError(f"--seeds is at least 1; got {given.seeds}")
    scenario = FewShotSessions(data_set=given.data_set, tests="last")
    over = _named("backbone", given.backbones, backbones(given.data_set, given.data))
    held = _named("substrate", given.substrates, list(substrates()))
    made = list(_combined(given, scenario, held, over))
    if not made:
        raise InsituError(f"{given.data_set} has no backbone with --data {given.data}; see 'insitu list'")
    names = [f"{number} {name}"[:LONGEST_NAME] for number, (name, *_) in enumerate(made, 1)]
    (_, first, backbone), (_, second, other), *more = [*made, made[0]] if len(made) == 1 else made
    if backbone != other:
        raise InsituError("combinations of one backbone come first, two at least; name more learners or substrates")
    return Experiment(
        paper="",
        scenario=replace(scenario, backbone=backbone),
        learner=second,
        baseline=first,
        names=(names[0], names[1] if len(made) > 1 else f"{names[0]} again"[-LONGEST_NAME:]),
        seeds=given.seeds,
        data=given.data,
        ages_s=(MINUTE_S, YEAR_S),
        variants=tuple(
            Variant(name, learner, (("backbone", over),))
            for name, (_, learner, over) in zip(names[2:], more, strict=False)
        ),
        combined=True,
    )


def _combined(
    given: Selection, scenario: FewShotSessions, held: list[str], over: list[str]
) -> Iterator[tuple[str, Learner, str]]:
    """Yield name, learner and backbone of everything that can be."""
    known = substrates()
    for backbone in over:
        for name in given.learners or _learners(scenario, given.data):
            learner = catalog.load(catalog.find(name, "learners"))()
            learner.check(scenario.protocol, scenario.inputs(given.data))
            if any(field.name == "substrate" for field in fields(learner)):
                for substrate in held:
                    yield name, _on(learner, known[substrate]), backbone
            elif FLOAT in held:
                yield name, learner, backbone
            elif given.learners:
                raise InsituError(
                    f"{name} holds nothing on a substrate, so that it cannot be on {' or '.join(held)}; name {FLOAT} "
                    "among the substrates, or another learner"
                )


def _on(learner: Any, substrate: Substrate) -> Learner:
    if isinstance(learner, ExplicitMemory) and (not substrate.superposes or isinstance(substrate, Digital)):
        return replace(learner, substrate=substrate, support="program")
    placed: Learner = replace(learner, substrate=substrate)
    return placed


def _learners(scenario: FewShotSessions, data: str) -> list[str]:
    """Return the learners that fit, without those that wrap another one."""
    found = {name: catalog.load(catalog.find(name, "learners"))() for name in fit.learners(scenario, data)}
    return [
        name
        for name, learner in found.items()
        if not any(isinstance(getattr(learner, field.name), Learner) for field in fields(learner))
    ]


def _named(what: str, given: tuple[str, ...], known: list[str]) -> list[str]:
    names = [catalog.dashed(name) if what == "substrate" else name for name in given]
    for name in names:
        if name not in known:
            raise InsituError(f"no {what} {name!r} for this; there are {', '.join(known) or 'none'}")
    return names or known


def _data_of(backbone: str) -> str:
    _, card = weights_file.read_card(trained.stem(backbone))
    return str(card.get("data", backbone)).partition(":")[0]
