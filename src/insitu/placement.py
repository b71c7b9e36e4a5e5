"""The same network with its linear and convolution layers held on a substrate.

Weights become what the substrate holds and take no gradient: nothing trains through a write. Biases stay digital and,
like all other parameters, trainable; the gradient passes placed layers straight through, as that of the exact product
with the mean weights. To train weights against the hardware, train the network it was placed from and place it again.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from insitu.core import InsituError
from insitu.substrates import Substrate

AT_A_TIME = 2**21  # numbers of unfolded images that a convolution multiplies at a time, which a cache nearly holds
OTHERS = (_ConvNd, nn.Bilinear, nn.RNNBase, nn.RNNCellBase, nn.MultiheadAttention, nn.modules.lazy.LazyModuleMixin)


class Placed(nn.Module):
    """A layer whose weights are on a substrate; multiplies as the hardware would at ``now_s``."""

    def __init__(
        self, layer: nn.Linear | nn.Conv2d, substrate: Substrate, now_s: float, rng: np.random.Generator, fill: bool
    ):
        super().__init__()
        self.now_s, self.rng = now_s, rng
        self.substrate = substrate.filled(layer.weight[0].numel()) if fill else substrate
        self.bias = layer.bias
        # of a convolution, the taps of a pixel's channels are neighbours: (height, width, channels) down a column
        weight = layer.weight.detach().movedim(1, -1).flatten(1)
        self.held = self.substrate.store(weight.T, now_s, rng)  # (in, out)
        self.calibrating = False

    def product(self, rows: Tensor) -> Tensor:
        """Multiply rows (n, in), on the way fitting converters where that is under way; add the bias: (n, out)."""
        if self.calibrating:
            self.held = self.substrate.calibrate(self.held, rows, self.now_s)
        out = self.substrate.multiply(self.held, rows, self.now_s, self.rng)
        return out if self.bias is None else out + self.bias


class PlacedLinear(Placed):
    """``nn.Linear`` on a substrate."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., in) to (..., out)."""
        return self.product(x.reshape(-1, x.shape[-1])).reshape(*x.shape[:-1], -1)


class PlacedConv2d(Placed):
    """``nn.Conv2d`` of one group on a substrate: every patch of the image is a row."""

    def __init__(self, layer: nn.Conv2d, substrate: Substrate, now_s: float, rng: np.random.Generator, fill: bool):
        super().__init__(layer, substrate, now_s, rng, fill)
        self.kernel, self.stride, self.dilation = layer.kernel_size, layer.stride, layer.dilation
        self.padding = _padding(layer)
        self.padding_mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, h, w) to (n, out, h', w')."""
        if x.ndim != 4:
            raise InsituError(f"a placed convolution takes images (n, channels, h, w); got {tuple(x.shape)}")
        x = F.pad(x, self.padding, mode=self.padding_mode).movedim(1, -1).contiguous()  # (n, h, w, channels)
        size = [(x.shape[1 + i] - self.dilation[i] * (self.kernel[i] - 1) - 1) // self.stride[i] + 1 for i in range(2)]
        at_a_time = max(AT_A_TIME // max(size[0] * size[1] * self.kernel[0] * self.kernel[1] * x.shape[3], 1), 1)
        if self.calibrating:
            at_a_time = max(len(x), 1)  # converters are fitted to all patches at once
        return torch.cat([self._images(part, size) for part in x.split(at_a_time)]).movedim(-1, 1)

    def _images(self, x: Tensor, size: list[int]) -> Tensor:
        """Map images (n, h, w, channels) to (n, h', w', out)."""
        image, row, column, channel = x.stride()
        across = [row * self.stride[0], column * self.stride[1]]
        within = [row * self.dilation[0], column * self.dilation[1]]
        windows = [len(x), *size, *self.kernel, x.shape[3]]
        patches = x.as_strided(windows, [image, *across, *within, channel], x.storage_offset())
        out = self.product(patches.flatten(0, 2).flatten(1))  # (n h' w', out)
        images: Tensor = out.unflatten(0, (len(x), *size))
        return images


def place(
    network: nn.Module,
    substrate: Substrate,
    now_s: float,
    rng: np.random.Generator,
    example: Tensor | None = None,
    fill: bool = False,
) -> nn.Module:
    """Return a copy of ``network`` whose linear and convolution layers are written to ``substrate`` at ``now_s``.

    Converters are fitted to the inputs of each layer as ``example``, a batch for the network, produces them;
    without one the substrate's own rule holds. With ``fill``, a layer that leaves rows of its tile free is written as
    often as they hold it, and its copies add up (own choice): errors of programming and reading average out. ``at``
    moves the copy's clock. Products draw their noise from ``rng``.
    Raises ``InsituError`` where a layer holds weights that no substrate can: convolutions in groups or of other
    dimensions, transposed ones, recurrent and attention layers.
    """
    for name, layer in network.named_modules():
        if isinstance(layer, OTHERS) and not (type(layer) is nn.Conv2d and layer.groups == 1):
            kind = f"{type(layer).__name__}{' in groups' if isinstance(layer, nn.Conv2d) else ''}"
            raise InsituError(f"{name or 'the network'} is a {kind}; place takes nn.Linear and nn.Conv2d of one group")
    placed: dict[nn.Module, Placed] = {}  # a layer used in two places is written once
    network = _replaced(copy.deepcopy(network), placed, substrate, now_s, rng, fill)
    if example is not None:
        _calibrate(network, list(placed.values()), example)
    return network


def at(network: nn.Module, now_s: float) -> None:
    """Set the time of every placed layer of ``network``: products from now on see the drift up to ``now_s``."""
    for layer in _placed(network):
        layer.now_s = now_s


def _placed(network: nn.Module) -> Iterator[Placed]:
    return (layer for layer in network.modules() if isinstance(layer, Placed))


def _replaced(
    module: nn.Module,
    placed: dict[nn.Module, Placed],
    substrate: Substrate,
    now_s: float,
    rng: np.random.Generator,
    fill: bool,
) -> nn.Module:
    if isinstance(module, (nn.Linear, nn.Conv2d)):
        if module not in placed:
            kind = PlacedLinear if isinstance(module, nn.Linear) else PlacedConv2d
            placed[module] = kind(module, substrate, now_s, rng, fill)  # type: ignore[arg-type]
        return placed[module]
    for name, child in list(module._modules.items()):  # named_children leaves out a layer's second place
        if child is None:
            continue
        setattr(module, name, _replaced(child, placed, substrate, now_s, rng, fill))
    return module


@torch.no_grad()
def _calibrate(network: nn.Module, layers: list[Placed], example: Tensor) -> None:
    """Run ``example`` through, in evaluation mode, so that running statistics stay as they are."""
    training = {module: module.training for module in network.modules()}
    network.eval()
    try:
        for layer in layers:
            layer.calibrating = True
        network(example)
    finally:
        for layer in layers:
            layer.calibrating = False
        for module, mode in training.items():
            module.training = mode


def _padding(layer: nn.Conv2d) -> list[int]:
    """Return the padding as ``F.pad`` takes it: left, right, top, bottom."""
    if layer.padding == "valid":
        return [0, 0, 0, 0]
    if layer.padding == "same":
        total = [layer.dilation[i] * (layer.kernel_size[i] - 1) for i in (1, 0)]
        return [side for both in total for side in (both // 2, both - both // 2)]
    height, width = (int(side) for side in layer.padding)
    return [width, width, height, height]
