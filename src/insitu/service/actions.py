"""What can be done to a memory over HTTP: teach, forget, look ahead; each returns JSON, and what is told of it."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from insitu.ledger import Ledger
from insitu.memory import Memory
from insitu.memory.query import Columns
from insitu.service import responses
from insitu.service.errors import Refusal
from insitu.service.labels import Ambiguous, found, named
from insitu.service.responses import Json


def taught(memory: Memory, names: list[str], x: NDArray[Any], with_cells: bool) -> tuple[Json, list[str]]:
    """Teach examples x (n, ...) with their names; with the devices before and after, where they are wanted.

    Returns the answer, and the classes as they are called now.
    """
    before = responses.now(memory)
    _check_features(memory, x)
    labels = _labels(before, names)
    classes = list(dict.fromkeys(labels))
    held = set(before.classes_.tolist()) if before else set()
    devices: dict[Any, Columns | None] = {}
    if with_cells and before is not None:
        devices = {label: before.columns([label]) for label in classes if label in held}
    memory.partial_fit(x, labels)
    after = memory.later(0)
    out = _event(before, after)
    if with_cells and (columns := after.columns(classes, before)) is not None:
        out["cells"] = [
            responses.written(str(label), devices.get(label), columns, place) for place, label in enumerate(classes)
        ]
    return out, [str(label) for label in classes]


def _labels(before: Memory | None, names: list[str]) -> list[Any]:
    """Return for every name the label of the class that it finds, or a new name."""
    known = before.classes_.tolist() if before else []
    given: dict[str, Any] = {}
    for name in dict.fromkeys(names):
        try:
            label = found(known, name)
            given[name] = named(name) if label is None else label
        except Ambiguous as error:
            raise Refusal(409, str(error)) from None
        except ValueError as error:
            raise Refusal(422, f"label: {error}") from None
    return [given[name] for name in names]


def forgotten(memory: Memory, name: str) -> tuple[Json, list[str]]:
    """RESET a class; return the answer, and what the class was called."""
    before = responses.now(memory)
    label = responses.known(memory, name)
    memory.forget(label)
    return _event(before, memory.later(0)), [str(label)]


def ahead(memory: Memory, seconds: float, x: NDArray[Any] | None, top_k: int) -> Json:
    """Return what the memory would say ``seconds`` from now of the examples it keeps, and of ``x`` (1, ...)."""
    seen = _something(memory)
    _check_features(seen, None if x is None else x)
    then = seen.later(seconds)
    examples, plain = _judged(then, x, top_k)
    columns = then.columns(then.classes_)
    bare = _judged(seen.later(seconds, compensated=False), x, top_k)[1] if responses.compensation(memory) else plain
    return {
        "seconds": seconds,
        "examples": examples,
        "mean_us": None if columns is None else round(float(columns.conductances_us.mean()), 4),
        "with": plain if responses.compensation(memory) else None,
        "without": bare,
    }


def cells(memory: Memory, label: str) -> Json:
    """Return the devices of one class."""
    if not responses.has_cells(memory):
        raise Refusal(404, "what holds this memory has no devices to look at")
    seen = _something(memory)
    known = responses.known(seen, label)
    columns = seen.columns([known])
    assert columns is not None
    sides = responses.cells(columns, 0)
    facts = {"label": str(known), "rows": len(sides["plus_us"]), "now_s": seen.now_s_}
    return facts | sides | {"full_scale_us": columns.full_scale_us}


def told(outcome: Json, labels: list[str]) -> Json:
    """Return what listeners are told of an event."""
    return {
        "event": outcome["event"],
        "labels": labels,
        "classes": len(outcome["classes"]),
        "spent": outcome["spent"],
    }


def checked(memory: Memory, x: NDArray[Any]) -> NDArray[Any]:
    """Return what is asked; raise ``Refusal`` where the memory cannot answer it."""
    _check_features(_something(memory), x)
    return x


def _event(before: Memory | None, after: Memory) -> Json:
    spent = after.cost() - (Ledger() if before is None else before.cost())
    return {
        "event": after.events_,
        "classes": responses.classes(after),
        "spent": dict(spent.counts),
        "energy_nj": responses.energy_nj(spent),
    }


def _judged(memory: Memory, x: NDArray[Any] | None, top_k: int) -> tuple[int, Json]:
    recall, right = memory.rehearse()
    out: Json = {
        "accuracy": round(float((recall.answers == right).mean()), 4),
        "confidence": round(float(recall.probabilities.max(1).mean()), 4),
    }
    if x is not None:
        out["scores"] = responses.answers(memory.recall(x), top_k)[0]
    return len(right), out


def _something(memory: Memory) -> Memory:
    seen = responses.now(memory)
    if seen is None or not len(seen.classes_):
        raise Refusal(409, "the memory holds no class yet; teach it something first")
    return seen


def _check_features(memory: Memory, x: NDArray[Any] | None) -> None:
    features = getattr(memory, "n_features_in_", None)
    if x is not None and features is not None and x.shape[1] != features:
        raise Refusal(422, f"vectors of this memory have {features} numbers; got {x.shape[1]}")
