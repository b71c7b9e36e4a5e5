"""Teach a memory your own photos, sounds or numbers: a folder per class, or files of one class.

usage: insitu teach PATH FOLDER [--encoder NAME|none] [--again] [--json]
       insitu teach PATH --as NAME FILE ... [--encoder NAME|none] [--again] [--json]

PATH is the file of the memory; a new one needs --encoder, which turns items into vectors ('insitu list encoders'; none
for files of vectors), and takes --substrate NAME and --dim ROWS. An existing one knows its encoder: there, --encoder
only says where a file such as an ONNX model is now, if it has moved. FOLDER has a sub-folder per class, named after it;
files in it count at any depth. Pictures, sounds (WAV), or CSV and NPY files: a series each, or a vector per row.

An item that the memory was taught already, under the same name, is not taught again unless --again is given: items are
compared by what the memory keeps of them, whatever their files are called. Items that cannot be read are listed, and
the rest is taught as one event; the exit code is then 1. --json prints one object.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from insitu.cli import memory_paths
from insitu.cli.text import printable
from insitu.core import InsituError, named_encoder

if TYPE_CHECKING:
    from insitu.encoders import Encoder
    from insitu.encoders.own_items import Failure, Item
    from insitu.memory import Memory
    from insitu.memory.labels import Label

SHOWN = 12  # classes
NEED_VALUES = ("--encoder", "--substrate", "--dim")
USAGE = "teach takes PATH FOLDER, or PATH --as NAME FILE ...; see 'insitu teach --help'"


@dataclass(frozen=True)
class Options:
    """Options of teaching."""

    encoder: str | None = None  # encoder of a new memory, none for vectors; of an existing one, where its file is now
    substrate: str | None = None  # substrate of a new memory: name of a substrate or device
    dim: int | None = None  # rows of the array of a new memory, 512 by default
    again: bool = False  # teach items again that the memory was taught already
    json: bool = False  # print one JSON object

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of a memory that are given."""
        given: dict[str, Any] = {"substrate": self.substrate, "dim": self.dim}
        given = {name: value for name, value in given.items() if value is not None}
        if self.encoder is not None:
            given["encoder"] = named_encoder(self.encoder)
        return given


@dataclass(frozen=True)
class Batch:
    """Items to teach, each with its label."""

    labels: list[Label]
    items: list[Item]
    failed: list[Failure]
    notes: list[str]


def main(args: list[str]) -> int:
    """Teach the memory named first the files that follow."""
    from insitu.cli import flags

    path, folder, named, rest = _arguments(args)
    options, _ = flags.parse(Options(), rest, prog="insitu teach")
    if path is None:
        raise InsituError(USAGE)
    memory_paths.refuse_folder(path)
    started = time.monotonic()
    encoder, features = _encoder(path, options)
    batch = _batch(folder, named, "vectors" if encoder is None else encoder.kind)
    batch, rows = _usable(batch, encoder, features)
    from insitu.memory import Memory

    with Memory.open(path, **options.parameters()) as memory:
        taught, skipped, notes = _teach(memory, path, batch, rows, options.again)
        result: dict[str, Any] = {
            "memory": str(path),
            "encoder": memory.settings.identity() or None,
            "taught": {str(label): taught.count(label) for label in dict.fromkeys(taught)},
            "skipped": skipped,
            "unreadable": [{"item": each.name, "error": each.error} for each in batch.failed],
            "notes": [*batch.notes, *notes],
            "classes": len(memory.classes_),
            "seconds": round(time.monotonic() - started, 2),
        }
    print(json.dumps(result, ensure_ascii=False) if options.json else _words(result))
    return 1 if batch.failed else 0


def _arguments(args: list[str]) -> tuple[Path | None, Path | None, list[str] | None, list[str]]:
    """Return the path, the folder, the words after --as, and the flags, which may stand anywhere."""
    positional, rest, named = list[str](), list[str](), None
    place = 0
    while place < len(args):
        word, place = args[place], place + 1
        if word == "--as" or word.startswith("--as="):
            stop = next((k for k in range(place, len(args)) if args[k].startswith("--")), len(args))
            words, place = [*word.split("=", 1)[1:], *args[place:stop]], stop
            if named is not None or len(words) < 2:
                given = "it twice" if named is not None else " ".join(words) or "nothing"
                raise InsituError(f"--as takes the name of a class and its files, once; got {given}")
            named = words
        elif word.startswith("-"):
            value = word in NEED_VALUES and place < len(args)
            rest += args[place - 1 : place + value]
            place += value
        else:
            positional.append(word)
    helped = "--help" in rest or "-h" in rest
    if not helped and len(positional) != (1 if named else 2):
        raise InsituError(f"{USAGE}; got {' '.join(args) or 'nothing'}"[:300])
    path, folder = (Path(word) for word in (*positional, ".", ".")[:2])
    return (path if positional else None), (None if named else folder), named, rest


def _encoder(path: Path, options: Options) -> tuple[Encoder | None, int | None]:
    """Return the encoder of the memory and the number of features that it has; create no file."""
    from insitu.memory import Memory
    from insitu.memory.storage.parameters import check_encoder_file

    if not path.exists() and options.encoder is None:
        raise InsituError(
            f"there is no memory at {path}; to make one, give --encoder NAME ('insitu list encoders'), or none for "
            "files of vectors"
        )
    if not path.exists():
        encoder = Memory(**options.parameters()).settings.encoder
        if encoder is not None:
            encoder.digest()  # raises where its package is missing
        return encoder, None
    with Memory.open(path, readonly=True, **options.parameters()) as memory:
        check_encoder_file(path, memory.settings.encoder)
        return memory.settings.encoder, memory.vector_length


