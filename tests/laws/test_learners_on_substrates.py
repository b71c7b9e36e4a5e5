"""Every learner that holds weights works on every substrate: what differs, it asks of the substrate."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, get_type_hints

import pytest
import torch

import moving
import patterned
from blobs import base, draw, same, shots
from fake_parts import show_fakes
from insitu import catalog
from insitu.core import generator
from insitu.devices.ideal import Ideal
from insitu.devices.pcm_hermes2022 import PcmHermes2022
from insitu.learners import Learner
from insitu.protocols import Examples
from insitu.substrates import Substrate
from moving import STEPS, networks  # noqa: F401

with pytest.MonkeyPatch.context() as patch:
    show_fakes(patch)
    ROOM = {part.name: catalog.load(part) for part in catalog.parts("substrates")}
LEARNERS = {part.name: catalog.load(part) for part in catalog.parts("learners")}
HOLDING = {name: kind for name, kind in LEARNERS.items() if "substrate" in {f.name for f in fields(kind)}}
# variants of a substrate by name; a new one is tested as its defaults make it
VARIANTS: dict[str, list[dict[str, Any]]] = {
    "crossbar": [{}, {"device": PcmHermes2022(), "compensation": "column"}, {"device": Ideal(), "tile": 64}],
    "digital": [{}, {"bits": 8}],
}
SUBSTRATES = {
    f"{name}-{number}": kind(**settings)
    for name, kind in ROOM.items()
    for number, settings in enumerate(VARIANTS.get(name, [{}]))
}


def few_shot(learner: Any) -> tuple[Any, Examples, torch.Tensor, Callable[[torch.Tensor], bool]]:
    asked = draw([8, 9] * 20, seed=3)
    small = replace(learner, dim=64) if learner.substrate.superposes else replace(learner, dim=64, support="program")
    return small, shots([8, 9]), asked.x, lambda guess: float((guess == asked.labels).float().mean()) > 0.8


def tasks(learner: Any) -> tuple[Any, Examples, torch.Tensor, Callable[[torch.Tensor], bool]]:
    asked = patterned.tasks(4, 2, seed=3)
    if hasattr(learner, "learning_rate"):
        learner = replace(learner, learning_rate=0.5)
    if hasattr(learner, "memory"):
        support = "magnitude" if learner.substrate.superposes else "program"
        learner = replace(learner, memory=replace(learner.memory, substrate=learner.substrate, dim=64, support=support))
    return learner, patterned.tasks(4, 5), asked.x, lambda guess: float((guess == asked.labels).float().mean()) > 0.8


def movements(learner: Any) -> tuple[Any, Examples, torch.Tensor, Callable[[torch.Tensor], bool]]:
    train = list(moving.SCENARIO.sessions("package", 0))[1].train
    asked = torch.zeros(len(train.x), STEPS, 0)
    return (
        replace(learner, learning_rate=moving.RATE),
        train,
        asked,
        lambda guess: bool(guess.isfinite().all() and guess.any()),
    )


# by what a learner is prepared with: the base, and what it is shown and has to know after
WORLDS: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "FewShotBase": (base, few_shot),
    "EpisodeBase": (patterned.base, tasks),
    "ArmBase": (lambda: moving.SCENARIO.base("package"), movements),
}


@pytest.mark.parametrize("substrate", SUBSTRATES.values(), ids=SUBSTRATES)
@pytest.mark.parametrize("kind", HOLDING.values(), ids=HOLDING)
def test_a_learner_works_on_every_substrate(kind: type[Learner], substrate: Substrate) -> None:
    base_of, world = WORLDS[get_type_hints(kind.prepare)["base"].__name__]
    learner, given, asked, known = world(kind(substrate=substrate))  # type: ignore[call-arg]

    def answered() -> tuple[Any, torch.Tensor]:
        state = learner.prepare(base_of(), 0.0, generator(0, "device"))
        state = learner.learn(state, given, 60.0, generator(0, "learn"))
        return state, learner.predict(state, asked, 61.0, generator(0, "ask"))

    state, guess = answered()
    before = copy.deepcopy(state)
    assert known(guess)
    assert torch.equal(guess, answered()[1])
    assert torch.equal(guess, learner.predict(state, asked, 61.0, generator(0, "ask")))
    learner.cost(state)
    learner.query_cost(state)
    assert same(getattr(state, "heads", None), getattr(before, "heads", None))
    if not substrate.exact:
        assert sum(learner.cost(state).counts.values()) > 0
        assert sum(learner.query_cost(state).counts.values()) > 0
