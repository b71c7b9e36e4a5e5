"""A stream of experiences, each of many examples of new classes, known classes or both; nothing is known before it.

Examples are features (n, features) float32 of a frozen network, or its 1-bit latents, packed as ``kernels/binary.py``
packs them: (n, bytes) uint8, (height, width, words) in this order, 64 channels to a little-endian word, +1 as bit 1.
Labels are class numbers (n,) int64. After every experience all test examples of the classes so far are tested.

Rows: ``classes`` seen so far, ``overall`` accuracy in percent over all tests, and ``experience_0``, ``experience_1``
and so on, those on the classes that came first in each experience (``experiences.py`` has what is measured of these).
A learner that trains binary weights counts ``sign_flip``, those that an experience has left with another sign.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from insitu.core import InsituError
from insitu.metrics import Row, correct, percent
from insitu.protocols import Column, Inputs, Protocol, Session, experiences
from insitu.protocols.vectors import check_queries

CHUNK = 256  # latents that go through the tail together, which bounds memory


@dataclass(frozen=True, eq=False)
class StreamBase:
    """The last layers of a frozen network, between latents and features."""

    tail: nn.Module  # in eval mode, from latents of ±1 (n, channels, height, width) to features; learners use float64
    latent: tuple[int, int, int]  # channels, height, width
    features: int
    calibration: Tensor  # (n, features) float32 of images of the pretraining, never of the stream

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


def check_stream_base(base: StreamBase) -> None:
    """Raise ``InsituError`` unless ``base`` is in eval mode and its calibration features are finite and wide enough."""
    if not isinstance(base, StreamBase):
        raise InsituError(f"the base of a class stream is a StreamBase; got {type(base).__name__}")
    if base.features < 1 or len(base.latent) != 3 or min(base.latent) < 1:
        raise InsituError(
            f"a base has at least 1 feature and latents of 3 sizes from 1; got {base.features} and {base.latent}"
        )
    if any(part.training for part in base.tail.modules()):
        raise InsituError("the tail of the base is in training mode; call eval() on it, so that its statistics stay")
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


def score(sessions: Sequence[Session], answers: Sequence[Tensor]) -> Row:
    """Return the accuracies of class numbers (n,) that answer the tests after one experience."""
    [session], [guess] = sessions, answers
    labels, groups = session.test.labels.numpy(), session.groups
    if groups is None or groups.shape != session.test.labels.shape:
        raise InsituError("every test of a class stream has the experience in which its class came first: give groups")
    right, first = correct(guess.numpy(), labels), groups.numpy()
    row: Row = {"classes": len(np.unique(labels)), "overall": percent(right)}
    return row | {f"{experiences.PREFIX}{k}": percent(right[first == k]) for k in np.unique(first)}


PROTOCOL = Protocol(
    name="class_stream",
    title="class streams",
    step="experience",
    base=StreamBase,
    inputs=(Inputs.FEATURES, Inputs.LATENTS),
    columns=(
        Column("overall", "all classes", gap=True),
        Column(
            "spent_sign_flip",
            "signs changed",
            unit="",
            digits=0,
            meaning="binary weights that have changed their sign so far, counted in each experience",
        ),
    ),
    headline="overall accuracy in percent",
    continues=True,
    score=score,
)
