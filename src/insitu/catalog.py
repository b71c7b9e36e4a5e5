"""Finds parts by file name, without importing them: adding a part is adding one file.

A part is a file of a room that defines a class of the file's own name (``pcm_joshi2020.py``: ``PcmJoshi2020``), or a
ready record: ``EXPERIMENT`` among the experiments, ``JOB`` among the trainings. Files are read as source text, so a
list does not import torch. Rooms are folders of this package and of every folder that ``INSITU_PARTS`` names.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import os
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from insitu.core import InsituError, read_text

ROOMS = ("experiments", "scenarios", "learners", "substrates", "devices", "backbones", "encoders", "training", "data")
RECORDS = {"experiments": "EXPERIMENT", "training": "JOB"}  # constants that make a file a part
ROOTS = [Path(__file__).parent]  # tests add a folder of fakes
MANY = 40  # names that are too many for an error
OWN = "INSITU_PARTS"  # folders with parts of the user's own, one sub-folder per room


@dataclass(frozen=True)
class Part:
    """One file of a room: its public name has dashes; ``symbol`` is what the file defines."""

    room: str
    name: str
    path: Path
    symbol: str
    summary: str  # first line of the file's docstring

    @property
    def module(self) -> str:
        """Name to import the file by."""
        return f"insitu.{self.room}.{self.path.stem}"


def own_roots() -> list[Path]:
    """Return the folders that ``INSITU_PARTS`` names; raise ``InsituError`` for one that is not there."""
    given = [Path(each).expanduser().resolve() for each in os.environ.get(OWN, "").split(os.pathsep) if each]
    for folder in given:
        if not any((folder / room).is_dir() for room in ROOMS):
            raise InsituError(
                f"{OWN} names {folder}, which has no folder called {', '.join(ROOMS[:-1])} or {ROOMS[-1]}"
            )
    return given


def parts(room: str | None = None) -> list[Part]:
    """Return the parts of ``room``, or of every room, in the order of rooms and names."""
    if room is not None and room not in ROOMS:
        raise InsituError(f"no room called {room!r}; {_hint(room, list(ROOMS))}")
    found, roots = [], [*ROOTS, *own_roots()]
    for each in ROOMS if room is None else (room,):
        files = sorted((f for root in roots for f in (root / each).glob("[!_]*.py")), key=lambda file: file.stem)
        here = [part for file in files if (part := _part(each, file, file.stat().st_mtime_ns))]
        for one, other in pairwise(here):
            if one.name == other.name:
                raise InsituError(f"{one.path} and {other.path} define {one.name!r} both; rename one of them")
        found += here
    return found


def find(name: str, room: str | None = None) -> Part:
    """Return the part called ``name``, with dashes or underscores; ``room/name`` where two rooms share a name.

    Raises ``InsituError`` with the closest names where there is none.
    """
    given = name
    if room is None and "/" in name:
        room, name = name.split("/", 1)
    known = parts(room)
    hits = [part for part in known if part.name == dashed(name)]
    if not hits:
        stem = dashed(name).replace("-", "_")
        for file in (root / each / f"{stem}.py" for root in own_roots() for each in ROOMS):
            if file.is_file() and room in (None, file.parent.name):
                wanted = "".join(word.capitalize() for word in stem.split("_"))
                raise InsituError(f"{file} defines no {RECORDS.get(file.parent.name, f'class {wanted}')}; name it so")
        where = f"the room {room}" if room else "any room"
        raise InsituError(f"nothing called {given!r} in {where}; {_hint(dashed(name), [p.name for p in known])}")
    if len(hits) > 1:
        raise InsituError(f"{given!r} is in several rooms; give {' or '.join(f'{p.room}/{p.name}' for p in hits)}")
    return hits[0]


def load(part: Part) -> Any:
    """Import the part's file and return the class it defines, or its ready record."""
    folders = [root / room for root in own_roots() for room in ROOMS if (root / room).is_dir()]
    for folder in (part.path.parent, *folders):  # an own part may import those of the other rooms
        package = importlib.import_module(f"insitu.{folder.name}")
        if str(folder) not in package.__path__:
            package.__path__.append(str(folder))
    if part.path.parent.parent in own_roots():
        return _own(part)
    return getattr(importlib.import_module(part.module), part.symbol)


def _own(part: Part) -> Any:
    """Import a part of the user's own; whatever goes wrong in its file is one line that names it."""
    try:
        kind = getattr(importlib.import_module(part.module), part.symbol)
    except Exception as error:
        message = f"{type(error).__name__}: {error}"
        raise InsituError(f"{part.path} cannot be imported ({message}); fix the file or remove it") from error
    if inspect.isclass(kind):
        wanted = importlib.import_module(f"insitu.{part.room}")
        bases = [each for each in vars(wanted).values() if inspect.isclass(each) and inspect.isabstract(each)]
        if bases and not issubclass(kind, tuple(bases)):
            names = " or ".join(each.__name__ for each in bases)
            raise InsituError(f"{part.symbol} in {part.path} is not a {names}; derive it from {names}")
        if missing := sorted(getattr(kind, "__abstractmethods__", ())):
            raise InsituError(f"{part.symbol} in {part.path} lacks {', '.join(missing)}; add what is missing")
    return kind


def part_of(kind: type) -> Part | None:
    """Return the part that defines the class ``kind``, or None for a class that is not a part."""
    pieces = kind.__module__.split(".")
    if len(pieces) != 3 or pieces[0] != "insitu" or pieces[1] not in ROOMS:
        return None
    return next((part for part in parts(pieces[1]) if part.symbol == kind.__name__), None)


def dashed(name: str) -> str:
    """Return a name with dashes, as it is shown."""
    return name.strip().lower().replace("_", "-").removesuffix(".py")


def suggest(given: str, allowed: list[str]) -> str:
    """Return close matches of ``given`` as a question, or '' where nothing is close."""
    close = get_close_matches(given, allowed, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(close)}?" if close else ""


def _hint(given: str, allowed: list[str]) -> str:
    if close := suggest(given, allowed):
        return close
    names = ", ".join(allowed) or "none"
    return f"there are: {names}; see 'insitu list'" if len(allowed) <= MANY else "see 'insitu list'"


@lru_cache(maxsize=1000)
def _part(room: str, file: Path, changed_ns: int) -> Part | None:
    try:
        tree = ast.parse(read_text(file))
    except (OSError, SyntaxError, ValueError) as error:
        raise InsituError(f"{file} cannot be read: {error}; fix or remove the file") from error
    symbol = _symbol(room, file.stem, tree)
    summary = (ast.get_docstring(tree) or "").split("\n", 1)[0]
    return Part(room, dashed(file.stem), file, symbol, summary) if symbol else None


def _symbol(room: str, stem: str, tree: ast.Module) -> str | None:
    if (record := RECORDS.get(room)) in assigned(tree):
        return record
    wanted = stem.replace("_", "").lower()
    classes = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    return next((name for name in classes if name.lower() == wanted), None)


def assigned(tree: ast.Module) -> dict[str, ast.expr]:
    """Return the module's top-level names that are assigned a value, with that value."""
    out: dict[str, ast.expr] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            out |= {target.id: node.value for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            out[node.target.id] = node.value
    return out
