"""A memory's file as others read it: what is in it, as safetensors and JSON, back again, or replayed; and its copy."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from insitu.core import LONGEST_S, InsituError, read_text, whole_file, write_text, write_whole
from insitu.memory.event import Event, apply
from insitu.memory.labels import Label
from insitu.memory.model import Model
from insitu.memory.names import check_moment, checked_path, pair_of
from insitu.memory.settings import settings_from
from insitu.memory.storage import serialization
from insitu.memory.storage.agreement import check_agreement, derived
from insitu.memory.storage.event_check import check_event
from insitu.memory.storage.failures import NOT_UNDERSTOOD, explained, explained_reading
from insitu.memory.storage.header import about_of
from insitu.memory.storage.leftovers import check_none_left
from insitu.memory.storage.lock import Lock
from insitu.memory.storage.new_file import create, keep_name
from insitu.memory.storage.parameters import described, parameters
from insitu.memory.storage.records import records
from insitu.memory.storage.soundness import check_model
from insitu.memory.storage.store import Store, to_read

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
    files = pair_of(out)
    store = Store.open(path, {}, readonly=True)
    try:
        arrays: dict[str, serialization.Array] = {}
        events = [_listed(number, event, arrays) for number, event in enumerate(store.journal(), 1)]
        model = store.model
        tree = None if model is None else serialization.flat(model, "state", arrays)
        arrays |= _readable(model)
        card = {"format": FORMAT, "version": VERSION, **store.about, "now_s": model.now_s if model else 0.0}
        card |= {"classes": _classes(model), "events": events, "state": tree}
    finally:
        store.close()
    data = safetensors.numpy.save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    write_whole(files[0], lambda temporary: temporary.write_bytes(data))
    write_text(files[1], json.dumps(card, ensure_ascii=False, indent=1))
    return files


def imported(source: Path, path: Path, changes: dict[str, Any] | None = None) -> Store:
    """Return a new store at ``path`` of what ``exported`` wrote as ``source``; the devices are as they were.

    With ``changes`` of its parameters (they may be empty), every event is replayed instead. All that was read is
    checked before there is a file.
    """
    _check_free(path)
    card, arrays = _read(source)
    with _whole_export(source):
        if not isinstance(card["events"], list):
            raise InsituError(f"events are a list; got {type(card['events']).__name__}; export it anew")
        check_moment("made", card["made"])
        events = [_event(number, each, arrays) for number, each in enumerate(card["events"], 1)]
        kept = card["parameters"]
        if changes and changes.get("substrate") is not None:
            kept = kept | {"substrate": described(changes)["substrate"]}
        given = parameters(kept, {}) | (changes or {})
        for number, event in enumerate(events, 1):
            check_event(number, event, given["backbone"] is not None)
        if derived(events, given["backbone"] is None).now_s > LONGEST_S:
            raise InsituError(f"its events last longer than {LONGEST_S:g} s, which is as far as a memory's clock goes")
        if changes is None:
            model = _model(card, arrays, given)
            check_agreement(events, model, given)
            if model is not None:
                check_model(model, settings_from(given))
            return _new_store(path, given, events, model)
    return replayed(events, path, given)


def replayed(events: list[Event], path: str | Path, given: dict[str, Any]) -> Store:
    """Return a new store at ``path`` of a memory with parameters ``given`` to which ``events`` happened."""
    _check_free(path)
    settings, seed = settings_from(given), given["random_state"]
    model: Model | None = None
    for event in events:
        fresh = int(np.random.default_rng().integers(2**31)) if seed is None else int(seed)
        model = apply(settings, model, event, fresh)
    return _new_store(path, given, events, model)


def backed_up(path: Path, out: Path) -> Path:
    """Copy the memory at ``path``, which may be taught meanwhile, to the new file ``out``, and verify the copy."""
    path, out = checked_path(path), checked_path(out)
    _check_free(out)
    Store.open(path, {}, readonly=True).close()  # refuse what is no memory before anything is copied
    with explained_reading(path), whole_file(out) as temporary:
        with closing(to_read(path)) as connection, closing(sqlite3.connect(temporary)) as copy:
            connection.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, with none beside it
        try:
            verified(temporary)
        except InsituError as error:
            raise InsituError(str(error).replace(str(temporary), str(path))) from error
    keep_name(out)
    return out


def _check_free(path: str | Path) -> None:
    if checked_path(path).exists():
        raise InsituError(f"{path} is there already; choose a new file")
    check_none_left(checked_path(path))


def _new_store(path: str | Path, given: dict[str, Any], events: list[Event], model: Model | None) -> Store:
    path = checked_path(path)
    about = about_of(given)
    with explained(path):
        lock = Lock(path)
        try:
            _check_free(path)
            create(path, about, events, model, "")
        finally:
            lock.release()
    return Store.open(path, given)


def _model(card: dict[str, Any], arrays: dict[str, serialization.Array], given: dict[str, Any]) -> Model | None:
    """Return the state of an export, which is what its other parts say."""
    settings, model = settings_from(given), None
    if card["fingerprint"] != settings.fingerprint():
        raise InsituError(f"it was taught through other weights of {given['backbone']}; import it with --replay")
    if card["state"] is not None:
        model = serialization.grown(
            card["state"],
            lambda name, kind, shape: np.array(arrays[name]).reshape(shape),
            records(type(settings.substrate)),
        )
        if not isinstance(model, Model):
            raise ValueError(f"the state is a {type(model).__name__}")
        settings.check_encoder(model.encoder)
    said = card["classes"], card["now_s"]
    if said != (_classes(model), model.now_s if model else 0.0):
        raise InsituError("its classes or its time are not those of its state; export it anew")
    return model


def _classes(model: Model | None) -> list[dict[str, Label]]:
    if model is None:
        return []
    return [{"label": label, "examples": int(model.counts[model.numbers[label]])} for label in model.labels]


def _readable(model: Model | None) -> dict[str, serialization.Array]:
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


def _listed(number: int, event: Event, arrays: dict[str, serialization.Array]) -> dict[str, Any]:
    names = {name: f"journal/{number:06d}/{name}" for name in event.arrays}
    arrays |= {names[name]: array for name, array in event.arrays.items()}
    facts = {name: getattr(event, name) for name in ("kind", "at", "who", "seconds", "labels")}
    return {"number": number, **facts, "arrays": names}


def _event(number: int, listed: dict[str, Any], arrays: dict[str, serialization.Array]) -> Event:
    if listed["number"] != number:
        raise ValueError(f"event {listed['number']} in the place of event {number}")
    facts = {name: listed[name] for name in ("kind", "at", "who", "labels")}
    seconds = listed["seconds"]
    seconds = float(seconds) if type(seconds) is int else seconds
    return Event(**facts, seconds=seconds, arrays={name: arrays[place] for name, place in listed["arrays"].items()})


def _read(source: Path) -> tuple[dict[str, Any], dict[str, serialization.Array]]:
    packed, listed = pair_of(source)
    with _whole_export(source):
        card = json.loads(read_text(listed))
        arrays = safetensors.numpy.load(packed.read_bytes())
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise InsituError(f"{listed} is no export of a memory; 'insitu memory export' makes one")
    if type(card.get("version")) is not int or card["version"] != VERSION:
        raise InsituError(f"{listed} is version {card.get('version')!r}; this insitu reads version {VERSION}")
    return card, arrays


@contextmanager
def _whole_export(source: Path) -> Iterator[None]:
    """Turn what is wrong with an export into ``InsituError`` that names it."""
    try:
        yield
    except OSError as error:
        raise InsituError(f"{source}: {error.strerror}; give the name that both files share, without ending") from error
    except InsituError as error:
        raise InsituError(f"{source}: {error}") from error
    except (*NOT_UNDERSTOOD, MemoryError) as error:
        raise InsituError(f"{source} is damaged ({type(error).__name__}: {error}); export it anew") from error
