"""Whether a state could be that of a memory at all: shapes that fit together, finite numbers, conductances in range."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from insitu.core import InsituError, generator
from insitu.devices import Cells, Device
from insitu.learners.explicit_memory import FREE, State
from insitu.memory._nouns import KEPT, Model
from insitu.memory._settings import Settings
from insitu.memory._space import Space

SPREAD = 2.0  # times full scale: programming misses its target by a few percent, never by as much as that


def check_model(model: Model, settings: Settings) -> None:
    """Raise ``InsituError`` where a memory with these settings cannot be in such a state."""
    _check_classes(model)
    if model.numbers and (model.space is None or model.state is None):
        raise _wrong("there are classes, but no array that holds them")
    if model.space is not None:
        _check_space(model, model.space, settings.dim)
    if model.state is not None:
        _check_state(model, model.state, settings)
    if model.numbers:
        known = np.array(list(model.numbers.values()))
        try:
            scores = settings.verbs().scores(model, model.means[known], generator(0, "soundness"))
        except (ValueError, TypeError, IndexError, KeyError, RuntimeError, AttributeError) as error:
            raise _wrong(f"it cannot be queried ({type(error).__name__}: {error})") from error
        if not bool(scores.isfinite().all()):
            raise _wrong("similarities are not finite")


def _check_classes(model: Model) -> None:
    known, numbers = list(model.numbers.values()), len(model.counts)
    shapes = {
        "counts": (model.counts, (numbers,)),
        "kept examples": (model.kept, (len(model.kept), model.features)),
        "classes of kept examples": (model.kept_numbers, (len(model.kept),)),
    }
    if numbers:
        shapes["means"] = (model.means, (numbers, model.features))
    _check_arrays({name: pair for name, pair in shapes.items() if pair[0].size})
    if len({type(label) for label in model.numbers}) > 1 or any(label != label for label in model.numbers):
        raise _wrong("labels are not all of one kind")
    if len(set(known)) != len(known) or not set(known) <= set(range(numbers)):
        raise _wrong("numbers of classes are not their own")
    if (model.counts < 0).any() or (np.flatnonzero(model.counts).tolist() != sorted(known)):
        raise _wrong("examples are counted for other classes than there are")
    if len(model.kept) > KEPT or not set(model.kept_numbers.tolist()) <= set(known):
        raise _wrong("examples are kept of classes that there are not")
    if not (0 <= model.now_s < np.inf and model.events > 0 and model.features > 0):
        raise _wrong("time, events and features are not above 0")


def _check_space(model: Model, space: Space, dim: int) -> None:
    projection, features = space.projection, len(space.shift)
    _check_arrays(
        {
            "shift": (space.shift, (features,)),
            "scale": (space.scale, (features,)),
            "weight": (projection.weight.numpy(), (dim, features)),
            "bias": (projection.bias.numpy(), (dim,)),
            "centre": (projection.centre.numpy(), (dim,)),
            "probes": (space.probes.numpy(), (len(space.probes), features)),
            "cohort": (space.cohort.numpy(), (len(space.cohort), features)),
        }
    )
    if features != model.features or not (space.scale > 0).all():
        raise _wrong("the space is not that of its vectors")
    if not (0 < space.sharpness < np.inf and 0 <= projection.scatter < np.inf and space.seen >= 0):
        raise _wrong("sharpness and scatter are not above 0")


def _check_state(model: Model, state: State, settings: Settings) -> None:
    columns = len(state.labels)
    _check_arrays(
        {
            "labels": (state.labels.numpy(), (columns,)),
            "shots": (state.shots.numpy(), (columns,)),
            "activations": (state.activations.numpy(), (columns, model.features)),
            "sums": (state.sums.numpy(), (columns, settings.dim)),
            "slope": (state.slope.numpy(), (columns,)),
            "offset": (state.offset.numpy(), (columns,)),
        }
    )
    held = [label for label in state.labels.tolist() if label != FREE]
    if sorted(held) != sorted(model.numbers.values()):
        raise _wrong("columns hold other classes than there are")
    try:
        outputs = settings.substrate.outputs(state.held)
    except (AttributeError, TypeError) as error:
        raise _wrong(f"the array is not that of its substrate ({error})") from error
    if outputs != columns:
        raise _wrong(f"{outputs} columns are held, but {columns} have a label")
    device = getattr(settings.substrate, "device", None)
    for record in _records_in(state.held):
        if isinstance(record, Cells) and isinstance(device, Device):
            _check_cells(record, device, model.now_s)
        for name, value in vars(record).items():
            for each in value if isinstance(value, tuple) else (value,):
                array = each.numpy() if isinstance(each, Tensor) else each
                if isinstance(array, np.ndarray) and array.dtype.kind == "f" and not np.isfinite(array).all():
                    raise _wrong(f"{name} of the array are not finite")


def _check_cells(cells: Cells, device: Device, now_s: float) -> None:
    _check_arrays({f.name: (getattr(cells, f.name), cells.shape) for f in fields(cells)})
    most = SPREAD * device.full_scale_us
    if not ((cells.conductance_us >= 0) & (cells.conductance_us <= most)).all():
        raise _wrong(f"conductances are not within 0..{most:g} µS, which is as far as {type(device).__name__} goes")
    if not (cells.programmed_s <= now_s).all():
        raise _wrong(f"cells were written after {now_s:g} s, the time of the memory")


def _check_arrays(arrays: dict[str, tuple[NDArray[Any], tuple[int, ...]]]) -> None:
    for name, (array, shape) in arrays.items():
        if array.shape != shape:
            raise _wrong(f"{name} are of shape {array.shape}, not {shape}")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise _wrong(f"{name} are not finite")


def _records_in(value: object) -> Iterator[object]:
    if is_dataclass(value):
        yield value
        for inner in vars(value).values():
            yield from _records_in(inner)
    elif isinstance(value, tuple | list):
        for inner in value:
            yield from _records_in(inner)


def _wrong(what: str) -> InsituError:
    return InsituError(f"the state is damaged: {what}; restore a copy, or import with --replay")
