"""Actions of 'insitu memory' that correct what a memory was taught, and the list of its examples."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from insitu.cli.text import as_utf8, printable
from insitu.core import InsituError

SHOWN = 20  # classes
Report = tuple[str, dict[str, Any]]  # what is printed, and what --json prints


def undo(path: Path) -> Report:
    """Take back the last change."""

    def act(memory: Any) -> Report:
        change = memory.last_change()
        memory.undo()
        what = f"{change.kind} of {', '.join(map(printable, dict.fromkeys(change.labels)))}"
        undone = {name: getattr(change, name) for name in ("kind", "labels", "at", "who")}
        return f"undone   {what}, by {printable(change.who)} at {change.at}", {"undone": undone}

    return _change(path, act)


def rename(path: Path, old: str, new: str) -> Report:
    """Call a class by another name."""

    def act(memory: Any) -> Report:
        label, name = _find(path, memory, old), _new_label(memory, new)
        memory.rename(label, name)
        return f"renamed  {printable(label)} to {printable(name)}", {"renamed": [label, name]}

    return _change(path, act)


def relabel(path: Path, example: str, new: str) -> Report:
    """Move an example to another class."""

    def act(memory: Any) -> Report:
        number, name = _example_id(example), _new_label(memory, new)
        _check_examples(path, memory, [number])
        memory.relabel(number, name)
        return f"moved    example {number} to {printable(name)}", {"relabelled": [number, name]}

    return _change(path, act)


def remove(path: Path, examples: list[str]) -> Report:
    """Take examples out of their classes."""

    def act(memory: Any) -> Report:
        numbers = list(dict.fromkeys(_example_id(example) for example in examples))
        _check_examples(path, memory, numbers)
        for number in numbers:
            memory.remove_example(number)
        return f"removed  example {', '.join(map(str, numbers))}", {"removed": numbers}

    return _change(path, act)


def forget(path: Path, names: list[str]) -> Report:
    """RESET the columns of classes."""

    def act(memory: Any) -> Report:
        labels = [_find(path, memory, name) for name in dict.fromkeys(names)]
        for label in labels:
            memory.forget(label)
        return "\n".join(f"forgotten  {printable(label)}" for label in labels), {"forgotten": labels}

    return _change(path, act)


def examples(path: Path, label: str | None) -> Report:
    """List the examples of one class, or of all."""
    with _open(path, readonly=True) as memory:
        fitted = hasattr(memory, "classes_")
        wanted = None if label is None else _find(path, memory, label)
        found = memory.examples(wanted) if fitted else []
    lines = [
        f"{each.id:6}  {printable(each.label)}, by {printable(each.who)} at {each.at}"
        + ("" if each.stored else ", without its input")
        for each in found
    ]
    names = ("id", "label", "at", "who", "stored")
    content = [{name: getattr(each, name) for name in names} for each in found]
    return "\n".join(lines) or "no examples", {"examples": content}


def show(report: Report, as_json: bool) -> None:
    """Print a report."""
    print(json.dumps(report[1], ensure_ascii=False, indent=2) if as_json else report[0])


def _change(path: Path, act: Callable[[Any], Report]) -> Report:
    """Return the report of a change, with the classes after it and what it spent."""
    with _open(path) as memory:
        if not hasattr(memory, "classes_"):
            raise InsituError(f"{path} was never taught; there is nothing to correct")
        before = memory.cost()
        text, content = act(memory)
        spent = dict((memory.cost() - before).counts)
        pairs = zip(memory.classes_.tolist(), memory.class_count_.tolist(), strict=True)
        classes = [{"label": label, "examples": count} for label, count in pairs]
        content |= {"event": memory.events_, "classes": classes, "spent": spent}
    pulses = ", ".join(f"{spent[name]} {name}" for name in ("reset_pulse", "set_pulse") if spent.get(name))
    return text + (f" ({pulses})" if pulses else ""), content


def _open(path: Path, readonly: bool = False) -> Any:
    from insitu.memory import Memory

    if not path.is_file():
        raise InsituError(f"there is no memory at {path}; give the path of one")
    return Memory.open(path, readonly=readonly)


def _find(path: Path, memory: Any, text: str) -> Any:
    """Return the label of the class called ``text``, which may be a number; spelled exactly so, or in composed form."""
    from insitu.data.files.labelled_folder import composed

    labels = memory.classes_.tolist() if hasattr(memory, "classes_") else []
    known, name = {str(label): label for label in labels}, as_utf8(text)
    found = name if name in known else composed(text)
    if found not in known:
        held = ", ".join(map(printable, list(known)[:SHOWN])) or "no class"
        raise InsituError(f"{path} does not hold {name!r}; it holds {held}{', ...' if len(known) > SHOWN else ''}")
    return known[found]


def _new_label(memory: Any, text: str) -> Any:
    """Return the label called ``text``, of the kind of the memory's other labels, and as one of them is spelled."""
    from insitu.data.files.labelled_folder import as_label

    known = {str(label): label for label in memory.classes_.tolist()}
    if (exact := as_utf8(text)) in known:
        return known[exact]
    name, kind = as_label(text), type(next(iter(known.values()), ""))
    try:
        return {"True": True, "False": False}[name] if kind is bool else kind(name)
    except (KeyError, ValueError):
        raise InsituError(f"labels of this memory are {kind.__name__}; got {name!r}") from None


def _check_examples(path: Path, memory: Any, numbers: list[int]) -> None:
    """Raise ``InsituError`` where the memory has no example of one of these numbers."""
    known = {example.id for example in memory.examples()}
    if missing := [number for number in numbers if number not in known]:
        raise InsituError(f"{path} has no example {missing[0]}; 'insitu memory examples {path}' lists those it has")


def _example_id(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise InsituError(f"an example is given by its number, which 'insitu memory examples' lists; got {text!r}")
    return int(text)
