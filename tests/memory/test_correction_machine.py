"""Any sequence of events: an undo gives the state before the change, and a file holds what a memory alone does."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from insitu import Memory
from insitu.core import generator
from insitu.memory.storage import maintenance

NAMES = st.sampled_from("abcde")
QUERIES = generator(0, "queries").standard_normal((8, 3))
Facts = tuple[Any, ...]


def facts(memory: Memory) -> Facts:
    """Return what an undo restores, but for the similarities."""
    model = memory._model
    assert model is not None
    kept = [np.asarray(each).tolist() for each in (model.kept, model.kept_numbers, model.kept_ids, model.counts)]
    return memory.classes_.tolist(), *kept, np.asarray(model.means).tolist()


class Corrections(RuleBasedStateMachine):
    """A memory in a file and one without receive the same events; ``changes`` are those that can be undone."""

    @initialize(fit=st.booleans())
    def start(self, fit: bool) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "memory.insitu"
        self.stored = Memory.open(self.path, substrate="digital", dim=8)
        self.memory = Memory("digital", dim=8)
        self.changes: list[tuple[Facts, Any]] = []
        self.events = 0
        for each in (self.stored, self.memory):
            (each.fit if fit else each.partial_fit)(np.eye(3), ["a", "a", "b"])
        self.events = 1

    def change(self, act: Any) -> None:
        before = facts(self.memory), self.memory.projected(0)
        for each in (self.stored, self.memory):
            act(each)
        self.changes = [*self.changes, before][-16:]
        self.events += 1

    @rule(name=NAMES, seed=st.integers(0, 9), count=st.integers(1, 4))
    def learn(self, name: str, seed: int, count: int) -> None:
        x = generator(seed, "x").standard_normal((count, 3))
        self.change(lambda memory: memory.partial_fit(x, [name] * count))

    @precondition(lambda self: len(self.memory.classes_))
    @rule(data=st.data())
    def forget(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self.memory.classes_.tolist()))
        self.change(lambda memory: memory.forget(name))

    @precondition(lambda self: len(self.memory.classes_))
    @rule(data=st.data())
    def rename(self, data: st.DataObject) -> None:
        known = self.memory.classes_.tolist()
        old, new = data.draw(st.sampled_from(known)), data.draw(st.sampled_from(sorted({*"abcdefgh"} - {*known})))
        self.change(lambda memory: memory.rename(old, new))

    @precondition(lambda self: len(self.memory.classes_))
    @rule(data=st.data(), name=NAMES)
    def correct(self, data: st.DataObject, name: str) -> None:
        example = data.draw(st.sampled_from(self.memory.examples()))
        if example.label == name:
            self.change(lambda memory: memory.remove_example(example.id))
        else:
            self.change(lambda memory: memory.relabel(example.id, name))

    @rule()
    def age(self) -> None:
        for each in (self.stored, self.memory):
            each.age(1)
        self.events += 1

    @precondition(lambda self: self.changes)
    @rule()
    def undo(self) -> None:
        *self.changes, (expected, before) = self.changes
        for each in (self.stored, self.memory):
            each.undo()
        self.events += 1
        assert facts(self.memory) == expected
        if len(before.classes_):
            found = self.memory.query(QUERIES).similarities
            np.testing.assert_allclose(found, before.query(QUERIES).similarities, atol=1e-5)

    @rule()
    def reopen(self) -> None:
        self.stored.close()
        self.stored = Memory.open(self.path)

    @invariant()
    def both_hold_the_same(self) -> None:
        if not hasattr(self, "memory"):
            return
        assert facts(self.stored) == facts(self.memory)
        assert self.stored.events_ == self.events
        found = {(each.id, each.label) for each in self.stored.examples()}
        assert found == {(each.id, each.label) for each in self.memory.examples()}
        if len(self.memory.classes_):
            assert np.array_equal(self.stored.predict_proba(QUERIES), self.memory.predict_proba(QUERIES))

    def teardown(self) -> None:
        if hasattr(self, "stored"):
            assert maintenance.verify(self.path) == self.events
            assert facts(self.stored.replay("digital")) == facts(self.memory)
            self.stored.close()
            self.folder.cleanup()


TestCorrections = Corrections.TestCase
TestCorrections.settings = settings(
    max_examples=15, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
