"""What a network does for one image, counted layer by layer as NeuroBench does.

A synaptic operation is a weight times an activation, of convolutions and linear layers; weights on the zero border of
an image, biases, norms, pools and shortcuts are none. *Effective* are those whose weight and activation are not 0:
multiply-accumulates, or where a layer is given nothing but -1, 0 and 1, accumulates (Yik et al., Nat. Commun. 16, 1545,
2025).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from insitu.backbones.binary.layers import BinaryConv
from insitu.backbones.inputs import to_batch
from insitu.core import generator

NOISE = 4  # images of noise that a network is run on where there are no others


@dataclass(frozen=True)
class LayerWork:
    """The matrix of one layer, and what it does for one image."""

    inputs: int  # rows of its matrix
    outputs: int  # columns of its matrix
    groups: int  # matrices of that size
    products: int  # rows that each of them is multiplied by
    read: int  # activations that it is given
    binary: bool  # weights and activations of one bit
    nonzero: int  # weights
    dense: int  # synaptic operations
    macs: float  # effective multiply-accumulates, mean over the images
    acs: float  # effective accumulates
    zeros: float  # share of zeros among what it is given

    @property
    def weights(self) -> int:
        """Number of its weights."""
        return self.groups * self.inputs * self.outputs

    @property
    def written(self) -> int:
        """Number of its outputs."""
        return self.groups * self.products * self.outputs


def image_work(network: Any, record: Any, size: int, pixels: NDArray[np.uint8] | None = None) -> list[LayerWork]:
    """Return the work of the layers that lead from an image to its features, in the order in which they run.

    Without ``pixels`` (n, h, w, channels) it is run on noise: sizes are exact, zeros are those of the network alone. A
    frozen binary network, whose signs are never 0, is counted on its trainable form.
    """
    module: Any = network if isinstance(network, nn.Module) else record.build().eval()
    if pixels is None:
        pixels = generator(0, "image work").integers(0, 256, (NOISE, size, size, record.channels), np.uint8)
    found: list[LayerWork] = []
    with torch.no_grad(), _observed(module, found):
        module.features(to_batch(pixels, size))
    return found


@contextmanager
def _observed(module: nn.Module, found: list[LayerWork]) -> Iterator[None]:
    """Append the work of every convolution and linear layer of ``module`` as it runs."""

    def see(layer: nn.Module, given: tuple[Tensor, ...], out: Tensor) -> None:
        found.append(_work(layer, given[0], out))

    handles = [m.register_forward_hook(see) for m in module.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _work(layer: Any, x: Tensor, out: Tensor) -> LayerWork:
    weight = torch.ones_like(layer.weight) if isinstance(layer, BinaryConv) else (layer.weight != 0).float()
    ones, active = torch.ones_like(x), (x != 0).float()
    effective = float(_through(layer, active, weight).double().sum()) / len(x)
    signs = bool(((x == 0) | (x.abs() == 1)).all())
    groups = getattr(layer, "groups", 1)
    return LayerWork(
        inputs=layer.weight[0].numel(),
        outputs=len(layer.weight) // groups,
        groups=groups,
        products=out.numel() // len(x) // len(layer.weight),
        read=x[0].numel(),
        binary=isinstance(layer, BinaryConv),
        nonzero=int(weight.sum()),
        dense=round(float(_through(layer, ones[:1], torch.ones_like(weight)).double().sum())),
        macs=0.0 if signs else effective,
        acs=effective if signs else 0.0,
        zeros=float((x == 0).double().mean()),
    )


def _through(layer: Any, x: Tensor, weight: Tensor) -> Tensor:
    if isinstance(layer, nn.Linear):
        return F.linear(x, weight)
    return F.conv2d(x, weight, None, layer.stride, layer.padding, layer.dilation, layer.groups)
