"""A few-shot data set as vectors: shipped with the package, or encoded here from the images by the shipped backbone."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from insitu import catalog
from insitu.backbones import encoding, trained, weights_file
from insitu.core import InsituError, cache_folder, generator
from insitu.data import FewShotImages
from insitu.protocols import Examples
from insitu.protocols.few_shot_sessions import FewShotBase
from insitu.scenarios import array_files
from insitu.scenarios.array_files import Arrays
from insitu.scenarios.checks import check_data

EXAMPLES = 20  # per base class, stored with the means, unless the card says otherwise


@dataclass(frozen=True)
class Embedded:
    """Activations (n, features) float32 of a data set: class means and examples of the base, shots, tests."""

    means: Tensor  # (base classes, features), over all base images
    examples: Tensor
    example_labels: Tensor
    shots: Tensor
    shot_labels: Tensor
    shot_sessions: Tensor
    test: Tensor
    test_labels: Tensor
    weight: Tensor  # (dim, features), the backbone's last linear layer
    bias: Tensor
    note: str  # one sentence on which data it is

    def base(self, known: bool = True) -> FewShotBase:
        """Return what a learner is prepared with, and whether it is to know the base classes."""
        return FewShotBase(self.means, Examples(self.examples, self.example_labels), self.weight, self.bias, known)

    def novel(self) -> tuple[Tensor, Tensor]:
        """Return all activations (n, features) of classes that are not in the base, and their labels (n,)."""
        new = self.test_labels >= len(self.means)
        return torch.cat([self.shots, self.test[new]]), torch.cat([self.shot_labels, self.test_labels[new]])


# fields of the file; the others come with the backbone or are derived
STORED = tuple(field.name for field in fields(Embedded) if field.name not in ("weight", "bias", "note"))


def encode(images: FewShotImages, stem: Path) -> Arrays:
    """Encode a data set by the backbone at ``stem``, as its card says, and return the arrays of an ``Embedded``."""
    network, card, _ = weights_file.load(stem)
    network = network.double() if isinstance(network, nn.Module) else network  # frozen ones add whole numbers
    size, mirror, examples = int(card["image_size"]), bool(card.get("mirror")), int(card.get("examples", EXAMPLES))
    base = np.flatnonzero(images.session == 0)
    labels = images.train.labels[base]
    activations = encoding.features(network, images.train.pixels[base], size, mirror).numpy()
    classes = int(labels.max()) + 1
    draw = generator(0, "examples")
    chosen = np.concatenate([np.sort(draw.permutation(np.flatnonzero(labels == c))[:examples]) for c in range(classes)])
    shots = np.flatnonzero(images.session > 0)
    return {
        "means": np.stack([activations[labels == c].mean(0, np.float64) for c in range(classes)]).astype(np.float16),
        "examples": encoding.stored(activations[chosen]),
        "example_labels": labels[chosen].astype(np.int16),
        "shots": encoding.stored(encoding.features(network, images.train.pixels[shots], size, mirror).numpy()),
        "shot_labels": images.train.labels[shots].astype(np.int16),
        "shot_sessions": images.session[shots].astype(np.int16),
        "test": encoding.stored(encoding.features(network, images.test.pixels, size, mirror).numpy()),
        "test_labels": images.test.labels.astype(np.int16),
    }


@cache
def load(backbone: str, name: str, data: str) -> Embedded:
    """Return data set ``name`` as vectors made by the shipped ``backbone``.

    ``data`` is ``package`` or ``images``; encodings of images are cached. Bits are stored packed and come as -1 and +1.
    """
    check_data(data)
    if data == "package":
        file = trained.FOLDER / f"{backbone}.embeddings.npz"
        if not file.exists():
            raise InsituError(f"no embeddings of {name} come with the package; get the images and use --data images")
        arrays = array_files.read(file, STORED)
        note = f"embeddings of {name} that come with the package, made by the shipped backbone"
        network, card, _ = weights_file.load(trained.FOLDER / backbone)
        held = str(card.get("data", name)).partition(":")[0]
        if held != name:
            raise InsituError(
                f"the embeddings of backbone {backbone} are of {held}, not of {name}; with images, use --data images"
            )
    else:
        stem = trained.stem(backbone)
        network, card, _ = weights_file.load(stem)  # before images are read, which takes long
        images = catalog.load(catalog.find(name, "data"))().read()
        how = f"{card['image_size']}-{card.get('examples', EXAMPLES)}{'-mirror' * bool(card.get('mirror'))}"
        made = f"{name}-{how}-{weights_file.fingerprint(stem)}-float64"
        file = cache_folder() / "embeddings" / f"{made}.npz"
        if not file.exists():
            array_files.write(file, encode(images, stem), compress=True)
        arrays, note = array_files.read(file, STORED), f"images of {name}, encoded here by the shipped backbone"
        note += f"; {images.verified}" if images.verified else ""
    features = arrays["means"].shape[1]
    weight, bias = encoding.last_layer(network, features)
    tensors = {key: torch.from_numpy(encoding.restored(value, features)) for key, value in arrays.items()}
    return Embedded(**tensors, weight=weight, bias=bias, note=note)
