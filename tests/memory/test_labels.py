"""Labels are returned exactly as given, or rejected in one line; a class is found by a label of its own kind only."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from points import some

from insitu import Memory
from insitu.core import InsituError
from insitu.memory.labels import as_labels, label_array

X = np.repeat(np.eye(3), 5, axis=0) * 5 + np.linspace(0, 0.3, 45).reshape(15, 3)
WHICH = np.repeat([0, 1, 2], 5)
SETS: list[list[Any]] = [
    [5, 2**63 + 5, 2**63 + 6],
    [-(2**63), 0, 2**63 - 1],
    [2**53, 2**53 + 1, 2**53 + 2],
    ["a", "a\0", "b"],
    ["", "\0", " "],
    ["cafe\u0301", "caf\u00e9", " caf\u00e9 "],
    ["1", "1.0", "True"],
    ["x" * 80, "x" * 81, "\U0001f95b"],
    [0.0, 1.0, 2.0**60],
]
HOLDERS: dict[str, Callable[[list[Any]], Any]] = {
    "list": list,
    "tuple": tuple,
    "objects": lambda labels: np.array([*labels, None], object)[:-1],
}


@pytest.mark.parametrize("labels", SETS, ids=repr)
@pytest.mark.parametrize("holder", HOLDERS)
def test_labels_come_back_exactly_as_they_were_given(labels: list[Any], holder: str, tmp_path: Path) -> None:
    y = [labels[number] for number in WHICH]
    with Memory.open(tmp_path / "m", substrate="digital", dim=32) as memory:
        memory.fit(X, HOLDERS[holder](y))
    memory = Memory.open(tmp_path / "m", readonly=True)
    for held in (memory.classes_.tolist(), sorted(set(memory.predict(X).tolist()))):
        assert held == sorted(labels)
        assert {type(label) for label in held} == {type(labels[0])}
    assert memory.predict(X).tolist() == y
    assert memory.self_test()[1].tolist() == y
    assert memory.score(X, label_array(y)) == memory.score(X, HOLDERS[holder](y)) == 1
    assert memory.score(X[WHICH == 0], [labels[0]] * 5) == 1, "of one class alone, which may fit into a smaller type"
    for label in labels:
        copy = Memory("digital", dim=32).merge(memory).forget(label)
        assert copy.classes_.tolist() == sorted(set(labels) - {label})


NUMPY: list[Any] = [
    np.array([5, 2**63 + 5, 2**63 + 6], np.uint64),
    np.array([1, 2, 3], np.int8),
    np.array([1, 2, 3], np.float16),
    np.array(["a", "bb", "c"]),
    np.array(["a", "bb", "c"], np.dtypes.StringDType()),
    np.array([np.str_("a"), np.str_("b"), "c"], object),
    [np.int64(3), np.uint8(4), 5],
    [np.float32(3), np.float64(4), 5.0],
]


@pytest.mark.parametrize("labels", NUMPY, ids=repr)
def test_arrays_and_scalars_of_numpy_are_plain_labels(labels: Any) -> None:
    y = labels[WHICH] if isinstance(labels, np.ndarray) else [labels[number] for number in WHICH]
    memory = Memory("digital", dim=32).fit(X, y)
    assert memory.score(X, y) == 1
    assert {type(label) for label in memory._model.labels} <= {str, int, float}
    assert memory.forget(labels[1]).classes_.tolist() == [labels[0], labels[2]]


@given(
    st.one_of(
        st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1),
        st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1),
        st.lists(st.integers(0, 2**64 - 1), min_size=1),
        st.lists(st.floats(allow_nan=False), min_size=1),
        st.lists(st.booleans(), min_size=1),
    )
)
def test_both_directions_are_one_another_s_inverse(labels: list[Any]) -> None:
    back = label_array(as_labels(labels))
    assert back.tolist() == labels
    assert [type(label) for label in as_labels(back)] == [type(label) for label in labels]


class Colour(StrEnum):
    RED = "red"


class Size(IntEnum):
    SMALL = 1


@pytest.mark.parametrize(
    "odd",
    [
        None,
        np.nan,
        b"a",
        1j,
        [1],
        ("a",),
        {},
        np.datetime64("2020"),
        np.longdouble(1),
        "\ud800",
        "a\udfff",
        Colour.RED,
        Size.SMALL,
        2**64,
    ],
    ids=repr,
)
def test_what_is_no_label_is_refused_in_one_line(odd: Any) -> None:
    memory = Memory("digital", dim=32).fit(X[:1], ["a"])
    column = np.empty(2, object)
    column[:] = [odd, odd]
    for refused in (
        lambda: Memory("digital", dim=32).fit(X[:2], column),
        lambda: memory.partial_fit(X[:2], column),
        lambda: memory.forget(odd),
        lambda: memory.columns(column),
        lambda: memory.partial_fit(X[:1], ["a"], classes=column),
    ):
        with pytest.raises(InsituError, match="label") as caught:
            refused()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("mixed", [["a", 1], ["a", None], [1, True], [1, 2.0], [1, None]], ids=repr)
def test_labels_of_several_kinds_are_refused_in_a_list_as_in_an_array(mixed: list[Any]) -> None:
    for y in (mixed, np.array([*mixed, ()], object)[:-1]):
        with pytest.raises(InsituError, match="of one kind"):
            Memory("digital", dim=32).fit(X[:2], y)


def test_dates_are_no_numbers_and_one_string_is_no_list() -> None:
    with pytest.raises(InsituError, match="datetime64"):
        Memory("digital").fit(X[:2], np.array(["2020", "2021"], "datetime64[Y]"))
    with pytest.raises(InsituError, match="in a list or array"):
        Memory().fit(X[:2], ["cup", "c"]).columns("cup")


KINDS: list[list[Any]] = [[0, 1], [0.0, 1.0], [False, True], ["0", "1"]]


@pytest.mark.parametrize("known", KINDS, ids=repr)
@pytest.mark.parametrize("other", KINDS, ids=repr)
def test_a_class_is_found_by_its_own_kind_only(known: list[Any], other: list[Any]) -> None:
    memory = Memory(dim=16).fit(X[4:6], known)
    model = memory._model
    if known == other and type(known[0]) is type(other[0]):
        assert memory.columns(other) is not None
        assert memory.forget(other[0]).classes_.tolist() == known[1:]
        return
    for refused in (
        lambda: memory.forget(other[1]),
        lambda: memory.columns(other),
        lambda: memory.partial_fit(X[4:6], other),
        lambda: memory.partial_fit(X[4:6], known, classes=other),
        lambda: memory.merge(Memory(dim=16).fit(X[4:6], other)),
    ):
        with pytest.raises(InsituError, match="all of one kind"):
            refused()
    assert memory._model is model


@pytest.mark.parametrize("known", KINDS, ids=repr)
@pytest.mark.parametrize("other", KINDS, ids=repr)
def test_a_score_counts_labels_of_the_same_kind_only(known: list[Any], other: list[Any]) -> None:
    memory = Memory("digital", dim=16).fit(X[4:6], known)
    if type(known[0]) is type(other[0]):
        assert memory.score(X[4:6], other) == 1
        return
    with pytest.raises(InsituError, match="all of one kind"):
        memory.score(X[4:6], other)


def test_many_kinds_of_labels_are_refused_in_a_short_line() -> None:
    kinds = [type(f"Kind{number}", (str,), {}) for number in range(15)]
    with pytest.raises(InsituError, match="labels are") as caught:
        Memory("digital").fit(X, [kind("a") for kind in kinds])
    assert len(str(caught.value)) < 200


def test_integers_that_no_array_holds_together_are_refused_before_they_are_learned() -> None:
    memory = Memory("digital", dim=16).fit(X[4:6], [-1, 3])
    with pytest.raises(InsituError, match="integer labels all lie within"):
        memory.partial_fit(X[:1], [2**63])
    assert memory.classes_.tolist() == [-1, 3]


@pytest.mark.parametrize("kind", ["Int64", "int64", "UInt64", "boolean", "string", "category", "str", "float64"])
def test_columns_of_a_table_are_labels(kind: str) -> None:
    pandas = pytest.importorskip("pandas", reason="tables are tested with pandas; pip install '.[dev]'")
    plain: list[Any] = {"boolean": [False, True], "float64": [0.0, 1.0]}.get(
        kind, [0, 1] if "nt" in kind else ["a", "b"]
    )
    y = pandas.Series([plain[number] for number in WHICH % 2], index=range(7, 22), dtype=kind)
    memory = Memory("digital", dim=32).fit(X, y)
    assert memory.classes_.tolist() == plain
    assert memory.partial_fit(X, y.tolist()).classes_.tolist() == plain
    assert memory.columns(y) is None
    gap = y.astype(object)
    gap.iloc[3] = None if kind in ("category", "str") else pandas.NA
    if kind not in ("int64", "float64"):
        with pytest.raises(InsituError, match="labels are"):
            memory.partial_fit(X, gap.astype(kind))


def test_rules_for_new_names_are_none_of_a_memory_s(tmp_path: Path) -> None:
    names = [" cafe\u0301 ", "x" * 80, "tab\tand\nline"]
    with Memory.open(tmp_path / "m", dim=16) as memory:
        memory.fit(some([0, 1, 2], 1)[0], names)
    with Memory.open(tmp_path / "m") as memory:
        for name in names:
            assert name not in memory.forget(name).classes_
