"""The meta-trained convolutions of short tasks, held on a substrate, at any time after they were written."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from insitu.backbones.conv4 import Conv4Module
from insitu.backbones.task_norm import Statistics
from insitu.learners.rounding import rounded
from insitu.ledger import Ledger
from insitu.placement import Placed, at, place
from insitu.protocols.episodes import EpisodeBase
from insitu.substrates import Substrate

BATCH = 64  # tasks whose images are encoded together


def exact(network: Conv4Module, bits: int) -> Conv4Module:
    """Return a copy of the network in float64, its weights rounded to ``bits`` (0: as they are)."""
    network = copy.deepcopy(network).double().eval()
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(rounded(weight, bits))
    return network


def written(
    network: Conv4Module,
    base: EpisodeBase,
    substrate: Substrate,
    now_s: float,
    rng: np.random.Generator,
    fill: bool,
    rest: float,
) -> Conv4Module:
    """Return the network with its convolutions on ``substrate``, converters fitted to the base's calibration tasks.

    The first one is fed images less ``rest``, the value of a pixel without ink. On an exact substrate the network is
    left as it is, in software.
    """
    if substrate.exact:
        return network
    images = base.calibration.x.double() if base.calibration.x.ndim > 3 else None
    placed: Any = place(network, substrate, now_s, rng, example=images, fill=fill, rest={"convs.0": rest})
    return placed  # type: ignore[no-any-return]


@torch.no_grad()
def encoded(
    network: Conv4Module, x: Tensor, support: Statistics | None, now_s: float, rng: np.random.Generator
) -> tuple[Tensor, Statistics | None]:
    """Return features (tasks, n, features) of images as the network is at ``now_s``, and what they were centred by.

    Between layers on a substrate and without one, numbers are float64, and features are rounded to float32 at the end:
    how a library adds decides no step of a converter. ``support`` are the statistics of each task's support, which an
    inductive network takes for queries. Features pass through as they are, without statistics.
    """
    if x.ndim == 3:
        return x, None
    network = _at(network, now_s, rng)
    inductive = support is not None and network.record.statistics == "support"
    features, used = [], []
    for start in range(0, len(x), BATCH):
        part = slice(start, start + BATCH)
        given = [(m[part], s[part]) for m, s in support] if inductive and support is not None else None
        vectors, statistics = network(x[part].double(), given)
        features.append(vectors.float())
        used.append(statistics)
    joined = [tuple(torch.cat(values) for values in zip(*layer, strict=True)) for layer in zip(*used, strict=True)]
    return torch.cat(features), [(mean, inverse) for mean, inverse in joined]


def spent(network: Conv4Module) -> Ledger:
    """Return what writing the network's layers has spent."""
    return sum((layer.spent() for layer in placed_layers(network)), Ledger())


def image_cost(network: Conv4Module) -> Ledger:
    """Return what encoding one image spends on a substrate."""
    layers = zip(placed_layers(network), network.record.sides, strict=False)
    return sum((layer.product_cost(side * side) for layer, side in layers), Ledger())


def placed_layers(network: Conv4Module) -> Iterator[Placed]:
    """Yield the layers that are on a substrate, from the image on."""
    return (layer for layer in network.modules() if isinstance(layer, Placed))


def _at(network: Conv4Module, now_s: float, rng: np.random.Generator) -> Conv4Module:
    """Return a copy whose clock is at ``now_s`` and that draws from ``rng``; what is held is shared."""
    layers = list(placed_layers(network))
    if not layers:
        return network
    network = copy.deepcopy(network, {id(part): part for layer in layers for part in (layer.held, layer.rng)})
    at(network, now_s)
    for layer in placed_layers(network):
        layer.rng = rng
    return network
