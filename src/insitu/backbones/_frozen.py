"""Frozen binary networks as files: one safetensors file with 1-bit weights, and a JSON card beside it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import torch
from safetensors.torch import load as unpacked
from safetensors.torch import save as packed
from torch import Tensor, nn

from insitu import catalog
from insitu.backbones._binary import BinaryConv
from insitu.backbones._frozen_folding import architecture, freeze
from insitu.backbones._frozen_network import WEIGHT, Frozen
from insitu.core import InsituError, read_text, write_text, write_whole

__all__ = ["Frozen", "freeze", "load", "save", "stored"]
COUNTER = "num_batches_tracked"  # of batch norms, of use in training only


def save(stem: Path, module: nn.Module, record: Any, card: dict[str, Any]) -> None:
    """Write ``stem``.safetensors and ``stem``.json; the card names architecture, data, recipe, accuracy.

    ``module`` is the training form; of its 1-bit weights the signs are kept, of all else the float32 numbers.
    """
    name = architecture(module)
    if module.record != record:
        raise InsituError(f"{record} is not the record of this {name}, which is {module.record}; give its own")
    tensors = stored(module)
    card = {"architecture": name, "record": asdict(record), **card}
    data = packed(tensors, {"digest": _digest(card, tensors)})
    write_whole(stem.with_suffix(".safetensors"), lambda path: path.write_bytes(data))
    write_text(stem.with_suffix(".json"), json.dumps(card, indent=2) + "\n")


def load(stem: Path) -> tuple[Frozen, dict[str, Any]]:
    """Return the frozen network stored at ``stem``, and its card.

    Raises ``InsituError`` where a file is missing or damaged or holds another architecture than its card says.
    """
    file = stem.with_suffix(".safetensors")
    try:
        card = json.loads(read_text(stem.with_suffix(".json")))
        given = {key: tuple(value) if isinstance(value, list) else value for key, value in card["record"].items()}
        record = catalog.load(catalog.find(card["architecture"], "backbones"))(**given)
        if not getattr(record, "binary", False):
            raise InsituError(f"{stem.name} is {record}, which is no binary network; name a binary one")
        tensors = unpacked(file.read_bytes())
        with safetensors.safe_open(file, "pt") as opened:
            facts = opened.metadata() or {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, safetensors.SafetensorError) as error:
        raise InsituError(f"{stem} is not a whole backbone ({error}); give both {file.name} and .json") from error
    if facts.get("digest") != _digest(card, tensors):
        raise InsituError(
            f"{file.name} is damaged or belongs to another card: its checksum is not that of its tensors and {record}; "
            "fetch both files anew"
        )
    return freeze(_restored(record, tensors)), card


def stored(module: nn.Module) -> dict[str, Tensor]:
    """Return what is kept of a network: its state, 1-bit weights (out, kh, kw, in) as bits, the first lowest."""
    signs = _signs(module)
    state = {key: value.detach() for key, value in module.state_dict().items() if not key.endswith(COUNTER)}
    return {key: _bits(value) if key in signs else value.float().contiguous() for key, value in state.items()}


def _restored(record: Any, tensors: dict[str, Tensor]) -> nn.Module:
    """Return the training form of what ``stored`` kept, its latent weights at -0.1 and +0.1."""
    with torch.device("meta"):  # draws nothing, and holds nothing but what is loaded
        module: nn.Module = record.build()
    signs = _signs(module)
    state = {}
    for key, value in module.state_dict().items():
        if key.endswith(COUNTER):
            state[key] = torch.zeros((), dtype=value.dtype)
        else:
            state[key] = _unbits(tensors[key], value.shape) if key in signs else tensors[key]
    module.load_state_dict(state, assign=True)
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _signs(module: nn.Module) -> set[str]:
    return {f"{name}.weight" for name, layer in module.named_modules() if isinstance(layer, BinaryConv)}


def _bits(weight: Tensor) -> Tensor:
    return torch.from_numpy(np.packbits(weight.permute(0, 2, 3, 1).numpy() >= 0, bitorder="little"))


def _unbits(bits: Tensor, shape: torch.Size) -> Tensor:
    out, inputs, high, wide = shape
    signs = np.unpackbits(bits.numpy(), count=shape.numel(), bitorder="little").reshape(out, high, wide, inputs)
    return torch.from_numpy((signs.astype(np.float32) * 2 - 1) * np.float32(WEIGHT)).permute(0, 3, 1, 2)


def _digest(card: dict[str, Any], tensors: dict[str, Tensor]) -> str:
    """Return a hash of architecture, record and tensors: of all that the outputs depend on."""
    out = hashlib.blake2b(json.dumps([card.get("architecture"), card.get("record")]).encode(), digest_size=16)
    for key in sorted(tensors):
        value = tensors[key]
        out.update(f"{key} {value.dtype} {tuple(value.shape)}".encode())
        out.update(value.numpy().tobytes())
    return out.hexdigest()
