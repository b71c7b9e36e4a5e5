"""A data set as a class stream sees it, each of its vectors or latents carrying a number of its own."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import DTypeLike
from torch import nn

from insitu.protocols.class_stream import StreamBase
from insitu.scenarios.latents import Encoded

CLASSES, LISTED, TESTS, BYTES = 4, 12, 5, 8


def encoded(kind: DTypeLike) -> Encoded:
    """Return ``CLASSES`` classes of ``LISTED`` training and ``TESTS`` test rows of ``BYTES`` equal numbers from 1."""
    numbers = np.arange(1, 1 + CLASSES * (LISTED + TESTS)).astype(kind)[:, None].repeat(BYTES, 1)
    train, test = np.split(numbers, [CLASSES * LISTED])
    labels = np.arange(CLASSES)
    return Encoded(train, labels.repeat(LISTED), test, labels.repeat(TESTS), "numbered vectors", "made up")


BASE = StreamBase(nn.Identity(), (64, 1, 1), BYTES, torch.zeros(3, BYTES))
