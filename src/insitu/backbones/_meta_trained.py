"""Meta-trained weights on disk: a safetensors file with the network and its head, and a JSON card."""

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

from insitu.backbones.conv4 import Conv4, Conv4Module
from insitu.core import InsituError, read_text, write_text, write_whole

HEAD = "head"


def save(stem: Path, network: Conv4Module, head: Tensor, card: dict[str, Any]) -> None:
    weights = {**network.state_dict(), HEAD: head.detach()}
    whole = {name: value.float().contiguous() for name, value in weights.items()}
    write_whole(stem.with_suffix(".safetensors"), lambda path: path.write_bytes(packed(whole)))
    card = {"architecture": "conv4", "record": asdict(network.record), **card}
    write_text(stem.with_suffix(".json"), json.dumps(card, indent=2) + "\n")


def load(stem: Path) -> tuple[Conv4Module, Tensor, dict[str, Any]]:
    """Return the network, its head (ways, features) and the card; refuse files that are damaged or do not fit."""
    try:
        card = json.loads(read_text(stem.with_suffix(".json")))
        weights = load_file(stem.with_suffix(".safetensors"))
        network = Conv4(**card["record"]).build()
        head = weights.pop(HEAD)
    except (OSError, ValueError, KeyError, TypeError, safetensors.SafetensorError) as error:
        raise InsituError(
            f"{stem} is not a whole set of meta-trained weights ({error}); give both {stem.name}.safetensors and .json"
        ) from error
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    given = {name: tuple(value.shape) for name, value in weights.items()}
    if expected != given or head.ndim != 2 or head.shape[1] != network.record.features:
        odd = [name for name in expected.keys() | given.keys() if expected.get(name) != given.get(name)] or [HEAD]
        raise InsituError(
            f"{stem.name}.safetensors holds another shape than {network.record}: {sorted(odd)[0]} does not fit; "
            "use the card that belongs to the weights"
        )
    with torch.no_grad():
        network.load_state_dict(weights)
    return network.eval(), head, card
