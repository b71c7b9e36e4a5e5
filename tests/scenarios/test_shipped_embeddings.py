"""What comes with the package: every shipped backbone has its embeddings, and real images give the same again."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from insitu import catalog
from insitu.backbones import encoding, trained, weights_file
from insitu.scenarios import embeddings

NAMES = sorted(file.name.partition(".")[0] for file in trained.FOLDER.glob("*.embeddings.npz"))
ENCODED = {
    "binary": "miniimagenet",
    "omniglot_background": "omniglot-background",
}  # what a backbone encodes that does not bear the name of a data set


@pytest.mark.parametrize("name", NAMES)
def test_files_are_small_and_fit_together(name: str) -> None:
    held = embeddings.load(name, ENCODED.get(name, name), "package")
    network, card, _ = weights_file.load(trained.stem(name))
    assert held.means.shape[1] == held.test.shape[1] == encoding.last_layer(network, held.means.shape[1])[0].shape[1]
    assert len(held.examples) == len(held.means) * card.get("examples", embeddings.EXAMPLES)
    # no label of a shot is one of the base: those classes are new
    assert int(held.shot_labels.min()) >= len(held.means)


@pytest.mark.parametrize("file", sorted(trained.FOLDER.iterdir()), ids=lambda file: file.name)
def test_no_shipped_file_is_large(file: Path) -> None:
    assert file.stat().st_size <= (4 if file.name == "binary.safetensors" else 8) * 2**20


@pytest.mark.images
@pytest.mark.parametrize("name", NAMES)
def test_real_images_give_the_shipped_embeddings(name: str) -> None:
    if not (folder := os.environ.get("INSITU_DATA")):
        pytest.skip("INSITU_DATA is not set: the real images are not here")
    data_set = ENCODED.get(name, name)
    record = catalog.load(catalog.find(data_set, "data"))()
    if not any(all((Path(folder) / part).exists() for part in layout) for layout in record.layouts):
        pytest.skip(f"{data_set} is not in INSITU_DATA")
    images = record.read()
    network, card, _ = weights_file.load(trained.stem(name))
    rows = np.arange(0, len(images.test), len(images.test) // 40)
    made = encoding.features(network, images.test.pixels[rows], card["image_size"], bool(card.get("mirror"))).float()
    shipped = embeddings.load(name, data_set, "package").test[rows]
    if name == "binary":
        assert torch.equal(made, shipped)
        return
    # float16 keeps three digits; sums of floats in another order move the last of them
    assert float((made - shipped).abs().max()) < 0.01 * float(shipped.abs().max())
