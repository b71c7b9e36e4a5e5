"""Trained backbones on disk: one safetensors file and one JSON card for any class of the room.

The card names the class (``architecture``), its fields (``record``) and how the weights were trained. The safetensors
file holds what the class's ``storage`` packs, with meta-trained weights also ``head`` (ways, features). Its metadata
hold a digest of architecture, record and tensors, which files of version 0.1 have for binary networks only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import safetensors
import torch
from safetensors.torch import load as unpacked
from safetensors.torch import save as packed
from torch import Tensor, nn

from insitu import catalog
from insitu.backbones import Backbone
from insitu.core import InsituError, read_text, write_text, write_whole

HEAD = "head"
# what reading a card that is damaged, or is none, can raise
DAMAGE = (OSError, ValueError, LookupError, TypeError, AttributeError, safetensors.SafetensorError)


class Stored(NamedTuple):
    """What the two files hold: the network in eval mode, or frozen, its card, and the head where there is one."""

    network: Any
    card: dict[str, Any]
    head: Tensor | None


def save(stem: Path, network: nn.Module, card: dict[str, Any], head: Tensor | None = None) -> None:
    """Write ``stem``.safetensors and ``stem``.json; ``card`` says how the weights were trained."""
    record: Any = network.record
    part = catalog.part_of(type(record))
    if part is None:
        raise InsituError(f"{type(record).__name__} is no backbone of the room; add it as a file of its own name")
    tensors = record.storage.pack(network) | ({} if head is None else {HEAD: head.detach().float().contiguous()})
    if odd := [name for name, value in tensors.items() if not torch.isfinite(value).all()]:
        raise InsituError(
            f"{odd[0]} is not finite as {tensors[odd[0]].dtype}; nothing was written: train again with a lower rate"
        )
    card = {"architecture": part.path.stem, "record": asdict(record), **card}
    data = packed(tensors, {"digest": _digest(card, tensors)})
    write_whole(stem.with_suffix(".safetensors"), lambda path: path.write_bytes(data))
    write_text(stem.with_suffix(".json"), json.dumps(card, indent=2) + "\n")


def load(stem: Path) -> Stored:
    """Return what is stored at ``stem``, the network of the class and the sizes that the card names.

    Raises ``InsituError`` where a file is missing or damaged, or the weights are not those of the card.
    """
    file = stem.with_suffix(".safetensors")
    record, card = read_card(stem)
    try:
        tensors = unpacked(file.read_bytes())
        with safetensors.safe_open(file, "pt") as opened:
            metadata = opened.metadata()
    except DAMAGE as error:
        raise _incomplete(stem, error) from error
    if metadata is not None and metadata.get("digest") != _digest(card, tensors):
        raise InsituError(
            f"{file.name} is damaged or belongs to another card: its checksum is not that of its tensors and {record}; "
            "get both files again"
        )
    head = tensors.pop(HEAD, None)
    try:
        present = {_present_name(record, name): value for name, value in tensors.items()}
        network = record.storage.unpack(record, present)
    except (ValueError, LookupError, RuntimeError) as error:
        raise InsituError(
            f"{file.name} holds another architecture than {record}: {' '.join(str(error).split())}; "
            "use the card that belongs to the weights"
        ) from error
    return Stored(network, card, head)


def read_card(stem: Path) -> tuple[Backbone, dict[str, Any]]:
    """Return the record that the card of ``stem`` describes, and the card; no weights are read."""
    try:
        card = json.loads(read_text(stem.with_suffix(".json")))
        name, fields = str(card["architecture"]), dict(card["record"])
    except DAMAGE as error:
        raise _incomplete(stem, error) from error
    try:
        kind = catalog.load(catalog.find(name, "backbones"))
    except InsituError as error:
        raise InsituError(f"{stem.name}.json names an unknown architecture: {error}") from error
    try:
        return kind(**{kind.former_names.get(key, key): _frozen_value(value) for key, value in fields.items()}), card
    except (TypeError, AttributeError) as error:
        raise _incomplete(stem, error) from error


def fingerprint(stem: Path) -> str:
    """Return a short hash of the stored weights, for the names of cached encodings."""
    return hashlib.blake2b(stem.with_suffix(".safetensors").read_bytes(), digest_size=6).hexdigest()


def _incomplete(stem: Path, error: Exception) -> InsituError:
    why = " ".join(str(error).split())
    return InsituError(f"{stem} is not a complete backbone ({why}); provide both {stem.name}.safetensors and .json")


def _frozen_value(value: Any) -> Any:
    """Return a field's value as a hashable record holds it: JSON has no tuples."""
    return tuple(value) if isinstance(value, list) else value


def _present_name(record: Backbone, name: str) -> str:
    first, dot, rest = name.partition(".")
    return record.former_names.get(first, first) + dot + rest


def _digest(card: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """Return a hash of architecture, record and tensors: of all that the outputs depend on."""
    out = hashlib.blake2b(json.dumps([card.get("architecture"), card.get("record")]).encode(), digest_size=16)
    for key in sorted(tensors):
        value = tensors[key]
        out.update(f"{key} {value.dtype} {tuple(value.shape)}".encode())
        out.update(value.numpy().tobytes())
    return out.hexdigest()