def _batch(folder: Path | None, named: list[str] | None, kind: str) -> Batch:
    from insitu.data.files import labelled_folder
    from insitu.encoders import own_items

    notes: list[str] = []
    if folder is not None:
        found = labelled_folder.read(folder, kind)
        classes, notes = found.classes, found.notes
    else:
        assert named is not None
        classes = {labelled_folder.as_label(named[0]): labelled_folder.expanded(map(Path, named[1:]), kind)}
    files = [(label, file) for label, own in classes.items() for file in own]
    items, failed = own_items.read([file for _, file in files], kind)
    labels: list[Label] = [label for (label, _), own in zip(files, items, strict=True) for _ in own]
    return Batch(labels, [item for own in items for item in own], failed, notes)


def _usable(batch: Batch, encoder: Encoder | None, features: int | None) -> tuple[Batch, NDArray[np.float64]]:
    """Return the batch without what cannot be encoded, and the vectors (n, dim) of the rest."""
    from insitu.cli import item_progress
    from insitu.encoders import own_items

    try:
        with item_progress.shown("encoding") as progress, own_items.watched(progress):
            vectors, places, more = own_items.encode(batch.items, encoder, features)
    except KeyboardInterrupt as stop:
        raise KeyboardInterrupt("nothing was taught; the same command continues where it was stopped") from stop
    failed = [*batch.failed, *more]
    if not places:
        first = f"{failed[0].name}: {failed[0].error}" if failed else "there is no item"
        raise InsituError(f"no item can be used, of {len(failed)}; the first: {first}")
    labels, items = ([given[place] for place in places] for given in (batch.labels, batch.items))
    return Batch(labels, items, failed, batch.notes), vectors  # type: ignore[arg-type]


def _teach(
    memory: Memory, path: Path, batch: Batch, vectors: NDArray[np.float64], again: bool
) -> tuple[list[Label], list[str], list[str]]:
    """Teach what is new, and return its labels, the names of items taught before, and notes."""
    from insitu.memory.storage import maintenance
    from insitu.memory.taught import place_of

    labels = _in_kind(memory, batch.labels)
    known = maintenance.taught_inputs(path)
    given: Any = [item.given for item in batch.items]
    rows: Any = memory.settings.journaled(given) if memory.settings.keeps_images else vectors
    chosen, skipped, notes = list[int](), list[str](), list[str]()
    labelled = {_digest(row): label for label, own in known.items() for row in own}
    for place, (label, row, item) in enumerate(zip(labels, rows, batch.items, strict=True)):
        own = known.setdefault(label, [])
        if not again and place_of(row, own) is not None:
            skipped.append(item.name)
            continue
        if (other := labelled.setdefault(_digest(row), label)) != label:
            notes.append(
                f"{item.name} is the same as an example of {other}, and was taught as {label} too; if one is wrong, "
                f"remove it: 'insitu memory examples {path}' lists examples, 'remove-example' takes one out"
            )
        own.append(row)
        chosen.append(place)
    if chosen:
        held = memory.settings.encoder is None or memory.settings.keeps_images
        # vectors of an encoder are made again by the memory, from the cache
        x: Any = np.asarray(rows)[chosen] if held else [given[place] for place in chosen]
        memory.partial_fit(x, [labels[place] for place in chosen])
    return [labels[place] for place in chosen], skipped, notes


def _digest(row: NDArray[Any]) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(row).tobytes()).digest()


def _in_kind(memory: Memory, labels: list[Label]) -> list[Label]:
    """Return labels in words as those of the memory, whose labels may be numbers or other forms of Unicode."""
    from insitu.data.files.labelled_folder import composed

    known = {composed(str(label)): label for label in getattr(memory, "classes_", np.zeros(0, str)).tolist()}
    kind = type(next(iter(known.values()), ""))
    try:
        return [known[str(label)] if label in known else kind(label) for label in labels]
    except ValueError as error:
        odd = next(label for label in labels if label not in known)
        raise InsituError(f"the classes of this memory are numbers, and {odd!r} is none; rename it") from error


def _words(result: dict[str, Any]) -> str:
    counts = [f"{printable(label)} ({count})" for label, count in result["taught"].items()]
    total = sum(result["taught"].values())
    shown = ", ".join(counts[:SHOWN]) + f", and {len(counts) - SHOWN} more" * (len(counts) > SHOWN)
    for note in result["notes"]:
        print(f"note    {printable(note)}", file=sys.stderr)
    for each in result["unreadable"]:
        print(f"unread  {printable(each['item'])}: {printable(each['error'])}", file=sys.stderr)
    lines = [f"taught  {total} example{'s' * (total != 1)}{': ' if counts else ''}{shown}"]
    if result["skipped"]:
        lines.append(f"known   {len(result['skipped'])} taught before and not again; --again teaches them once more")
    count = result["classes"]
    lines.append(f"memory  {result['memory']}, {count} class{'es' * (count != 1)}, {result['seconds']:.1f} s")
    return "\n".join(lines)
