"""Trained backbones that come with the package: a safetensors file and a JSON card each, and how they encode images."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from safetensors.torch import save as packed
from torch import Tensor, nn

from insitu import catalog
from insitu.backbones import _frozen
from insitu.backbones._binary import sign
from insitu.backbones._frozen import Frozen
from insitu.backbones.inputs import to_batch
from insitu.backbones.resnet12 import ResNet12, ResNet12Module
from insitu.core import InsituError, cache_folder, read_text, write_text, write_whole

FOLDER = Path(__file__).resolve().parents[1] / "weights"
BATCH = 250


def stem(name: str) -> Path:
    """Return where backbone ``name`` is: in the package, else where ``insitu train`` leaves it."""
    trained = cache_folder() / "training" / name / name
    for place in (FOLDER / name, trained):
        if place.with_suffix(".safetensors").exists():
            return place
    raise InsituError(f"no backbone {name} comes with the package or is in {trained.parent}; see 'insitu train {name}'")


def save(stem: Path, network: nn.Module, record: Any, card: dict[str, Any]) -> None:
    """Write ``stem``.safetensors and ``stem``.json; the card names architecture, data, recipe, accuracy.

    A binary network is frozen, all others are written in float16.
    """
    if getattr(record, "binary", False):
        _frozen.save(stem, network, record, card)
        return
    weights = {name: _half(value) for name, value in network.state_dict().items()}
    write_whole(stem.with_suffix(".safetensors"), lambda path: path.write_bytes(packed(weights)))
    part = catalog.part_of(type(record))
    card = {"architecture": part.path.stem if part else "", "record": asdict(record), **card}
    write_text(stem.with_suffix(".json"), json.dumps(card, indent=2) + "\n")


def load(stem: Path) -> tuple[ResNet12Module | Frozen, dict[str, Any]]:
    """Return the network stored at ``stem``, in eval mode or frozen, and its card.

    Raises ``InsituError`` where a file is missing or damaged or holds another architecture than its card says.
    """
    try:
        card = json.loads(read_text(stem.with_suffix(".json")))
        if card["record"].get("binary"):
            return _frozen.load(stem)
        weights = load_file(stem.with_suffix(".safetensors"))
        record = ResNet12(**{**card["record"], "widths": tuple(card["record"]["widths"])})
    except (OSError, ValueError, KeyError, TypeError, AttributeError, safetensors.SafetensorError) as error:
        raise InsituError(
            f"{stem} is not a whole backbone ({error}); give both {stem.name}.safetensors and .json"
        ) from error
    network = record.build()
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    given = {name: tuple(value.shape) for name, value in weights.items()}
    if expected != given:
        odd = sorted(name for name in expected.keys() | given.keys() if expected.get(name) != given.get(name))[0]
        raise InsituError(
            f"{stem.name}.safetensors holds another architecture than {record}: {odd} is {given.get(odd, 'missing')}, "
            f"expected {expected.get(odd, 'nothing')}; use the card that belongs to the weights"
        )
    network.load_state_dict({name: _whole(value) for name, value in weights.items()})
    return network.eval(), card


def fingerprint(stem: Path) -> str:
    """Return a short hash of the stored weights, for the names of cached encodings."""
    return hashlib.blake2b(stem.with_suffix(".safetensors").read_bytes(), digest_size=6).hexdigest()


def features(network: ResNet12Module | Frozen, pixels: NDArray[np.uint8], size: int, mirror: bool = False) -> Tensor:
    """Encode images (n, h, w, c) uint8, resized to ``size``: mean-pooled activations (n, features) as float16.

    With ``mirror``, the activations of an image and of its mirror image are averaged. Of a binary network, it is the
    signs of its vectors, -1 and +1 as int8. Half precision is part of the code, so that encodings shipped with the
    package equal those made from the images up to rounding. A network in float64 gives the same numbers on every
    processor, in about three times the time; in float32, one of a thousand is rounded to the other side.
    """
    parts = []
    with torch.no_grad():
        for start in range(0, len(pixels), BATCH):
            batch = to_batch(pixels[start : start + BATCH], size)
            if isinstance(network, Frozen):
                parts.append(sign(network.vectors(batch)).to(torch.int8))
                continue
            batch = batch.to(network.project.weight.dtype)
            activations = network.features(batch)
            if mirror:
                activations = (activations + network.features(batch.flip(3))) / 2
            parts.append(activations.half())
    return torch.cat(parts)


def last_layer(network: ResNet12Module | Frozen) -> tuple[Tensor, Tensor]:
    """Return weight (dim, features) and bias (dim,) of what leads from activations to the vector the memory holds."""
    if isinstance(network, Frozen):  # its bits are that vector
        size = network.last.channels
        return torch.eye(size), torch.zeros(size)
    return network.project.weight.detach(), network.project.bias.detach()


def _half(value: Tensor) -> Tensor:
    return value.half().contiguous() if value.is_floating_point() else value


def _whole(value: Tensor) -> Tensor:
    return value.float() if value.is_floating_point() else value
