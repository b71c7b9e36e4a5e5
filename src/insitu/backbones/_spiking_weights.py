"""Meta-trained spiking networks on disk: a safetensors file in float16 and a JSON card."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load_file
from safetensors.torch import save as packed
from torch import Tensor

from insitu.backbones.spiking import NAMES, Spiking
from insitu.core import InsituError, read_text, write_text, write_whole


def save(stem: Path, record: Spiking, weights: dict[str, Tensor], card: dict[str, Any]) -> None:
    """Write ``stem``.safetensors with the weights of ``NAMES``, and ``stem``.json."""
    short = {name: weights[name].detach().half().contiguous() for name in NAMES}
    if odd := [name for name, value in short.items() if not torch.isfinite(value).all()]:
        raise InsituError(f"{odd[0]} holds NaN or what float16 cannot; nothing was written; train anew with less rate")
    write_whole(stem.with_suffix(".safetensors"), lambda path: path.write_bytes(packed(short)))
    card = {"architecture": "spiking", "record": asdict(record), **card}
    write_text(stem.with_suffix(".json"), json.dumps(card, indent=2) + "\n")


def load(stem: Path) -> tuple[Spiking, dict[str, Tensor], dict[str, Any]]:
    """Return the sizes, the weights of ``NAMES`` in float32, and the card; refuse what is damaged or does not fit."""
    try:
        card = json.loads(read_text(stem.with_suffix(".json")))
        weights = {name: value.float() for name, value in load_file(stem.with_suffix(".safetensors")).items()}
        record = Spiking(**card["record"])
    except (OSError, ValueError, KeyError, TypeError, safetensors.SafetensorError) as error:
        raise InsituError(
            f"{stem} is not a whole set of meta-trained weights ({error}); give both {stem.name}.safetensors and .json"
        ) from error
    expected = {name: tuple(value.shape) for name, value in record.build().state_dict().items()}
    given = {name: tuple(value.shape) for name, value in weights.items()}
    if odd := sorted(name for name in expected.keys() | given.keys() if expected.get(name) != given.get(name)):
        raise InsituError(
            f"{stem.name}.safetensors holds another shape than {record}: {odd[0]} is {given.get(odd[0], 'missing')}, "
            f"expected {expected.get(odd[0], 'nothing')}; use the card that belongs to the weights"
        )
    return record, weights, card
