"""Rejected calls raise one line that says what to do, and change nothing."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from points import some

from insitu import Memory
from insitu.core import LONGEST_S, InsituError
from insitu.memory.storage import maintenance

X, Y = some([0, 1, 2])
WIDE = np.ones((4, 3))
Call = Callable[[Memory], object]

SUBJECTS: dict[str, Any] = {
    "narrow": WIDE,
    "one row": X[0],
    "nan": np.where(np.arange(24) == 3, np.nan, X),
    "infinite": np.where(np.arange(24) == 3, np.inf, X),
    "huge": X * 1e305,
    "complex": X * 1j,
    "empty": X[:0],
    "ragged": [[1, 2], [3]],
    "text": [["a"] * 24] * 15,
    "cube": X[None],
    "nothing": None,
    "dates": np.full(X.shape, "2020-01-01", "datetime64[s]"),
    "durations": np.full(X.shape, 3, "timedelta64[s]"),
    "no dates": np.full(X.shape, "NaT", "datetime64[s]"),
    "dates among objects": [[np.datetime64("2020", "s"), *row[1:]] for row in X],
    "masked": np.ma.masked_greater(X, 2),
    "masked rows": [np.ma.masked_greater(row, 2) for row in X],
    "beyond float64": np.full(X.shape, 2**53 + 1),
    "beyond float64, unsigned": np.full(X.shape, 2**64 - 1, np.uint64),
    "beyond float64, lists": [[2**70 + 1] * 24] * 15,
    "beyond any float": [[10**400] * 24] * 15,
}
TARGETS: dict[str, Any] = {
    "shares": [0.1 * number for number in range(15)],
    "short": Y[:-1],
    "numbers": list(range(15)),
    "mixed": ["a", 1] * 7 + ["a"],
    "gap": [None, *Y[1:]],
    "surrogate": ["\ud800", *Y[1:]],
    "pairs": [[label, label] for label in Y],
    "nothing": None,
    "one": "a",
    "infinite": [0.0, 1.0, np.inf] * 5,
    "masked": np.ma.masked_array(list(range(15)), [False] * 14 + [True]),
    "masked among others": [*Y[1:], np.ma.masked],
}


def taught(x: Any, y: Any, encoder: str | None = None) -> Memory:
    return Memory("digital", dim=8, encoder=encoder).fit(x, y)


BAD: dict[str, Call] = {
    "fit other features": lambda m: m.fit(WIDE, [0.1, 0.2, 0.3, 0.4]),
    "not among classes": lambda m: m.partial_fit(X, Y, classes=["class 0"]),
    "classes of another kind": lambda m: m.partial_fit(X, Y, classes=[0, 1]),
    "forget unknown": lambda m: m.forget("class 9"),
    "forget kind": lambda m: m.forget(1),
    "forget none": lambda m: m.forget(None),
    "merge narrow": lambda m: m.merge(taught(WIDE, list("abab"))),
    "merge kinds": lambda m: m.merge(taught(X, list(range(15)))),
    "merge encoder": lambda m: m.merge(taught(np.zeros((2, 9, 9), np.uint8), ["a", "b"], "omniglot")),
    "merge nothing": lambda m: m.merge(None),  # type: ignore[arg-type]  # that is the point
    "merge new": lambda m: m.merge(Memory()),
    "merge empty": lambda m: m.merge(taught(X[:2], ["a", "a"]).forget("a")),
    "columns unknown": lambda m: m.columns([1]),
    "far from all": lambda m: m.predict(X + 1e20),
}
for name, x in SUBJECTS.items():
    some_of = [] if x is None else Y[: len(x)]
    BAD[f"partial_fit {name}"] = lambda m, x=x, y=some_of: m.partial_fit(x, y)
    BAD[f"predict {name}"] = lambda m, x=x: m.predict(x)
    if name != "narrow":
        BAD[f"fit {name}"] = lambda m, x=x, y=some_of: m.fit(x, y)
for name, y in TARGETS.items():
    BAD[f"partial_fit y {name}"] = lambda m, y=y: m.partial_fit(X, y)
    if name != "numbers":
        BAD[f"fit y {name}"] = lambda m, y=y: m.fit(X, y)
YEAR, BARE, NAT = np.timedelta64(1, "Y"), np.timedelta64(1), np.timedelta64("NaT", "s")
for value in (-1, np.nan, np.inf, 1e39, "60", None, True, 10**400, YEAR, BARE, NAT, np.timedelta64(1, "M")):
    BAD[f"age {value!r:.24}"] = lambda m, value=value: m.age(value)
for value in (-1, LONGEST_S, timedelta(-1), [3], 1j, YEAR, BARE):
    BAD[f"later {value!r:.24}"] = lambda m, value=value: m.projected(value)


def refuse(memory: Memory, call: Call) -> None:
    with pytest.raises((InsituError, ValueError)) as caught:
        call(memory)
    if isinstance(caught.value, InsituError):  # scikit-learn's own have several lines
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", BAD)
def test_a_refused_call_changes_nothing(name: str) -> None:
    source = np.random.RandomState(3)
    memory = Memory(dim=8, random_state=source).fit(X, Y).age(100)
    before, state = pickle.dumps(memory), copy.deepcopy(source.get_state())
    refuse(memory, BAD[name])
    assert pickle.dumps(memory) == before
    assert all(np.array_equal(one, other) for one, other in zip(source.get_state(), state, strict=True))
    assert memory.score(X, Y) == 1


@settings(max_examples=15)
@given(names=st.lists(st.sampled_from(sorted(BAD)), min_size=1, max_size=4), turn=st.integers(0, 2))
def test_refused_calls_between_good_ones_change_nothing(names: list[str], turn: int) -> None:
    good: list[Call] = [lambda m: m.fit(X, Y).age(1), lambda m: m.partial_fit(*some([3], 2)), lambda m: m.age(50)]
    memory, plain = Memory("digital", dim=8), Memory("digital", dim=8)
    for number, call in enumerate(good):
        call(memory)
        call(plain)
        if number == turn:
            before = pickle.dumps(memory)
            for name in names:
                refuse(memory, BAD[name])
            assert pickle.dumps(memory) == before
    assert memory.classes_.tolist() == plain.classes_.tolist()
    assert np.array_equal(memory.predict_proba(X), plain.predict_proba(X))
    assert memory.now_s_ == plain.now_s_ == 51


def test_a_file_does_not_see_what_was_refused(tmp_path: Path) -> None:
    with Memory.open(tmp_path / "m", dim=8) as memory:
        memory.fit(X, Y).age(100)
        before = memory._model
        for name, call in BAD.items():
            if not name.startswith("predict"):
                refuse(memory, call)
        assert memory._model is before
        assert memory.n_features_in_ == 24
    assert maintenance.verify(tmp_path / "m") == 2


def test_a_fit_that_is_refused_leaves_a_new_memory_new() -> None:
    memory = Memory("digital", dim=8)
    for y in (TARGETS["mixed"], TARGETS["shares"]):
        with pytest.raises((InsituError, ValueError)):
            memory.fit(X, y)
    assert not [name for name in vars(memory) if name.endswith("_")]
    assert memory.fit(WIDE + np.arange(4)[:, None], list("aabb")).n_features_in_ == 3


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (
            {"substrate": "pcm-hermes22"},
            r"substrates crossbar, digital and devices .*ideal, .*did you mean pcm-hermes2022",
        ),
        ({"substrate": "whatever"}, r"substrates crossbar, digital and devices .*ideal"),
        ({"encoder": "omniglott"}, "no encoder omniglott; did you mean omniglot"),
        ({"encoder": 3}, "encoder is the name of one.*got int"),
        ({"encoder": torch.nn.Linear}, "encoder is the name of one.*got type"),
        ({"dim": 0}, "dim is an integer number"),
        ({"dim": True}, "dim is an integer number"),
        ({"dim": "64"}, "dim is an integer number"),
        ({"dim": 10**9}, "dim is an integer number of rows from 1 to 65536"),
    ],
    ids=str,
)
def test_a_wrong_parameter_is_reported_first(parameters: dict[str, Any], words: str, tmp_path: Path) -> None:
    memory = Memory(**parameters)  # scikit-learn forbids a constructor to check
    for first in (lambda: memory.fit(None, None), lambda: memory.partial_fit("x", 3), lambda: memory.settings):
        with pytest.raises(InsituError, match=words) as caught:
            first()
        assert "\n" not in str(caught.value)
    with pytest.raises(InsituError, match=words):
        Memory.open(tmp_path / "m", **parameters)


@pytest.mark.parametrize("seed", [True, np.True_, False])
def test_a_seed_is_no_truth_value(seed: Any, tmp_path: Path) -> None:
    for refused in (
        lambda: Memory("digital", dim=8, random_state=seed).fit(X, Y),
        lambda: Memory.open(tmp_path / "m", random_state=seed),
    ):
        with pytest.raises(InsituError, match="random_state"):
            refused()


def test_a_mask_that_hides_nothing_and_a_tensor_with_a_gradient_are_what_they_hold() -> None:
    plain = Memory("digital", dim=8).fit(X, Y)
    for held in (np.ma.masked_array(X), torch.tensor(X, requires_grad=True), [*torch.tensor(X, requires_grad=True)]):
        memory = Memory("digital", dim=8).fit(held, np.ma.masked_array(Y))
        assert np.array_equal(memory.predict_proba(held), plain.predict_proba(X))


def test_images_with_masked_pixels_are_refused() -> None:
    images = np.ma.masked_equal(np.arange(162, dtype=np.uint8).reshape(2, 9, 9), 7)
    with pytest.raises(InsituError, match="masked entries"):
        Memory("digital", encoder="omniglot").fit(images, ["a", "b"])


def test_integers_that_float64_holds_are_taken() -> None:
    large = (np.eye(3, dtype=np.int64) << 60) - 2**62
    assert Memory("digital", dim=8).fit(large, ["a", "b", "c"]).predict(large).tolist() == ["a", "b", "c"]


def test_scalars_of_numpy_are_parameters_of_a_file_too(tmp_path: Path) -> None:
    given = {"dim": np.int32(32), "random_state": np.int64(3)}
    with Memory.open(tmp_path / "m", **given) as memory:
        memory.fit(X, Y)
        assert np.array_equal(memory.predict_proba(X), Memory(dim=32, random_state=3).fit(X, Y).predict_proba(X))
    with Memory.open(tmp_path / "m", **given) as memory:
        assert memory.get_params()["random_state"] == 3


def test_the_former_name_of_the_encoder_is_refused_with_its_present_one(tmp_path: Path) -> None:
    with pytest.raises(InsituError, match="write encoder='omniglot'"):
        Memory.open(tmp_path / "m", backbone="omniglot")
    with pytest.raises(TypeError, match="unexpected keyword argument 'backbone'"):
        Memory(backbone="omniglot")  # type: ignore[call-arg]  # that is the point
    assert not list(tmp_path.iterdir())


def test_time_is_a_number_of_seconds_or_a_timedelta_up_to_one_bound() -> None:
    memory = Memory(dim=8).fit(X, Y)
    for passed in (60, 0.5, np.float32(2), np.int64(3), timedelta(days=1), np.timedelta64(1, "h")):
        memory.age(passed)
    assert memory.now_s_ == 60 + 0.5 + 2 + 3 + 86_400 + 3600
    assert memory.projected(timedelta(hours=1)).now_s_ == memory.now_s_ + 3600
    rest = LONGEST_S - memory.now_s_
    assert memory.projected(rest).score(X, Y) > 0.5
    for refused in (
        lambda: memory.age(rest + 1),
        lambda: memory.projected(rest + 1),
        lambda: memory.projected(1).age(rest),
    ):
        with pytest.raises(InsituError, match=r"up to a clock of 1e\+10"):
            refused()


def test_files_without_an_encoder_are_refused_with_advice() -> None:
    for x in ([["photos/1.jpg"], ["photos/2.jpg"]], np.array([["a"], ["b"]])):
        with pytest.raises(InsituError, match="give encoder="):
            Memory().fit(x, ["cup", "mug"])
