"""Name your own photos, sounds or numbers by a memory: label and confidence of each.

usage: insitu predict PATH FILE ... [--json]

PATH is the file of the memory, which brings its encoder; a FILE that is a folder stands for the files in it. A line per
item: the most similar class, its probability, and the item. What the memory has never seen is named as its parameter
'unknown' says, where it has one. --json prints an object per line, with the probabilities of the likeliest classes.
Items that cannot be read are listed, the rest goes on, and the exit code is 1.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from insitu.core import InsituError

if TYPE_CHECKING:
    from insitu.encoders.own_items import Failure, Item
    from insitu.memory import Memory

LIKELIEST = 5  # classes whose probabilities are printed


def main(args: list[str]) -> int:
    """Predict the items in the files after the first."""
    words, as_json = [word for word in args if word != "--json"], "--json" in args
    if odd := [word for word in words if word.startswith("--")]:
        raise InsituError(f"predict takes PATH FILE ... and --json; got {odd[0]}; see 'insitu predict --help'")
    if len(words) < 2:
        raise InsituError("predict takes the PATH of a memory and at least one FILE; see 'insitu predict --help'")
    from insitu.memory import Memory

    with Memory.open(words[0], readonly=True) as memory:
        if not len(getattr(memory, "classes_", ())):
            raise InsituError(f"{words[0]} holds no class; teach it first: insitu teach {words[0]} FOLDER")
        items, failed = _items(memory, [Path(word) for word in words[1:]])
        for each in failed:
            _print({"item": each.name, "error": each.error}, as_json)
        for item in items:
            _print(_predicted(memory, item), as_json)
    return 1 if failed else 0


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
        features = getattr(memory, "n_features_in_", None)
        _, places, more = own_items.encode(items, memory.settings.encoder, features)
    return [items[place] for place in places], [*empty, *failed, *more]


def _predicted(memory: Memory, item: Item) -> dict[str, Any]:
    """Return the prediction of one item; by itself, so that it does not depend on the others."""
    result = memory.query([item.given])
    shares = dict(zip(memory.classes_.tolist(), result.probabilities[0].tolist(), strict=True))
    likeliest = sorted(shares, key=lambda label: -shares[label])[:LIKELIEST]
    label = result.predictions.tolist()[0]
    return {
        "item": item.name,
        "label": label,
        "confidence": round(shares.get(label, 0.0), 4),
        "probabilities": {str(each): round(shares[each], 4) for each in likeliest},
    }


def _print(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
    elif "error" in found:
        print(f"insitu: {found['item']}: {found['error']}", file=sys.stderr)
    else:
        print(f"{found['label']}\t{100 * found['confidence']:.0f} %\t{found['item']}")
