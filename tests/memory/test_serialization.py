"""Serialization is lossless, and only changed parts are written."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from insitu.core import generator
from insitu.ledger import Ledger
from insitu.memory.storage import serialization
from insitu.memory.storage.records import allowed_records, record_name
from insitu.substrates.crossbar import Crossbar

KINDS = st.sampled_from(["float32", "float64", "int32", "int64", "uint8", "bool"])
ARRAYS = KINDS.flatmap(lambda kind: nps.arrays(kind, nps.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6)))
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    PLAIN | ARRAYS | st.builds(lambda n: Ledger(Counter(pulses=n)), st.integers(1, 9)),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.integers() | st.text(), inner),
    max_leaves=8,
)


def back(value: object) -> Any:
    arrays: dict[str, serialization.Array] = {}
    tree = json.loads(json.dumps(serialization.flatten(value, "model", arrays)))

    def array(path: str, kind: np.dtype[Any], shape: list[int]) -> serialization.Array:
        parts = {number: part.tobytes() for number, part in enumerate(serialization.split(path, arrays[path]))}
        return serialization.join(path, kind, shape, parts)

    return serialization.rebuild(tree, array, {record_name(Ledger): Ledger})


def same(one: Any, two: Any) -> bool:
    if isinstance(one, np.ndarray):
        return one.dtype == two.dtype and np.array_equal(one, two, equal_nan=one.dtype.kind == "f")
    if isinstance(one, list | tuple):
        return type(one) is type(two) and len(one) == len(two) and all(map(same, one, two))
    if isinstance(one, dict) and not isinstance(one, Counter):
        return list(one) == list(two) and all(same(one[key], two[key]) for key in one)
    return bool(one == two)


@settings(max_examples=30)
@given(value=VALUES)
def test_a_value_comes_back_as_it_was(value: object) -> None:
    assert same(value, back(value))


def test_what_is_shared_is_kept_once_and_shared_again() -> None:
    one, arrays = torch.arange(6.0).reshape(2, 3), dict[str, serialization.Array]()
    assert serialization.flatten([one, one, one.T, one.clone(), one[:0], one[:0]], "model", arrays)
    assert len(arrays) == 5
    first, second = back([one, one])
    assert first.data_ptr() == second.data_ptr()


@pytest.mark.parametrize("path", ["model/state/held/cells", "model/kept"])
@given(grown=st.integers(0, 3), touched=st.sets(st.integers(0, 19), max_size=4))
def test_what_changed_is_enough_to_go_from_old_to_new(path: str, grown: int, touched: set[int]) -> None:
    columns = "held" in path
    old = generator(0, "old").standard_normal((100, 20) if columns else (20, 100))
    fresh = generator(0, "new").standard_normal((100, grown) if columns else (grown, 100))
    new = np.concatenate([old, fresh], axis=1 if columns else 0)
    for number in touched:
        new[:, number] += columns
        new[number] += 1 - columns
    parts = {number: part.tobytes() for number, part in enumerate(serialization.split(path, old))}
    changed = serialization.changed_parts(path, old, new)
    parts |= {number: serialization.split(path, new)[number].tobytes() for number in changed}
    assert np.array_equal(serialization.join(path, new.dtype, list(new.shape), parts), new)
    assert set(changed) == touched | set(range(20, 20 + grown))


@dataclass
class Foreign:
    x: int = 0


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", torch.nn.Linear(2, 2)])
def test_what_cannot_be_kept_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="cannot be stored"):
        serialization.flatten(value, "model", {})


FOREIGN = (
    *("subprocess:Popen", "insitu.core:generator", "insitu.core:none", "test_tree:Foreign", "insitu.__main__:x", 3),
    *("insitu.memory.estimator:Memory", "insitu.substrates.digital:Held", "insitu.cli.commands.serve:Options"),
)


@pytest.mark.parametrize("name", FOREIGN)
def test_no_class_but_a_record_that_such_a_memory_holds_is_made(name: object) -> None:
    with pytest.raises(ValueError, match="not a record of such a memory"):
        serialization.rebuild(
            {"record": name, "fields": {}}, lambda path, kind, shape: np.zeros(shape), allowed_records(Crossbar)
        )
