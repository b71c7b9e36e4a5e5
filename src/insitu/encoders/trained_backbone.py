"""Pictures through a backbone that comes with the package, or that ``insitu train`` made, by its name.

Pictures of any shape are scaled whole to the square that the backbone was trained on; drawings are black on white.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from insitu.backbones import encoding, trained, weights_file
from insitu.encoders import Encoder, Kind, _items, _pictures

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class TrainedBackbone(Encoder):
    """The activations of a trained backbone, or the signs of its vectors where it is a binary one."""

    name: str = "omniglot"  # name of the backbone: omniglot, binary, one trained here; or the path of its .safetensors

    kind: ClassVar[Kind] = "images"
    licence: ClassVar[str] = "Apache-2.0; see the card of the backbone for the terms of its images"
    batch_size: ClassVar[int] = encoding.BATCH

    @property
    def trained_on(self) -> str:
        """What the weights have seen, as the card says."""
        return str(_loaded(self.name)[1].get("data", ""))

    @property
    def dim(self) -> int:
        """See ``Encoder.dim``."""
        return _dim(self)

    @property
    def size(self) -> int:
        """Pixels per side of the square that pictures are scaled to."""
        return int(_loaded(self.name)[1]["image_size"])

    @property
    def takes(self) -> str:
        """See ``Encoder.takes``."""
        channels = "grey" if _loaded(self.name)[1]["record"]["channels"] == 1 else "colour"
        return f"images, {self.size} × {self.size} pixels, {channels}"

    def digest(self) -> str:
        """Return a short hash of the weights."""
        return _loaded(self.name)[2]

    def read(self, item: Any) -> Pixels:
        """Return a picture as (size, size, channels of the backbone)."""
        scaled: Pixels = self._scaled(_pictures.pixels(item)[None])[0]
        return scaled

    def vectors(self, inputs: Sequence[Pixels]) -> NDArray[np.float64]:
        """See ``Encoder.vectors``."""
        return self.activations(np.stack(inputs))

    def activations(self, images: Pixels) -> NDArray[np.float64]:
        """Return the activations (n, dim) of images (n, h, w, c)."""
        network, card, _ = _loaded(self.name)
        images = _pictures.with_channels(images, int(card["record"]["channels"]))
        found = encoding.features(network, images, int(card["image_size"]), bool(card.get("mirror")))
        out: NDArray[np.float64] = found.double().numpy()
        return out

    def prepared(self, items: Any) -> Pixels:
        """Return items as images (n, size, size, channels), as ``read`` returns them."""
        out = []
        for row, item in enumerate(_items.listed(items, self.kind)):
            with _items.named(item, row):
                out.append(self.read(_items.content(item)))
        return np.stack(out)

    def last_layer(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return weight and bias of what leads from activations to the vector that pretraining classified."""
        return encoding.last_layer(_loaded(self.name)[0], self.dim)

    def _scaled(self, images: Pixels) -> Pixels:
        images = _pictures.with_channels(images, int(_loaded(self.name)[1]["record"]["channels"]))
        if images.shape[1:3] == (self.size, self.size):
            return images
        batch = torch.from_numpy(np.array(images)).permute(0, 3, 1, 2)
        scaled = F.interpolate(batch, size=(self.size, self.size), mode="bilinear", antialias=True)
        out: Pixels = scaled.permute(0, 2, 3, 1).contiguous().numpy()
        return out


@cache
def _loaded(name: str) -> tuple[Any, dict[str, Any], str]:
    stem: Path = trained.stem(name)
    return (*weights_file.load(stem)[:2], weights_file.fingerprint(stem))


@cache
def _dim(encoder: TrainedBackbone) -> int:
    return int(encoder.activations(np.zeros((1, encoder.size, encoder.size, 1), np.uint8)).shape[1])
