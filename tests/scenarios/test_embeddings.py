"""Vectors of a data set: shipped, or encoded from images by the shipped backbone; damage is one line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from insitu import catalog
from insitu.backbones import encoding, trained, weights_file
from insitu.backbones.resnet12 import ResNet12
from insitu.core import InsituError
from insitu.data import FewShotImages, Images
from insitu.scenarios import array_files, embeddings

OLD, NEW, EACH, SHOTS, TESTS = 3, 2, 6, 4, 5
RECORD = ResNet12((2, 3, 4, 5), dim=7)


def pictures() -> FewShotImages:
    rng = np.random.default_rng(0)
    names = tuple("abcde")
    labels = np.concatenate([np.arange(OLD).repeat(EACH), np.arange(OLD, OLD + NEW).repeat(SHOTS)])
    session = np.where(labels < OLD, 0, labels - OLD + 1)
    tests = np.arange(OLD + NEW).repeat(TESTS)

    def images(labels: np.ndarray) -> Images:
        return Images(rng.integers(0, 256, (len(labels), 16, 16, 3), np.uint8), labels, names)

    return FewShotImages(images(labels), session, images(tests))


class PictureBase:
    reads = 0

    def read(self) -> FewShotImages:
        PictureBase.reads += 1
        return pictures()


@pytest.fixture(autouse=True)
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of weights with one backbone in it, and a data set of its name."""
    monkeypatch.setattr(trained, "FOLDER", tmp_path)
    monkeypatch.setenv("INSITU_CACHE", str(tmp_path / "cache"))
    weights_file.save(tmp_path / "tiny_pictures", RECORD.build(3), {"image_size": 16, "examples": 2})
    part = catalog.Part("data", "tiny-pictures", tmp_path / "tiny_pictures.py", "TinyPictures", "")
    find = catalog.find
    monkeypatch.setattr(catalog, "find", lambda name, room=None: part if name == "tiny_pictures" else find(name, room))
    load = catalog.load
    monkeypatch.setattr(catalog, "load", lambda given: PictureBase if given is part else load(given))
    PictureBase.reads = 0
    embeddings.load.cache_clear()
    yield tmp_path
    embeddings.load.cache_clear()


def ship(folder: Path) -> Path:
    file = folder / "tiny_pictures.embeddings.npz"
    array_files.write(file, embeddings.encode(pictures(), folder / "tiny_pictures"), compress=True)
    return file


def test_encoding_takes_base_shots_and_tests_apart(weights: Path) -> None:
    arrays = embeddings.encode(pictures(), weights / "tiny_pictures")
    assert {name: (array.shape, array.dtype.kind) for name, array in arrays.items()} == {
        "means": ((OLD, 5), "f"),
        "examples": ((OLD * 2, 5), "f"),
        "example_labels": ((OLD * 2,), "i"),
        "shots": ((NEW * SHOTS, 5), "f"),
        "shot_labels": ((NEW * SHOTS,), "i"),
        "shot_sessions": ((NEW * SHOTS,), "i"),
        "test": (((OLD + NEW) * TESTS, 5), "f"),
        "test_labels": (((OLD + NEW) * TESTS,), "i"),
    }
    assert arrays["example_labels"].tolist() == [0, 0, 1, 1, 2, 2]
    assert set(arrays["shot_sessions"].tolist()) == {1, 2}


def test_means_are_over_all_base_images_and_examples_are_some_of_them(weights: Path) -> None:
    arrays = embeddings.encode(pictures(), weights / "tiny_pictures")
    network, _, _ = weights_file.load(weights / "tiny_pictures")
    base = encoding.features(network, pictures().train.pixels[: OLD * EACH], 16).float().view(OLD, EACH, -1)
    np.testing.assert_allclose(arrays["means"], base.mean(1), atol=2e-3)
    for label, example in zip(arrays["example_labels"], arrays["examples"], strict=True):
        distance = (base[int(label)] - torch.from_numpy(example.astype(np.float32))).abs().amax(1)
        assert float(distance.min()) < 1e-6


def test_the_package_and_the_images_give_the_same_vectors(weights: Path) -> None:
    ship(weights)
    packed, encoded = (embeddings.load("tiny_pictures", "tiny_pictures", data) for data in ("package", "images"))
    for name in embeddings.STORED:
        assert torch.equal(getattr(packed, name), getattr(encoded, name)), name
    assert torch.equal(packed.weight, encoded.weight)
    assert packed.means.dtype == torch.float32
    assert packed.shot_labels.dtype == torch.int64
    assert "come with the package" in packed.note
    assert "encoded here" in encoded.note


