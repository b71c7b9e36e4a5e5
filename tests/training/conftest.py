"""What every test of a training trains, and on what."""

from __future__ import annotations

import numpy as np
import pytest

from coloured import TINY, coloured
from insitu.backbones.resnet12 import ResNet12Module
from insitu.data import Images


@pytest.fixture
def pictures() -> Images:
    """Four classes of ten pictures: five steps of eight an epoch."""
    return coloured(np.arange(4).repeat(10))


@pytest.fixture
def network() -> ResNet12Module:
    return TINY.build(0)
