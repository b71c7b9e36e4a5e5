"""Consistency of a state read from a file: matching shapes, finite numbers, conductances in range, and a query."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from insitu.devices import OVERSHOOT, Cells, Device
from insitu.learners.array_columns import FREE
from insitu.memory.model import KEPT, UNKNOWN, Model, stored_ids
from insitu.memory.query import query
from insitu.memory.settings import Settings
from insitu.memory.space import Space
from insitu.memory.storage.errors import DECODING_ERRORS
from insitu.memory.storage.range_check import check_ranges, damaged_state, records_in

LARGEST_DRIFT = 1.0  # exponent; phase change has at most a quarter of it
LARGEST_NORMAL = 10.0  # of a cell that relaxes; no draw of a generator is as large
Arrays = dict[str, tuple[NDArray[Any], tuple[int, ...]]]  # arrays and their expected shapes


def check_shapes(model: Model, settings: Settings) -> None:
    """Raise ``InsituError`` where the shapes or classes of a state do not match: it could not be used."""
    for name, (array, shape) in _arrays(model, settings.dim).items():
        if array.shape != shape:
            raise damaged_state(f"{name} are of shape {array.shape}, not {shape}")
    known, numbers = list(model.numbers.values()), len(model.counts)
    if model.numbers and (model.space is None or model.state is None):
        raise damaged_state("there are classes, but no array that holds them")
    if len({type(label) for label in model.numbers}) > 1:
        raise damaged_state("labels are not all of one kind")
    if len(set(known)) != len(known) or not set(known) <= set(range(numbers)):
        raise damaged_state("class numbers are not unique, or out of range")
    if not set(model.kept_numbers.tolist()) <= set(known):
        raise damaged_state("there are stored examples of unknown classes")
    ids = stored_ids(model)
    named = ids[ids != UNKNOWN]
    if len(set(named.tolist())) < len(named) or not ((ids >= UNKNOWN) & (ids < max(model.taught, 0))).all():
        raise damaged_state("ids of stored examples are not unique, or out of range")
    if model.state is not None:
        held = [label for label in model.state.labels.tolist() if label != FREE]
        if sorted(held) != sorted(known):
            raise damaged_state("the columns do not match the classes")
        try:
            outputs = settings.substrate.outputs(model.state.held)
        except (AttributeError, TypeError) as error:
            raise damaged_state(f"the array does not belong to its substrate ({error})") from error
        if outputs != len(model.state.labels):
            raise damaged_state(f"{outputs} columns are held, but {len(model.state.labels)} have a label")


def check_model(model: Model, settings: Settings) -> None:
    """Raise ``InsituError`` where a memory with these settings cannot be in this state, or cannot be queried."""
    check_shapes(model, settings)
    for name, (array, _) in _arrays(model, settings.dim).items():
        if array.dtype.kind == "f" and not np.isfinite(array).all() and name != "scale":
            raise damaged_state(f"{name} are not finite")
    if (model.counts < 0).any() or np.flatnonzero(model.counts).tolist() != sorted(model.numbers.values()):
        raise damaged_state("the counts of examples do not match the classes")
    if any(label != label for label in model.numbers) or len(model.kept) > KEPT:
        raise damaged_state(f"a label is NaN, or more than {KEPT} examples are stored")
    if not (0 <= model.now_s < np.inf and model.events > 0 and model.features > 0):
        raise damaged_state("clock, events or features are not above 0")
    if model.space is not None:
        _check_space(model.space)
    if model.state is not None:
        _check_array(model, model.state.held, getattr(settings.substrate, "device", None))
    check_ranges(model, settings.operations().fixed_space)
    if model.numbers:
        _check_query(model, settings)


def _arrays(model: Model, dim: int) -> Arrays:
    """Return the arrays of a state, with their expected shapes."""
    numbers, out = len(model.counts), Arrays()
    out["counts"] = (model.counts, (numbers,))
    out["classes of stored examples"] = (model.kept_numbers, (len(model.kept),))
    out["ids of stored examples"] = (stored_ids(model), (len(model.kept),))
    if numbers:
        out["means"] = (np.asarray(model.means), (numbers, model.features))
    if len(model.kept):
        out["stored examples"] = (model.kept, (len(model.kept), model.features))
    if (space := model.space) is not None:
        out["shift"], out["scale"] = (space.shift, (model.features,)), (space.scale, (model.features,))
        out["weight"] = (space.projection.weight.numpy(), (dim, model.features))
        out["bias"], out["centre"] = ((t.numpy(), (dim,)) for t in (space.projection.bias, space.projection.centre))
        out["probes"] = (space.probes.numpy(), (len(space.probes), model.features))
        out["cohort"] = (space.cohort.numpy(), (len(space.cohort), model.features))
    if (state := model.state) is not None:
        columns = len(state.labels)
        out |= {name: (getattr(state, name).numpy(), (columns,)) for name in ("labels", "shots", "slope", "offset")}
        out["activations"] = (np.asarray(state.activations), (columns, model.features))
        out["sums"] = (np.asarray(state.sums), (columns, dim))
    return out


def _check_space(space: Space) -> None:
    if not (space.scale > 0).all():  # infinite where a feature has not varied
        raise damaged_state("scales are not above 0")
    sizes = (space.sharpness, float(space.seen >= 0), float(space.projection.scatter >= 0))
    if not all(0 < size < np.inf for size in sizes):
        raise damaged_state("sharpness is not above 0")


def _check_array(model: Model, held: object, device: object) -> None:
    for record in records_in(held):
        if isinstance(record, Cells) and isinstance(device, Device):
            _check_cells(record, device, model.now_s)
        for name, value in vars(record).items():
            for each in value if isinstance(value, tuple) else (value,):
                array = each.numpy() if isinstance(each, Tensor) else each
                if isinstance(array, np.ndarray) and array.dtype.kind == "f" and not np.isfinite(array).all():
                    raise damaged_state(f"{name} of the array are not finite")


def _check_query(model: Model, settings: Settings) -> None:
    taught = np.concatenate([model.means[list(model.numbers.values())], model.kept])
    try:
        found = query(settings, model, taught, seeded=True)
    except DECODING_ERRORS as error:
        raise damaged_state(f"it cannot be queried ({type(error).__name__}: {error})") from error
    if not np.isfinite(found.similarities).all():
        raise damaged_state("similarities are not finite")


def _check_cells(cells: Cells, device: Device, now_s: float) -> None:
    if {getattr(cells, f.name).shape for f in fields(cells)} != {cells.shape}:
        raise damaged_state("cells are not all of one shape")
    most = OVERSHOOT * device.full_scale_us
    if not ((cells.conductance_us >= 0) & (cells.conductance_us <= most)).all():
        raise damaged_state(f"conductances are not within 0..{most:g} µS, the range of {type(device).__name__}")
    largest = LARGEST_NORMAL if device.relaxes else LARGEST_DRIFT
    if not (np.abs(cells.drift) <= largest).all():
        raise damaged_state(f"drift is not within -{largest:g}..{largest:g}, the range of {type(device).__name__}")
    if not (cells.programmed_s <= now_s).all():
        raise damaged_state(f"cells were programmed after {now_s:g} s, the time of the memory")