def test_images_are_encoded_once(weights: Path) -> None:
    embeddings.load("tiny_pictures", "tiny_pictures", "images")
    files = list((weights / "cache" / "embeddings").iterdir())
    before = files[0].stat().st_mtime_ns
    embeddings.load.cache_clear()
    embeddings.load("tiny_pictures", "tiny_pictures", "images")
    assert [(file, file.stat().st_mtime_ns) for file in (weights / "cache" / "embeddings").iterdir()] == [
        (files[0], before)
    ]


def test_another_backbone_or_card_encodes_anew(weights: Path) -> None:
    first = embeddings.load("tiny_pictures", "tiny_pictures", "images")
    embeddings.load.cache_clear()
    weights_file.save(weights / "tiny_pictures", RECORD.build(4), {"image_size": 16, "examples": 2})
    second = embeddings.load("tiny_pictures", "tiny_pictures", "images")
    assert not torch.equal(first.means, second.means)
    embeddings.load.cache_clear()
    weights_file.save(weights / "tiny_pictures", RECORD.build(4), {"image_size": 16, "examples": 3})
    assert len(embeddings.load("tiny_pictures", "tiny_pictures", "images").examples) == OLD * 3


def test_a_card_without_a_number_of_examples_means_twenty(weights: Path) -> None:
    card = weights / "tiny_pictures.json"
    card.write_text(json.dumps({k: v for k, v in json.loads(card.read_text()).items() if k != "examples"}))
    arrays = embeddings.encode(pictures(), weights / "tiny_pictures")
    assert len(arrays["examples"]) == OLD * min(EACH, embeddings.EXAMPLES)


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "bits", "array missing"])
def test_damaged_embeddings_are_one_line(weights: Path, damage: str) -> None:
    file = ship(weights)
    whole = file.read_bytes()
    if damage == "array missing":
        with np.load(file) as archive:
            np.savez(file, **{name: archive[name] for name in archive.files if name != "test"})
    else:
        third = len(whole) // 3
        turned = whole[:third] + bytes(byte ^ 255 for byte in whole[third : third + 40]) + whole[third + 40 :]
        harmed = {"cut": whole[: 2 * third], "empty": b"", "text": b"not an archive\n", "bits": turned}
        file.write_bytes(harmed[damage])
    with pytest.raises(InsituError, match=r"embeddings\.npz is damaged .*; reinstall the package$") as error:
        embeddings.load("tiny_pictures", "tiny_pictures", "package")
    assert "\n" not in str(error.value)


def test_damaged_encodings_in_the_cache_may_be_deleted(weights: Path) -> None:
    embeddings.load("tiny_pictures", "tiny_pictures", "images")
    (file,) = (weights / "cache" / "embeddings").iterdir()
    file.write_bytes(file.read_bytes()[:100])
    embeddings.load.cache_clear()
    with pytest.raises(InsituError, match=r"is damaged .*; delete it and run again$"):
        embeddings.load("tiny_pictures", "tiny_pictures", "images")


def test_what_is_not_there_is_said(weights: Path) -> None:
    with pytest.raises(InsituError, match="no embeddings of tiny_pictures come with the package"):
        embeddings.load("tiny_pictures", "tiny_pictures", "package")
    with pytest.raises(InsituError, match="no backbone omniglot"):
        embeddings.load("omniglot", "omniglot", "images")
    with pytest.raises(InsituError, match="data is 'package' or 'images'; got 'web'"):
        embeddings.load("tiny_pictures", "tiny_pictures", "web")
    assert PictureBase.reads == 0


def test_embeddings_of_another_data_set_are_not_taken_for_it(weights: Path) -> None:
    ship(weights)
    card = weights / "tiny_pictures.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | {"data": "others: 30 images"}))
    with pytest.raises(InsituError, match="embeddings of backbone tiny_pictures are of others, not of tiny_pictures"):
        embeddings.load("tiny_pictures", "tiny_pictures", "package")


def test_a_data_set_is_found_by_its_file_name(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # with the real catalog: the images are missing, and that is what is said
    monkeypatch.undo()
    monkeypatch.setattr(trained, "FOLDER", weights)
    monkeypatch.setenv("INSITU_CACHE", str(weights / "cache"))
    monkeypatch.setenv("INSITU_DATA", str(weights / "nothing"))
    weights_file.save(weights / "omniglot", RECORD.build(3), {"image_size": 16})
    with pytest.raises(InsituError, match="omniglot is not on this machine"):
        embeddings.load("omniglot", "omniglot", "images")
