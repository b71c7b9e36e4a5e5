"""A memory's file as others read it: what is in it, as safetensors and JSON, back again, or lived through anew."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from insitu.core import InsituError, write_whole
from insitu.memory import _tree
from insitu.memory._event import Event, apply
from insitu.memory._labels import Label
from insitu.memory._nouns import Model
from insitu.memory._parameters import parameters
from insitu.memory._settings import settings_from
from insitu.memory.store import Store

FORMAT, VERSION = "insitu-memory", 1


def verified(path: Path) -> int:
    """Return the number of events in the file after a check of all of it."""
    store = Store.open(path, {}, readonly=True)
    try:
        return store.verify()
    finally:
        store.close()


def info(path: Path) -> dict[str, Any]:
    """Return what is in the file: parameters, classes with their examples, events by kind, teachers, first and last."""
    store = Store.open(path, {}, readonly=True)
    try:
        events, model = list(store.journal()), store.model
        return {
            **store.about,
            "bytes": path.stat().st_size,
            "now_s": model.now_s if model else 0.0,
            "classes": _classes(model),
            "events": dict(Counter(event.kind for event in events)),
            "teachers": sorted({event.who for event in events}),
            "first": events[0].at if events else None,
            "last": events[-1].at if events else None,
            "spent": dict(store.cost().counts),
        }
    finally:
        store.close()


def exported(path: Path, out: Path) -> tuple[Path, Path]:
    """Write the memory at ``path`` as ``out``.safetensors and ``out``.json, and return both."""
    store = Store.open(path, {}, readonly=True)
    try:
        arrays: dict[str, _tree.Array] = {}
        events = [_described(number, event, arrays) for number, event in enumerate(store.journal(), 1)]
        model = store.model
        tree = None if model is None else _tree.flat(model, "state", arrays)
        arrays |= _readable(model)
        card = {"format": FORMAT, "version": VERSION, **store.about, "now_s": model.now_s if model else 0.0}
        card |= {"classes": _classes(model), "events": events, "state": tree}
    finally:
        store.close()
    data = safetensors.numpy.save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    files = tuple(out.with_name(out.name + ending) for ending in (".safetensors", ".json"))
    write_whole(files[0], lambda temporary: temporary.write_bytes(data))
    write_whole(files[1], lambda temporary: temporary.write_text(json.dumps(card, ensure_ascii=False, indent=1)))
    return files[0], files[1]


def imported(source: Path, path: Path, changes: dict[str, Any] | None = None) -> Store:
    """Return a new store at ``path`` of what ``exported`` wrote as ``source``; the devices are as they were.

    With ``changes`` of its parameters (they may be empty), every event is lived through anew instead.
    """
    card, arrays = _read(source)
    try:
        events = [_event(each, arrays) for each in card["events"]]
        given = parameters(card["parameters"])
        model = None
        if card["state"] is not None:
            model = _tree.grown(card["state"], lambda name, kind, shape: arrays[name].astype(kind).reshape(shape))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InsituError(
            f"{source} is not a whole export ({type(error).__name__}: {error}); export it anew"
        ) from error
    if changes is not None:
        return replayed(events, path, given | changes)
    return _adopted(events, model, path, given)


def replayed(events: list[Event], path: Path, given: dict[str, Any]) -> Store:
    """Return a new store at ``path`` of a memory with parameters ``given`` that lived through ``events``."""
    settings, seed = settings_from(given), given["random_state"]
    model: Model | None = None
    for event in events:
        fresh = int(np.random.default_rng().integers(2**31)) if seed is None else seed
        model = apply(settings, model, event, fresh)
    return _adopted(events, model, path, given)


def _adopted(events: list[Event], model: Model | None, path: Path, given: dict[str, Any]) -> Store:
    if path.exists():
        raise InsituError(f"{path} is there already; choose a new file")
    store = Store.open(path, given)
    if model is not None:
        store.adopt(events, model)
    return store


def _classes(model: Model | None) -> list[dict[str, Label]]:
    if model is None:
        return []
    return [{"label": label, "examples": int(model.counts[model.numbers[label]])} for label in model.labels]


def _readable(model: Model | None) -> dict[str, _tree.Array]:
    """What one needs to go on without this library: the map to unit vectors, and a unit vector per class."""
    if model is None or model.space is None or model.state is None:
        return {}
    state, space = model.state, model.space
    column = {int(label): place for place, label in enumerate(state.labels)}
    columns = [column[model.numbers[label]] for label in model.labels]
    sums = state.sums[columns].numpy()
    return {
        "space/shift": space.shift,
        "space/scale": space.scale,
        "space/weight": space.projection.weight.numpy(),
        "space/bias": space.projection.bias.numpy(),
        "classes/means": model.means[[model.numbers[label] for label in model.labels]],
        "classes/prototypes": sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12),
    }


def _described(number: int, event: Event, arrays: dict[str, _tree.Array]) -> dict[str, Any]:
    names = {name: f"journal/{number:06d}/{name}" for name in event.arrays}
    arrays |= {names[name]: array for name, array in event.arrays.items()}
    facts = {name: getattr(event, name) for name in ("kind", "at", "who", "seconds", "labels")}
    return {"number": number, **facts, "arrays": names}


def _event(described: dict[str, Any], arrays: dict[str, _tree.Array]) -> Event:
    facts = {name: described[name] for name in ("kind", "at", "who", "seconds", "labels")}
    return Event(**facts, arrays={name: arrays[place] for name, place in described["arrays"].items()})


def _read(source: Path) -> tuple[dict[str, Any], dict[str, _tree.Array]]:
    files = [source.with_name(source.name + ending) for ending in (".json", ".safetensors")]
    try:
        card = json.loads(files[0].read_text())
        arrays = safetensors.numpy.load(files[1].read_bytes())
    except OSError as error:
        raise InsituError(f"{source}: {error.strerror}; give the name that both files share, without ending") from error
    except (ValueError, safetensors.SafetensorError) as error:
        raise InsituError(f"{source} is damaged ({error}); export it anew") from error
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise InsituError(f"{files[0]} is no export of a memory; 'insitu memory export' makes one")
    if card.get("version") != VERSION:
        raise InsituError(f"{files[0]} is version {card.get('version')}; this insitu reads version {VERSION}")
    return card, arrays
