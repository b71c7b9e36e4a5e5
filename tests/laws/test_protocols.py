"""What every protocol states, and what learners and scenarios that name it hold to."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_type_hints

import pytest

from insitu import catalog, protocols
from insitu.core import InsituError
from insitu.learners import Learner
from insitu.protocols import Inputs, Protocol
from insitu.scenarios import Scenario

LEARNERS: dict[str, type[Learner]] = {part.name: catalog.load(part) for part in catalog.parts("learners")}
SCENARIOS: dict[str, type[Scenario]] = {part.name: catalog.load(part) for part in catalog.parts("scenarios")}
PROTOCOLS: dict[str, Protocol] = {kind.protocol.name: kind.protocol for kind in SCENARIOS.values()}
every = pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=PROTOCOLS)


def test_every_protocol_of_the_room_has_a_scenario() -> None:
    files = Path(protocols.__file__).parent.glob("*.py")
    assert {file.stem for file in files if "\nPROTOCOL = " in file.read_text(encoding="utf-8")} == set(PROTOCOLS)


@every
def test_every_protocol_has_learners_for_all_its_inputs(protocol: Protocol) -> None:
    for inputs in protocol.inputs:
        assert any(kind.learns(protocol, inputs) for kind in LEARNERS.values()), inputs


@every
def test_columns_are_measures_with_names_of_their_own(protocol: Protocol) -> None:
    names = [column.name for column in protocol.columns]
    assert len(set(names)) == len(names) > 0
    headings = [column.heading for column in protocol.columns]
    assert len(set(headings)) == len(headings)


@pytest.mark.parametrize("kind", SCENARIOS.values(), ids=SCENARIOS)
def test_a_scenario_gives_the_base_of_its_protocol(kind: type[Scenario]) -> None:
    assert get_type_hints(kind.base)["return"] is kind.protocol.base
    assert {kind().inputs(data) for data in ("package", "images")} <= set(kind.protocol.inputs)


@pytest.mark.parametrize("kind", LEARNERS.values(), ids=LEARNERS)
def test_a_learner_is_prepared_with_the_base_of_its_protocols_and_has_their_verbs(kind: type[Learner]) -> None:
    learner = kind()
    for protocol in kind.protocols:
        assert get_type_hints(kind.prepare)["base"] is protocol.base
        for inputs in set(protocol.inputs) & set(kind.inputs):
            learner.check(protocol, inputs)


@pytest.mark.parametrize("kind", LEARNERS.values(), ids=LEARNERS)
def test_what_a_learner_does_not_learn_is_refused_in_one_line(kind: type[Learner]) -> None:
    learner = kind()
    others = [(each, inputs) for each in PROTOCOLS.values() for inputs in each.inputs if not kind.learns(each, inputs)]
    for protocol, inputs in others:
        with pytest.raises(InsituError, match=rf"{kind.__name__} learns .*, not {protocol.title} of {inputs}$"):
            learner.check(protocol, inputs)


@every
def test_a_learner_without_a_verb_is_refused_in_one_line(protocol: Protocol) -> None:
    class Lacking(Learner):
        protocols = (protocol,)

        def prepare(self, base: Any, now_s: float, rng: Any) -> Any: ...
        def learn(self, state: Any, examples: Any, now_s: float, rng: Any) -> Any: ...
        def predict(self, state: Any, x: Any, now_s: float, rng: Any) -> Any: ...

    if not protocol.verbs:
        Lacking().check(protocol, protocol.inputs[0])
        return
    with pytest.raises(InsituError, match=r"^Lacking has no \w+; learners of"):
        Lacking().check(protocol, protocol.inputs[0])


def test_inputs_are_said_in_words() -> None:
    protocol = PROTOCOLS["class_stream"]
    assert protocol.of([Inputs.LATENTS]) == "class streams of latents"
    assert protocol.of(Inputs) == "class streams of features or latents"
