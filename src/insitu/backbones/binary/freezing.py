"""Conversion of a binary network from its training form to its frozen form: signs packed, batch norms folded."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from insitu.backbones.binary.frozen import FloatLayer, Frozen, Layer
from insitu.backbones.binary.layers import ShiftedPReLU
from insitu.backbones.binary.units import CutNetwork, Tail, Unit
from insitu.core import InsituError
from insitu.kernels.binary import pack
from insitu.kernels.binary_block import Epilogue, Floats, epilogue
from insitu.kernels.packed_weights import Prepared, Words, prepare
from insitu.kernels.stem import prepare_stem
from insitu.kernels.stem import stem as stem_kernel


def freeze(module: nn.Module) -> Frozen:
    """Return the frozen form of a binary network in training form, as that computes in eval mode.

    Every batch norm behind a 1-bit convolution becomes a scale and a shift, every sign a comparison with a threshold.
    Raises ``InsituError`` for a network that is not binary or that holds numbers that are not finite.
    """
    if not isinstance(module, CutNetwork) or not module.record.binary:
        raise InsituError(f"only binary networks are frozen; got {type(module).__name__}: give one with binary=True")
    odd = [key for key, value in module.state_dict().items() if not torch.isfinite(value).all()]
    if odd:
        raise InsituError(f"{odd[0]} of this {module.name} is not finite; train it again with a lower learning rate")
    net: Any = copy.deepcopy(module).eval().requires_grad_(False)
    chain = [*net.units, net.cut]
    tail: Tail = net.tail
    width = tail.conv.in_channels
    return Frozen(
        record=net.record,
        name=net.name,
        first=_first(net.stem, _thresholds(chain[0], net.stem[-1].num_features)),
        layers=tuple(_layer(unit, following) for unit, following in zip(chain, chain[1:], strict=False)),
        last=Layer(_weight(tail.conv), width, _after(tail, np.zeros(width, np.float32))),
        scale=tail.scale.numpy(),
        tail_floats={key: value for key, value in tail.state_dict().items() if key != "conv.weight"},
        norm=net.norm,
    )


def _first(stem: nn.Sequential, thresholds: Floats) -> Callable[[Floats], tuple[Floats, Words]]:
    """Return the stem: in one pass where it is convolution, max pool and batch norm, else as torch runs it."""
    if [type(layer) for layer in stem] != [nn.Conv2d, nn.MaxPool2d, nn.BatchNorm2d]:
        return FloatLayer(stem, thresholds)
    conv, _, norm = stem
    kernel = conv.get_parameter("weight").permute(0, 2, 3, 1).numpy()
    return partial(stem_kernel, held=prepare_stem(kernel, *_affine(norm), thresholds))


def _layer(unit: Any, following: nn.Module) -> Layer | FloatLayer:
    limits = _thresholds(following, unit.norm.num_features)
    if not isinstance(unit, Unit):
        return FloatLayer(unit, limits)
    return Layer(_weight(unit.conv), unit.conv.in_channels, _after(unit, limits), unit.stride, unit.repeats)


def _thresholds(following: nn.Module, channels: int) -> Floats:
    """Return the thresholds (channels,) of the signs that the following module takes; 0 where it takes plain ones."""
    given = getattr(getattr(following, "activate", following), "threshold", None)
    return np.zeros(channels, np.float32) if given is None else given.numpy()


def _weight(conv: nn.Conv2d) -> Prepared:
    return prepare(pack(conv.weight.permute(0, 2, 3, 1).contiguous().numpy()))


def _affine(norm: Any) -> tuple[Floats, Floats]:
    """Return scale and shift (channels,) of a batch norm in eval mode, rounded where torch rounds them."""
    gamma, beta, mean, var = (v.numpy() for v in (norm.weight, norm.bias, norm.running_mean, norm.running_var))
    scale = gamma * (np.float32(1) / np.sqrt(var + np.float32(norm.eps)))
    return scale, (beta - mean.astype(np.float64) * scale).astype(np.float32)


def _after(unit: Unit | Tail, thresholds: Floats) -> Epilogue:
    """Fold what follows the convolution, in the order in which torch computes it."""
    act, rectify = unit.act, isinstance(unit.rectify, nn.ReLU)
    if isinstance(act, ShiftedPReLU):
        bend = act.at.numpy(), act.slope.numpy(), act.lift.numpy()
        return epilogue(*_affine(unit.norm), *bend, thresholds, rectify)
    flat = np.zeros_like(thresholds) if isinstance(act, nn.ReLU) else None
    return epilogue(*_affine(unit.norm), slope=flat, threshold=thresholds, rectify=rectify)
