"""Name your own photos, sounds or numbers by a memory: label and confidence of each.

usage: insitu predict PATH FILE ... [--unknown NAME|none] [--unknown-rate 0.05] [--encoder FILE] [--json]

PATH is the file of the memory, which knows its encoder: --encoder only says where a file such as an ONNX model is now,
if it has moved since; another encoder is refused. A FILE that is a folder stands for the files in it. A line per
item: the most similar class, its probability, and the item. An item that is less familiar than --unknown-rate of the
known examples is answered 'unknown', or the NAME given, with its familiarity in place of the probability; 'none' always
answers a class. Where classes are numbers, or one is called 'unknown', this is off unless NAME is given (--unknown -1).

--json prints an object per line: item, label, confidence (the probability of the likeliest class), familiarity, and
the probabilities of the likeliest classes. Items that cannot be read are listed, the rest goes on, and the exit code is
1.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from insitu.cli import memory_paths
from insitu.cli.text import printable
from insitu.core import InsituError, named_encoder

if TYPE_CHECKING:
    from insitu.encoders.own_items import Failure, Item
    from insitu.memory import Memory
    from insitu.memory.labels import Label

LIKELIEST = 5  # classes whose probabilities are printed
UNKNOWN = "unknown"
NEED_VALUES = ("--unknown", "--unknown-rate", "--encoder")


@dataclass(frozen=True)
class Options:
    """Options of predicting."""

    unknown: str | None = None  # answer for what is unlike anything taught; 'none': always a class
    unknown_rate: float = 0.05  # share of known examples that are answered as unknown, above 0 and below 1
    encoder: str | None = None  # where the file of the memory's encoder is now; not needed unless it has moved
    json: bool = False  # print one JSON object per line

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of the memory that are given."""
        return {} if self.encoder is None else {"encoder": named_encoder(self.encoder)}


def main(args: list[str]) -> int:
    """Predict the items in the files after the first."""
    from insitu.cli import flags

    files, rest = flags.parted(args, NEED_VALUES, prog="insitu predict")
    options, _ = flags.parse(Options(), rest, prog="insitu predict")
    if len(files) < 2:
        raise InsituError("predict takes the PATH of a memory and at least one FILE; see 'insitu predict --help'")
    memory_paths.refuse_folder(Path(files[0]))
    from insitu.memory import Memory
    from insitu.memory.storage.parameters import check_encoder_file

    given = {"unknown_rate": options.unknown_rate, **options.parameters()}
    with Memory.open(files[0], readonly=True, **given) as memory:
        check_encoder_file(Path(files[0]), memory.settings.encoder)
        if not len(getattr(memory, "classes_", ())):
            raise InsituError(f"{files[0]} holds no class; teach it first: insitu teach {files[0]} FOLDER")
        memory.unknown = _unknown(memory.classes_.tolist(), options.unknown)
        items, failed = _items(memory, [Path(file) for file in files[1:]])
        for each in failed:
            _print({"item": each.name, "error": each.error}, options.json)
        for item in items:
            _print(_predicted(memory, item), options.json)
    return 1 if failed else 0


def _unknown(classes: list[Label], name: str | None) -> Label | None:
    """Return the answer to unfamiliar items, of the kind of the classes, or None where there is none."""
    kind = type(classes[0])
    if name is None:
        return UNKNOWN if kind is str and UNKNOWN not in classes else None
    if name.lower() == "none":
        return None
    try:
        return kind(name)
    except ValueError as error:
        raise InsituError(f"the classes of this memory are numbers, so --unknown is one too; got {name!r}") from error


def _items(memory: Memory, given: list[Path]) -> tuple[list[Item], list[Failure]]:
    """Return the items in files and folders that can be encoded, and the others."""
    from insitu.cli import item_progress
    from insitu.data.files import labelled_folder
    from insitu.encoders import own_items
    from insitu.encoders.own_items import Failure

    kind, files, empty = memory.settings.kind, list[Path](), list[Failure]()
    for path in given:
        try:
            files += labelled_folder.files(path, kind) if path.is_dir() else [path]
        except InsituError as error:
            empty.append(Failure(str(path), str(error).removeprefix(f"{path} ")))
    read, failed = own_items.read(files, kind)
    items = [item for own in read for item in own]
    with item_progress.shown("encoding") as progress, own_items.watched(progress):
        features = memory.vector_length
        _, places, more = own_items.encode(items, memory.settings.encoder, features)
    return [items[place] for place in places], [*empty, *failed, *more]


def _predicted(memory: Memory, item: Item) -> dict[str, Any]:
    """Return the prediction of one item; by itself, so that it does not depend on the others."""
    result = memory.query([item.given], familiarity=True)
    assert result.familiarity is not None
    shares = dict(zip(memory.classes_.tolist(), result.probabilities[0].tolist(), strict=True))
    likeliest = sorted(shares, key=lambda label: -shares[label])[:LIKELIEST]
    return {
        "item": item.name,
        "label": result.predictions.tolist()[0],
        "confidence": round(shares[likeliest[0]], 4),
        "familiarity": round(float(result.familiarity[0]), 4),
        "probabilities": {str(each): round(shares[each], 4) for each in likeliest},
    }


def _print(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
    elif "error" in found:
        print(f"insitu: {printable(found['item'])}: {printable(found['error'])}", file=sys.stderr)
    else:
        known = str(found["label"]) in found["probabilities"]
        share = f"{100 * found['confidence']:.0f} %" if known else f"familiarity {100 * found['familiarity']:.1f} %"
        print(f"{printable(found['label'])}\t{share}\t{printable(found['item'])}")
