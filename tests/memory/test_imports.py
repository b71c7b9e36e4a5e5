"""An export is checked entirely before a file is created: what no memory could have written is rejected."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from points import answers, some

from insitu import Memory
from insitu.core import InsituError
from insitu.memory.storage import interchange, maintenance

OLDER = Path(__file__).parent / "fixtures" / "export-0.1.0"
CARD = json.loads(OLDER.with_suffix(".0.json").read_bytes())
ARRAYS = safetensors.numpy.load(OLDER.with_suffix(".0.safetensors").read_bytes())
CELLS = "state/state/held/tiles/0/cells/"
CHANGES = ({}, {"substrate": "digital"}, None)


def write(folder: Path, card: Any, arrays: dict[str, Any]) -> Path:
    (folder / "in.json").write_bytes(json.dumps(card).encode())
    safetensors.numpy.save_file(arrays, folder / "in.safetensors")
    return folder / "in"


def check_refused(source: Path, changes: dict[str, Any] | None = None) -> None:
    out = source.with_name("out.insitu")
    with pytest.raises(InsituError) as caught:
        interchange.import_memory(source, out, changes)
    assert "\n" not in str(caught.value)
    assert not list(source.parent.glob("*out*")), "a refused import leaves nothing"


@pytest.mark.parametrize("changes", CHANGES)
def test_an_export_of_the_first_version_is_imported(tmp_path: Path, changes: dict[str, Any] | None) -> None:
    out = tmp_path / "out.insitu"
    interchange.import_memory(OLDER, out, changes).close()
    assert maintenance.verify(out) == 4
    with Memory.open(out) as memory:
        assert memory.classes_.tolist() == ["cup", "pen", "é"]
        memory.partial_fit(np.ones((1, 6)), ["new"])


def _set(name: str, value: float, place: int = 3) -> Callable[[Any, dict[str, Any]], None]:
    def change(card: Any, arrays: dict[str, Any]) -> None:
        arrays[name] = arrays[name].copy()
        arrays[name].reshape(-1)[place] = value

    return change


def _event(place: int, /, **facts: object) -> Callable[[Any, dict[str, Any]], None]:
    return lambda card, arrays: card["events"][place].update(facts)


def _renamed(old: str, new: object) -> Callable[[Any, dict[str, Any]], None]:
    """Rename a class in the events, the list and the state alike."""

    def change(card: Any, arrays: dict[str, Any]) -> None:
        from crafting import replaced

        card.update(replaced(card, old, new))

    return change


PROJECTION, HELD = "space/projection/", "state/held/"
NONSENSE = [
    *(("state/slope", v) for v in (-1e30, 0.0, -1.0, 1e30)),
    *(("state/offset", v) for v in (-1e30, 1e30)),
    *((HELD + "scale", v) for v in (0.0, -1.0, 1e30)),
    *((HELD + "reference", v) for v in (-1.0, 1e30)),
    *((PROJECTION + "weight", v) for v in (0.0, 1e30)),
    *((PROJECTION + "bias", v) for v in (0.0, 1e30)),
    *((HELD + "tiles/0/cells/drift", v) for v in (1e30, -2.0)),
    *((HELD + "tiles/0/cells/programmed_s", v) for v in (-1e30, -1.0)),
    *((HELD + "tiles/0/pulses", v) for v in (-1,)),
    *(("state/shots", v) for v in (-1.0, 0.5, 1e30)),
    *(("state/sums", v) for v in (1e30, -1e30)),
    *(("state/activations", v) for v in (1e30,)),
    *(("space/cohort", v) for v in (1e30,)),
    *(("space/shift", v) for v in (1e30,)),
    *(("space/scale", v) for v in (-1.0, 1e30)),
    *(("kept", v) for v in (0.123, 1e30)),
]
STATES: dict[str, Callable[[Any, dict[str, Any]], object]] = {
    **{f"conductance {v}": _set(CELLS + "conductance_us", v) for v in (math.nan, math.inf, -1.0, 1e3)},
    **{f"drift {v}": _set(CELLS + "drift", v) for v in (math.nan, math.inf)},
    **{f"written at {v}": _set(CELLS + "programmed_s", v) for v in (math.nan, 61.0)},
    **{f"{name} NaN": _set(f"state/{name}", math.nan) for name in ("means", "kept", "space/shift", "state/sums")},
    **{f"{name} NaN": _set(f"state/state/{name}", math.nan) for name in ("slope", "offset", "activations", "shots")},
    "scale 0": _set("state/space/scale", 0.0),
    **{f"{name} {v}": _set(f"state/{name}", v) for name, v in NONSENSE},
    "counts": _set("state/counts", 9, 0),
    "means": _set("state/means", 9.0),
    "columns": _set("state/state/labels", 7, 0),
    "a class more": lambda card, arrays: card["classes"].append({"label": "more", "examples": 1}),
    "a class less": lambda card, arrays: card["classes"].pop(),
    "other classes": lambda card, arrays: card["classes"][0].update(label="other"),
    "time": lambda card, arrays: card.update(now_s=61.0),
    "weights": lambda card, arrays: card.update(fingerprint="abc"),
    "an event less": lambda card, arrays: card["events"].pop(),
    "no state": lambda card, arrays: card.update(state=None),
}
EVENTS: dict[str, Callable[[Any, dict[str, Any]], object]] = {
    **{f"labelled {label!r}": _renamed("cup", label) for label in ("a\0", "a\nb", "\x1b[2J", "\ud800", 3, None, ["x"])},
    "examples NaN": _set("journal/000001/x", math.nan),
    "a label more": lambda card, arrays: card["events"][0]["labels"].append("cup"),
    "an unknown kind": _event(0, kind="dance"),
    "a time that runs back": _event(2, seconds=-1.0),
    "a time without end": _event(2, seconds=math.inf),
    "a time of text": _event(2, seconds="60"),
    "a time that is no date": _event(0, at="yesterday"),
    "a time of another kind": _event(0, at=5),
    "a control character in a time": _event(0, at="2026-01-01T00:00:00\n"),
    "no date when it was made": lambda card, arrays: card.update(made="x\x1b"),
    "a version that is no number": lambda card, arrays: card.update(version=True),
    "events that are no list": lambda card, arrays: card.update(events={}),
    "more rows than fit": lambda card, arrays: card["parameters"].update(dim=10**9),
    "a control character in who": _event(0, who="ann\x07"),
    "no text in who": _event(0, who=3),
    "other numbers": _event(1, number=7),
    "no arrays": _event(0, arrays={}),
    "arrays that are not there": _event(0, arrays={"x": "journal/x"}),
    "an unknown class forgotten": _event(3, labels=["none"]),
    "other features": lambda card, arrays: arrays.update({"journal/000002/x": np.ones((1, 5))}),
    "no events": lambda card, arrays: card.pop("events"),
    "events of text": lambda card, arrays: card.update(events="none"),
    "no parameters": lambda card, arrays: card.update(parameters={}),
    "another backbone": lambda card, arrays: card["parameters"].update(encoder="data/omniglot"),
}


@pytest.mark.parametrize("name", STATES)
def test_a_state_that_cannot_be_is_refused(name: str, tmp_path: Path) -> None:
    card, arrays = copy.deepcopy(CARD), dict(ARRAYS)
    STATES[name](card, arrays)
    check_refused(write(tmp_path, card, arrays))


@pytest.mark.parametrize("changes", CHANGES)
@pytest.mark.parametrize("name", EVENTS)
def test_events_that_cannot_have_been_are_refused(name: str, tmp_path: Path, changes: dict[str, Any] | None) -> None:
    card, arrays = copy.deepcopy(CARD), dict(ARRAYS)
    EVENTS[name](card, arrays)
    check_refused(write(tmp_path, card, arrays), changes)


def _places(tree: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [at, *(place for key, each in inner for place in _places(each, (*at, key)))]


ODD = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just([]) | st.just({})


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.sampled_from(_places(CARD)[1:]), value=ODD)
def test_any_change_of_the_card_is_refused_or_harmless(tmp_path: Path, place: tuple[Any, ...], value: object) -> None:
    card = copy.deepcopy(CARD)
    *way, last = place
    inner = card
    for key in way:
        inner = inner[key]
    inner[last] = value
    _check_import(tmp_path, card, ARRAYS)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(ARRAYS)), place=st.integers(0, 10**6), value=st.floats(width=32), cut=st.booleans())
def test_any_change_of_an_array_is_refused_or_harmless(
    tmp_path: Path, name: str, place: int, value: float, cut: bool
) -> None:
    arrays = {key: array.copy() for key, array in ARRAYS.items()}
    if cut:
        arrays[name] = arrays[name][:-1]
    else:
        with np.errstate(invalid="ignore", over="ignore"):
            arrays[name].reshape(-1)[place % arrays[name].size] = (
                np.float32(value).astype(arrays[name].dtype) if arrays[name].dtype.kind == "f" else place
            )
    _check_import(tmp_path, CARD, arrays)


def _check_import(folder: Path, card: Any, arrays: dict[str, Any]) -> None:
    for file in folder.glob("*out*"):
        file.unlink()
    source, out = write(folder, card, arrays), folder / "out.insitu"
    try:
        interchange.import_memory(source, out).close()
    except InsituError:
        check_refused(source)
        return
    maintenance.verify(out)
    with Memory.open(out) as memory:
        assert np.isfinite(memory.predict_proba(np.eye(6))).all()
        memory.partial_fit(np.eye(6)[:1], ["é"])


def test_what_is_exported_can_be_imported_whatever_the_labels(tmp_path: Path) -> None:
    for number, labels in enumerate(([1, 2, 3], [True, False, True], [1.0, 3.0, -2.0], ["é", " b ", "x" * 300])):
        path, out = tmp_path / f"{number}.insitu", tmp_path / f"{number}.copy"
        with Memory.open(path, dim=16) as memory:
            memory.fit(some([0, 1, 2], 1)[0], labels)
            memory.merge(Memory("digital", dim=16).fit(some([3], 2)[0], labels[:1] * 2))
        interchange.export_memory(path, tmp_path / f"out{number}")
        interchange.import_memory(tmp_path / f"out{number}", out).close()
        assert maintenance.verify(out) == 2
        with Memory.open(path, readonly=True) as one, Memory.open(out, readonly=True) as two:
            assert one.classes_.tolist() == two.classes_.tolist()
            assert np.array_equal(answers(one), answers(two))


def test_an_export_never_replaces_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.insitu"
    with Memory.open(path, substrate="digital") as memory:
        memory.fit(np.eye(4), list("abab"))
    arrays, card = interchange.export_memory(path, tmp_path / "out")
    for kept, gone in ((arrays, card), (card, arrays)):
        gone.unlink()
        before = kept.read_bytes()
        with pytest.raises(InsituError, match=f"{kept.name} exists; export to another name"):
            interchange.export_memory(path, tmp_path / "out")
        assert kept.read_bytes() == before
        assert not gone.exists()
        gone.write_bytes(b"")
