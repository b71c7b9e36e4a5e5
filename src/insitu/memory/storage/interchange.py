"""Export of a memory as safetensors and JSON, which other programs can read, and import of such a pair."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from insitu.core import LONGEST_S, InsituError, read_text, write_text, write_whole
from insitu.memory.event import Event
from insitu.memory.history import identify
from insitu.memory.model import Model
from insitu.memory.settings import settings_from
from insitu.memory.storage import serialization
from insitu.memory.storage.database import check_available
from insitu.memory.storage.errors import DECODING_ERRORS
from insitu.memory.storage.event_check import check_event, check_timestamp
from insitu.memory.storage.journal_check import check_journal, summarize
from insitu.memory.storage.maintenance import class_list, replay
from insitu.memory.storage.parameters import describe, read_parameters
from insitu.memory.storage.paths import export_paths
from insitu.memory.storage.records import allowed_records
from insitu.memory.storage.state_check import check_model
from insitu.memory.storage.store import Store

FORMAT, VERSION = "insitu-memory", 1
Arrays = dict[str, serialization.Array]


def export_memory(path: Path, out: Path) -> tuple[Path, Path]:
    """Write the memory at ``path`` as new files ``out``.safetensors and ``out``.json, and return both paths."""
    files = export_paths(out)
    if found := [file for file in files if file.exists()]:
        raise InsituError(f"{found[0]} exists; export to another name, or delete it first")
    arrays: serialization.Arrays = {}
    with closing(Store.open(path, {}, readonly=True)) as store:
        events = [_describe_event(number, event, arrays) for number, event in enumerate(store.journal(), 1)]
        model = store.model
        tree = None if model is None else serialization.flatten(model, "state", arrays)
        arrays |= _readable_arrays(model)
        card = {"format": FORMAT, "version": VERSION, **store.metadata, "now_s": model.now_s if model else 0.0}
        card |= {"classes": class_list(model), "events": events, "state": tree}
    data = safetensors.numpy.save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    write_whole(files[0], lambda temporary: temporary.write_bytes(data))
    write_text(files[1], json.dumps(card, ensure_ascii=False, indent=1))
    return files


def import_memory(source: Path, path: Path, changes: dict[str, Any] | None = None) -> Store:
    """Return a new store at ``path`` with the exported state of ``source``, including the state of its devices.

    With ``changes`` of its parameters (which may be empty), the events are replayed instead. Everything is checked
    before a file is created.
    """
    check_available(path)
    card, arrays = _read(source)
    with _export_errors(source):
        if not isinstance(card["events"], list):
            raise InsituError(f"events are a list; got {type(card['events']).__name__}; export it again")
        check_timestamp("made", card["made"])
        events = [_build_event(number, each, arrays) for number, each in enumerate(card["events"], 1)]
        stored = card["parameters"]
        if changes and changes.get("substrate") is not None:
            stored = stored | {"substrate": describe(changes)["substrate"]}
        given = read_parameters(stored, {}) | (changes or {})
        settings = settings_from(given)
        for number, event in enumerate(events, 1):
            check_event(number, event, settings.keeps_images)
        if summarize(events, not settings.keeps_images).now_s > LONGEST_S:
            raise InsituError(f"its events last longer than {LONGEST_S:g} s, the limit of a memory's clock")
        if changes is None:
            model = _build_model(card, arrays, given)
            if model is not None and model.kept_ids is None:
                model = identify(model, events)
            check_journal(events, model, given)
            if model is not None:
                check_model(model, settings_from(given))
            return Store.create(path, given, events, model)
    return replay(events, path, given)


def _build_model(card: dict[str, Any], arrays: Arrays, given: dict[str, Any]) -> Model | None:
    """Return the state of an export, compared with the rest of its card."""
    settings, model = settings_from(given), None
    if card["fingerprint"] != settings.fingerprint():
        raise InsituError(f"it was fitted with other weights of encoder {settings.identity()}; import it with --replay")
    if card["state"] is not None:
        model = serialization.rebuild(
            card["state"],
            lambda name, kind, shape: np.array(arrays[name]).reshape(shape),
            allowed_records(type(settings.substrate)),
        )
        if not isinstance(model, Model):
            raise ValueError(f"the state is a {type(model).__name__}")
        settings.check_encoder(model.encoder)
    if (card["classes"], card["now_s"]) != (class_list(model), model.now_s if model else 0.0):
        raise InsituError("its classes or its clock differ from those of its state; export it again")
    return model


def _readable_arrays(model: Model | None) -> Arrays:
    """Return the map to unit vectors and a unit vector per class: enough to classify without this library."""
    if model is None or model.space is None or model.state is None:
        return {}
    state, space = model.state, model.space
    sums = state.sums[model.columns]
    return {
        "space/shift": space.shift,
        "space/scale": space.scale,
        "space/weight": space.projection.weight.numpy(),
        "space/bias": space.projection.bias.numpy(),
        "classes/means": model.means[model.classes],
        "classes/prototypes": sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12),
    }


def _describe_event(number: int, event: Event, arrays: serialization.Arrays) -> dict[str, Any]:
    names = {name: f"journal/{number:06d}/{name}" for name in event.arrays}
    arrays |= {names[name]: array for name, array in event.arrays.items()}
    fields = {name: getattr(event, name) for name in ("kind", "at", "who", "seconds", "labels")}
    return {"number": number, **fields, "arrays": names}


def _build_event(number: int, described: dict[str, Any], arrays: Arrays) -> Event:
    if described["number"] != number:
        raise ValueError(f"event {described['number']} in the place of event {number}")
    fields = {name: described[name] for name in ("kind", "at", "who", "labels")}
    seconds = described["seconds"]
    seconds = float(seconds) if type(seconds) is int else seconds
    return Event(**fields, seconds=seconds, arrays={name: arrays[key] for name, key in described["arrays"].items()})


def _read(source: Path) -> tuple[dict[str, Any], Arrays]:
    arrays_file, card_file = export_paths(source)
    with _export_errors(source):
        card = json.loads(read_text(card_file))
        arrays = safetensors.numpy.load(arrays_file.read_bytes())
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise InsituError(f"{card_file} is not an export of a memory; create one with 'insitu memory export'")
    if type(card.get("version")) is not int or card["version"] != VERSION:
        raise InsituError(
            f"{card_file} is version {card.get('version')!r}; this insitu reads version {VERSION}: update insitu"
        )
    return card, arrays


@contextmanager
def _export_errors(source: Path) -> Iterator[None]:
    """Turn errors in reading an export into ``InsituError`` that names it."""
    try:
        yield
    except OSError as error:
        raise InsituError(f"{source}: {error.strerror}; give the common name of both files, without suffix") from error
    except InsituError as error:
        raise InsituError(f"{source}: {error}") from error
    except (*DECODING_ERRORS, MemoryError) as error:
        raise InsituError(f"{source} is damaged ({type(error).__name__}: {error}); export it again") from error
