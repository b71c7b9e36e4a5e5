"""What learners of a class stream are prepared with: the last layers of a frozen network, and what its features are.

A stream starts with no class. A session gives features, or latents of one bit packed as ``kernels/binary.py`` packs
them: (height, width, words) in this order, 64 channels to a little-endian word, +1 as bit 1, seen as bytes.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from insitu.core import InsituError
from insitu.learners import Examples, check_examples, check_queries

CHUNK = 256  # latents that go through the tail at a time


@dataclass(frozen=True, eq=False)
class StreamBase:
    """A frozen network as the learners of a class stream see it.

    ``tail`` is the network's last layers in eval mode, from latents of ±1 (n, channels, height, width) to features
    (n, features); learners run it in float64. ``latent`` is (channels, height, width). ``calibration`` (n, features)
    float32 are features of images of the pretraining, never of the stream.
    """

    tail: nn.Module
    latent: tuple[int, int, int]
    features: int
    calibration: Tensor

    @property
    def latent_bytes(self) -> int:
        """Bytes of one packed latent."""
        channels, height, width = self.latent
        return height * width * -(-channels // 64) * 8

    def of(self, x: Tensor) -> Tensor:
        """Return features (n, features) of x: float32 (n, features) as they are, packed latents through the tail."""
        check_inputs(x, self)
        if x.dtype != torch.uint8:
            return x
        # in float64 and rounded, as orders of sums differ between processors
        tail = copy.deepcopy(self.tail).double()
        with torch.no_grad():
            return torch.cat([tail(unpacked(part, self.latent)).float() for part in x.split(CHUNK)])


def unpacked(x: Tensor, latent: tuple[int, int, int]) -> Tensor:
    """Return latents of ±1 (n, channels, height, width) float64 of packed ones (n, bytes)."""
    channels, height, width = latent
    bits = np.unpackbits(x.numpy().reshape(len(x), height, width, -1), axis=3, bitorder="little")[..., :channels]
    return torch.from_numpy(bits).permute(0, 3, 1, 2).double().mul_(2).sub_(1).contiguous()


def packed(latents: Tensor) -> Tensor:
    """Return packed latents (n, bytes) uint8 of latents (n, channels, height, width): bit 1 where one is >= 0."""
    n, channels, _, _ = latents.shape
    bits = (latents >= 0).permute(0, 2, 3, 1).numpy()
    bits = np.pad(bits, ((0, 0), (0, 0), (0, 0), (0, -channels % 64)))
    return torch.from_numpy(np.packbits(bits, axis=3, bitorder="little").reshape(n, -1))


def check_stream_base(base: StreamBase) -> None:
    """Raise ``InsituError`` unless ``base`` is in eval mode and its calibration features are finite and wide enough."""
    if not isinstance(base, StreamBase):
        raise InsituError(f"the base of a class stream is a StreamBase; got {type(base).__name__}")
    if base.features < 1 or len(base.latent) != 3 or min(base.latent) < 1:
        raise InsituError(
            f"a base has at least 1 feature and latents of 3 sizes from 1; got {base.features} and {base.latent}"
        )
    if any(part.training for part in base.tail.modules()):
        raise InsituError(
            "the tail of the base is in training mode; call eval() on it: its statistics stay as they are"
        )
    try:
        check_queries(base.calibration, base.features)
    except InsituError as error:
        raise InsituError(f"calibration features of the base: {error}") from error


def check_inputs(x: Tensor, base: StreamBase) -> None:
    """Raise ``InsituError`` unless x is float32 features (n, features) or packed latents (n, bytes) of the base."""
    if not isinstance(x, Tensor) or x.dtype != torch.uint8:
        check_queries(x, base.features)
    else:
        check_latents(x, base)


def check_latents(x: Tensor, base: StreamBase) -> None:
    """Raise ``InsituError`` unless x is a non-empty uint8 (n, bytes) of packed latents of the base."""
    wanted = f"x is packed latents, uint8 (n, {base.latent_bytes}) for {base.latent}"
    if not isinstance(x, Tensor) or x.dtype != torch.uint8:
        raise InsituError(f"{wanted}; got {getattr(x, 'dtype', type(x).__name__)}; pack them, or give other data")
    if x.ndim != 2 or x.shape[1] != base.latent_bytes:
        raise InsituError(f"{wanted}; got {tuple(x.shape)}; pack latents of this network")
    if not len(x):
        raise InsituError("x is empty; an experience has at least one example")


def check_labels(labels: Tensor, count: int) -> None:
    """Raise ``InsituError`` unless labels are int64 (count,) from 0."""
    # what check_examples says of labels holds here too; only x may be packed
    check_examples(Examples(torch.zeros(count, 1), labels), 1)
