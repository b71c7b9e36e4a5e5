"""The parameters of a memory as JSON: substrates, devices and encoders by part name and fields.

Only parts of these rooms are ever imported. A record that a user defined elsewhere is stored as its class name and
fields, and must be passed again when the file is opened; so must an encoder that is a function or a torch module.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np

from insitu import catalog, encoders
from insitu.backbones import trained
from insitu.core import InsituError, is_path
from insitu.devices import Device
from insitu.encoders import Encoder
from insitu.encoders.function_encoder import FunctionEncoder
from insitu.encoders.trained_backbone import TrainedBackbone
from insitu.memory.settings import current_names, make_settings
from insitu.memory.storage.records import build_record
from insitu.substrates import Substrate

DEFAULTS: dict[str, Any] = {"substrate": None, "encoder": None, "dim": 512, "random_state": 0}
NOT_STORED = ("unknown", "unknown_rate")  # they are of queries: nothing in the file depends on them
ROOMS = {"substrates": Substrate, "devices": Device, "encoders": Encoder}
OUTSIDE = "outside"  # key of the class name of a record defined outside the package


def describe(given: dict[str, Any]) -> dict[str, Any]:
    """Return parameters as JSON; raise ``InsituError`` for an unknown one, or one that cannot be stored."""
    if "backbone" in given:
        raise InsituError(f"backbone is called encoder since version 0.3: write encoder={given['backbone']!r}"[:200])
    if odd := sorted(set(given) - {*DEFAULTS, *NOT_STORED}):
        raise InsituError(f"a memory has no parameter {odd[0]!r}; it has {', '.join([*DEFAULTS, *NOT_STORED])}")
    whole = DEFAULTS | given
    settings = make_settings(whole["substrate"], whole["encoder"], whole["dim"])
    seed = whole["random_state"]
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int | np.integer)):
        raise InsituError(f"random_state of a stored memory is an integer or None; got {type(seed).__name__}")
    return {
        "substrate": _describe(settings.substrate),
        "encoder": _describe_encoder(settings.encoder),
        "dim": settings.dim,
        "random_state": None if seed is None else int(seed),
    }


def read_parameters(stored: dict[str, Any], given: dict[str, Any], fingerprint: str | None = None) -> dict[str, Any]:
    """Return the parameters whose description is ``stored``, and the ``given`` ones that are not stored.

    Raises ``InsituError`` where ``given`` ones differ, a given encoder does not have the digest ``fingerprint``, or
    something defined outside the package is not given.
    """
    stored = current_names(stored)
    if set(stored) != set(DEFAULTS):
        raise ValueError(f"parameters {', '.join(stored)}")
    named = stored["encoder"]
    if isinstance(named, str) and ("/" in named or "\\" in named):
        raise ValueError(f"encoder {named!r}")
    outside = {name: _outside(stored[name]) for name in ("substrate", "encoder")}
    for name, kind in outside.items():
        if kind and given.get(name) is None:
            raise InsituError(
                f"it was created with {kind}, which is not part of insitu; open it in Python with "
                f"Memory.open(path, {name}=...), passing the same {kind}"
            )
    built = {name: given[name] if kind else _build(stored[name]) for name, kind in outside.items()}
    out = stored | built
    now = describe(out | given)
    # described again: a part may have got a field since
    before = describe(out) | {name: stored[name] for name, kind in outside.items() if kind}
    if odd := [name for name in DEFAULTS if _unlocated(before[name]) != _unlocated(now[name])]:
        raise InsituError(
            f"the memory was created with another {odd[0]}, {_short(before[odd[0]])}; got {_short(now[odd[0]])}; "
            "omit it, or replay the memory into a new file (or delete a file that was never taught)"
        )
    encoder = encoders.find(given.get("encoder"))
    if encoder is not None and fingerprint not in (None, encoder.digest()):
        raise InsituError(
            f"the memory was created with other weights of encoder {encoder.name}, digest {fingerprint}; got "
            f"{encoder.digest()}; give the encoder it was created with"
        )
    if encoder is not None and not isinstance(named, str):
        out["encoder"] = encoder
    if outside["substrate"]:
        out["substrate"] = make_settings(given["substrate"], None, 1).substrate
    return out | {name: given[name] for name in NOT_STORED if name in given}


def check_encoder_file(memory: Path, encoder: Encoder | None) -> None:
    """Raise ``InsituError`` where the encoder of a memory is in a file that is not there."""
    file = getattr(encoder, "path", None)
    if file is not None and not Path(file).is_file():
        raise InsituError(
            f"{memory} has its encoder in {file}, which is not there; put it back, or say where it is now: "
            "--encoder FILE of teach and predict, encoder=FILE in Python"
        )


def _describe_encoder(encoder: Encoder | None) -> Any:
    if encoder is None:
        return None
    if isinstance(encoder, TrainedBackbone) and not is_path(encoder.name, trained.WEIGHTS):
        return str(encoder.name)
    if catalog.part_of(type(encoder)) and not isinstance(encoder, FunctionEncoder):
        return _describe(encoder)
    # fields are part of the digest, so those of an encoder outside the package need not be stored
    return {OUTSIDE: encoder.name, "fields": {}}


def _describe(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, tuple | list):
        return [_describe(each) for each in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, Path):
        return str(value)
    if not is_dataclass(value) or isinstance(value, type):
        raise InsituError(f"{type(value).__name__} cannot be stored in a file; use numbers, text or records as fields")
    part = catalog.part_of(type(value))
    inside = part is not None and part.room in ROOMS
    if part is not None and inside:
        name = {"part": f"{part.room}/{part.name}"}
    else:  # the annotation of the field says which record of the package it is
        name = {} if type(value).__module__.startswith("insitu.") else {OUTSIDE: type(value).__qualname__}
    return name | {"fields": {f.name: _describe(getattr(value, f.name)) for f in fields(value)}}


def _build(value: Any, annotated: Any = None) -> Any:
    if isinstance(value, list):
        return tuple(_build(each) for each in value)
    if not isinstance(value, dict):
        return value
    if "part" not in value and isinstance(annotated, type) and is_dataclass(annotated):
        return _record(annotated, value["fields"])
    room = str(value["part"]).split("/", 1)[0]
    if room not in ROOMS:
        raise ValueError(f"{value['part']} is not a substrate or device")
    kind = catalog.load(catalog.find(value["part"]))
    if not issubclass(kind, ROOMS[room]):
        raise ValueError(f"{value['part']} is not a substrate or device")
    return _record(kind, value["fields"])


def _record(kind: type, values: dict[str, Any]) -> Any:
    hints = get_type_hints(kind)
    return build_record(kind, {name: _build(each, hints.get(name)) for name, each in values.items()})


def _outside(value: Any) -> str:
    """Return the name of a record in ``value`` that was defined outside the package, or ''."""
    if isinstance(value, dict):
        names = [str(value[OUTSIDE])] if OUTSIDE in value else []
        return next(iter([*names, *filter(None, map(_outside, value.get("fields", {}).values()))]), "")
    return next(filter(None, map(_outside, value)), "") if isinstance(value, list) else ""


def _unlocated(value: Any) -> Any:
    """Return a description without paths: a file may lie elsewhere, and its digest is compared."""
    if not isinstance(value, dict):
        return value
    fields_of = value["fields"].items()
    located = [
        name for name, each in fields_of if name == "path" or (name == "name" and is_path(each, trained.WEIGHTS))
    ]
    return value | {"fields": {name: each for name, each in fields_of if name not in located}}


def _short(value: Any) -> str:
    return str(value.get("part") or value.get(OUTSIDE)) if isinstance(value, dict) else repr(value)
