"""A user's own files with a class each: a folder with one sub-folder per class, and files in it at any depth.

The class is the name of the folder at the top, in the composed Unicode form (NFC), so that folders from different
systems name one class. Names that differ in case or spaces alone stay apart, since A and a may be two classes.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from PIL import Image

from insitu.core import InsituError
from insitu.data.folder import is_system_folder

SOUNDS, NUMBERS = frozenset({".wav", ".wave"}), frozenset({".csv", ".npy"})
SHOWN = 3  # names in a note
LINE_CONTROLS = ("Cc", "Zl", "Zp")  # categories of characters that control a terminal or break a line


@dataclass(frozen=True)
class LabelledFolder:
    """The files of each class, in the order of names, and what was noticed, one line each."""

    classes: dict[str, list[Path]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read(root: Path, kind: str) -> LabelledFolder:
    """Return the files of ``kind`` (images, sounds, vectors, series) below the sub-folders of ``root``.

    Hidden files and folders, and those that systems make, are left out. Raises ``InsituError`` where there is no class.
    """
    if not root.is_dir():
        raise InsituError(f"{root} is not a folder; give a folder with one sub-folder of {kind} per class")
    classes: dict[str, list[Path]] = {}
    spelled: dict[str, list[str]] = {}
    empty, strange = [], list[Path]()
    for entry in _entries(root):
        if not entry.is_dir():
            strange.append(entry)
            continue
        found = list(_files(entry))
        fitting = [file for file in found if is_kind(file, kind)]
        strange += [file for file in found if not is_kind(file, kind)]
        if fitting:
            name = as_label(entry.name)
            spelled.setdefault(name, []).append(entry.name)
            classes.setdefault(name, []).extend(fitting)
        else:
            empty.append(entry.name)
    if not classes:
        raise InsituError(f"{root} has no sub-folder with files of {kind}; make one per class, named after it")
    notes = [f"{name}: {len(known)} folders of that name are one class" for name, known in _several(spelled)]
    notes += [
        f"{' and '.join(names)} differ in case or spaces alone and are {len(names)} classes; rename a folder if they "
        "are one"
        for _, names in _several(_alike(classes))
    ]
    notes += [f"left out {_some(empty)}: no file of {kind} in it"] * bool(empty)
    if strange:
        names = _some([str(file.relative_to(root)) for file in strange])
        notes.append(f"left out {names}: not in a folder of a class, or no file of {kind}")
    lone = [name for name, files in classes.items() if len(files) == 1]
    notes += [f"one file alone in {_some(lone)}: more examples would make it more certain"] * bool(lone)
    return LabelledFolder(classes, notes)


def files(folder: Path, kind: str) -> list[Path]:
    """Return the files of ``kind`` in a folder at any depth; raise ``InsituError`` where there is none."""
    found = [file for file in _files(folder) if is_kind(file, kind)]
    if not found:
        raise InsituError(f"{folder} holds no file of {kind}; give another folder")
    return found


def expanded(paths: Iterable[Path], kind: str) -> list[Path]:
    """Return files, and for a folder the files of ``kind`` in it; raise ``InsituError`` where there is none."""
    return [file for path in paths for file in (files(path, kind) if path.is_dir() else [path])]


def as_label(name: str) -> str:
    """Return the name of a new class in composed Unicode form; raise ``InsituError`` where it names none."""
    label = composed(name)
    if not label.strip():
        raise InsituError(f"{label!r} is no name of a class, since it is blank; give another name")
    if odd := next((c for c in label if unicodedata.category(c) in LINE_CONTROLS), None):
        raise InsituError(f"{label!r} is no name of a class, since it has a control character, {odd!r}; rename it")
    return label


def composed(name: str) -> str:
    """Return a name in composed Unicode form, even where the locale is ASCII."""
    try:
        return unicodedata.normalize("NFC", os.fsencode(name).decode())
    except UnicodeError as error:
        raise InsituError(f"{name!r} is no name of a class, since it is not UTF-8; rename it") from error


def is_kind(file: Path, kind: str) -> bool:
    """Return whether the name of a file ends like one of ``kind``."""
    suffix = file.suffix.lower()
    known = {"images": _pictures(), "sounds": SOUNDS}.get(kind, NUMBERS)
    return suffix in known


@cache
def _pictures() -> frozenset[str]:
    Image.init()  # else Pillow does not know all formats yet
    return frozenset(suffix for suffix, name in Image.registered_extensions().items() if name in Image.OPEN)


def _files(folder: Path) -> Iterator[Path]:
    for entry in _entries(folder):
        if entry.is_dir():
            yield from _files(entry)
        else:
            yield entry


def _entries(folder: Path) -> list[Path]:
    """Return what a folder holds but for links to folders, which may lead back, and what is hidden."""
    try:
        found = sorted(folder.iterdir())
    except OSError as error:
        raise InsituError(f"{folder} cannot be read: {error.strerror}; check its permissions") from error
    return [entry for entry in found if not is_system_folder(entry) and not (entry.is_symlink() and entry.is_dir())]


def _alike(classes: dict[str, list[Path]]) -> dict[str, list[str]]:
    out: dict[str, list[str]] = {}
    for name in classes:
        out.setdefault("".join(unicodedata.normalize("NFKC", name).casefold().split()), []).append(name)
    return out


def _several(given: dict[str, list[str]]) -> list[tuple[str, list[str]]]:
    return [(name, known) for name, known in given.items() if len(known) > 1]


def _some(names: list[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(map(repr, names[:SHOWN])) + (f" and {more} more" if more > 0 else "")
