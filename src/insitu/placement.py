"""The same network with its linear and convolution layers held on a substrate.

Weights become what the substrate holds and take no gradient: nothing trains through a write. Biases stay digital and,
like all other parameters, trainable; the gradient passes placed layers straight through, as that of the exact product
with the mean weights. To train weights against the hardware, train the network it was placed from and place it again.

Own choices, both off unless set: a layer that leaves rows of its tile free is written as often as they hold it, and its
copies add up, so that errors of programming and reading average out. A layer whose inputs mostly rest at a constant c,
such as white paper, is fed x - c, and W c, known exactly, is added digitally: rows at rest are not pulsed and add no
noise.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from insitu.core import InsituError
from insitu.kernels import exact
from insitu.ledger import Ledger
from insitu.substrates import Substrate

AT_A_TIME = 2**21  # numbers of unfolded images that a convolution multiplies at a time, which a cache nearly holds
OTHERS = (_ConvNd, nn.Bilinear, nn.RNNBase, nn.RNNCellBase, nn.MultiheadAttention, nn.modules.lazy.LazyModuleMixin)


class Placed(nn.Module):
    """A layer whose weights are on a substrate; multiplies as the hardware would at ``now_s``."""

    def __init__(
        self,
        layer: nn.Linear | nn.Conv2d,
        substrate: Substrate,
        now_s: float,
        rng: np.random.Generator,
        fill: bool,
        rest: float,
    ):
        super().__init__()
        self.now_s, self.rng, self.rest = now_s, rng, rest
        self.substrate = substrate.filled(layer.weight[0].numel()) if fill else substrate
        self.bias = layer.bias
        # of a convolution, the taps of a pixel's channels are neighbours: (height, width, channels) down a column
        weight = layer.weight.detach().movedim(1, -1).flatten(1)
        self.held = self.substrate.store(weight.T, now_s, rng)  # (in, out)
        self.at_rest = (rest * exact.total(weight, 1)).float() if rest else None  # (out,) product of inputs at rest
        self.calibrating = False

    def product(self, rows: Tensor) -> Tensor:
        """Multiply rows (n, in), on the way fitting converters where that is under way; add the bias: (n, out)."""
        if self.at_rest is not None:
            rows = rows - self.rest
        if self.calibrating:
            self.held = self.substrate.calibrate(self.held, rows, self.now_s)
        out = self.substrate.multiply(self.held, rows, self.now_s, self.rng)
        if self.at_rest is not None:
            out = out + self.at_rest
        return out if self.bias is None else out + self.bias

    def spent(self) -> Ledger:
        """Return what writing the layer has spent, with the numbers that are kept digitally."""
        kept = 0 if self.at_rest is None else len(self.at_rest)
        return self.substrate.written(self.held) + Ledger.of(written_weight=kept)

    def product_cost(self, rows: int) -> Ledger:
        """Return what multiplying so many rows spends."""
        added = 0 if self.at_rest is None else rows * len(self.at_rest)
        return self.substrate.product_cost(self.held, rows) + Ledger.of(digital_add=added)


class PlacedLinear(Placed):
    """``nn.Linear`` on a substrate."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., in) to (..., out)."""
        return self.product(x.reshape(-1, x.shape[-1])).reshape(*x.shape[:-1], -1)


class PlacedConv2d(Placed):
    """``nn.Conv2d`` of one group on a substrate: every patch of the image is a row."""

    def __init__(
        self,
        layer: nn.Conv2d,
        substrate: Substrate,
        now_s: float,
        rng: np.random.Generator,
        fill: bool,
        rest: float,
    ):
        super().__init__(layer, substrate, now_s, rng, fill, rest)
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
    rest: Mapping[str, float] | None = None,
) -> nn.Module:
    """Return a copy of ``network`` whose linear and convolution layers are written to ``substrate`` at ``now_s``.

    Converters are fitted to the inputs of each layer as ``example``, a batch for the network, produces them;
    without one the substrate's own rule holds. With ``fill``, a layer is written as often as the rows of its tile hold
    it. ``rest`` gives, by a layer's name in ``named_modules``, the value at which its inputs rest, which is subtracted
    digitally. ``at`` moves the copy's clock. Products draw their noise from ``rng``.
    Raises ``InsituError`` where a layer holds weights that no substrate can: convolutions in groups or of other
    dimensions, transposed ones, recurrent and attention layers.
    """
    for name, layer in network.named_modules():
        if isinstance(layer, OTHERS) and not (type(layer) is nn.Conv2d and layer.groups == 1):
            kind = f"{type(layer).__name__}{' in groups' if isinstance(layer, nn.Conv2d) else ''}"
            raise InsituError(f"{name or 'the network'} is a {kind}; place takes nn.Linear and nn.Conv2d of one group")
    network = copy.deepcopy(network)
    offsets = _offsets(network, rest or {})
    placed: dict[nn.Module, Placed] = {}  # a layer used in two places is written once

    def put(layer: nn.Linear | nn.Conv2d) -> Placed:
        if layer not in placed:
            kind = PlacedLinear if isinstance(layer, nn.Linear) else PlacedConv2d
            offset = offsets.get(layer, 0.0)
            placed[layer] = kind(layer, substrate, now_s, rng, fill, offset)  # type: ignore[arg-type]
        return placed[layer]

    network = _replaced(network, put)
    if example is not None:
        _calibrate(network, list(placed.values()), example)
    return network


def at(network: nn.Module, now_s: float) -> None:
    """Set the time of every placed layer of ``network``: products from now on see the drift up to ``now_s``."""
    for layer in _placed(network):
        layer.now_s = now_s


def _placed(network: nn.Module) -> Iterator[Placed]:
    return (layer for layer in network.modules() if isinstance(layer, Placed))


def _offsets(network: nn.Module, rest: Mapping[str, float]) -> dict[nn.Module, float]:
    layers = {name: each for name, each in network.named_modules() if isinstance(each, (nn.Linear, nn.Conv2d))}
    if unknown := [name for name in rest if name not in layers]:
        raise InsituError(f"rest names {unknown[0]}, which is no layer to place; those are {', '.join(layers)}")
    return {layers[name]: value for name, value in rest.items()}


def _replaced(module: nn.Module, put: Callable[[nn.Linear | nn.Conv2d], Placed]) -> nn.Module:
    if isinstance(module, (nn.Linear, nn.Conv2d)):
        return put(module)
    for name, child in list(module._modules.items()):  # named_children leaves out a layer's second place
        if child is not None:
            setattr(module, name, _replaced(child, put))
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
