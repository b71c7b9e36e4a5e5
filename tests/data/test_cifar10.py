"""CIFAR-10 from archives in the official format and from JPEG copies, which say that they are not the originals."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from test_cifar100 import python2_pickle

from insitu.core import InsituError, cache_folder
from insitu.data.cifar10 import NAMES, Cifar10

Pack = Callable[[dict[str, bytes], str], Path]


def batch(labels: list[int], first: int) -> dict[str, Any]:
    data = np.zeros((len(labels), 3, 32, 32), np.uint8)
    data[:, 0, 0, 0] = np.arange(first, first + len(labels))  # red of the first pixel
    data[:, 1, 0, 1] = labels  # green of the second
    return {"batch_label": "some", "labels": labels, "data": data.reshape(len(labels), 3072), "filenames": ["x"]}


@pytest.fixture
def files() -> dict[str, bytes]:
    """Five batches of four images, and a test of twenty."""
    labels = np.random.default_rng(0).permutation(np.arange(10).repeat(2)).tolist()
    made = {f"data_batch_{k + 1}": python2_pickle(batch(labels[4 * k : 4 * k + 4], 4 * k)) for k in range(5)}
    made["test_batch"] = python2_pickle(batch(list(range(10)) * 2, 100))
    made["batches.meta"] = python2_pickle({"label_names": list(NAMES), "num_vis": 3072})
    return made


@pytest.fixture
def jpegs() -> dict[str, bytes]:
    """Three training and two test images a class, each of one grey of its own; the archive's order is another."""
    made = {}
    for part, each in (("test", 2), ("train", 3)):
        for number in range(each):
            for label, name in enumerate(reversed(NAMES)):
                grey = 8 * (9 - label) + number + (100 if part == "test" else 0)
                out = io.BytesIO()
                Image.fromarray(np.full((32, 32, 3), grey, np.uint8)).save(out, "jpeg", quality=100)
                made[f"{part}/{name}/{number:04d}.jpg"] = out.getvalue()
    return made


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    def made(files: dict[str, bytes], name: str) -> Path:
        path = tmp_path / "data" / name
        with tarfile.open(path, "w:xz" if name.endswith("xz") else "w:gz") as tar:
            for file, data in files.items():
                member = tarfile.TarInfo(f"cifar-10-batches-py/{file}" if "python" in name else file)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
        return path

    return made


def unpacked(files: dict[str, bytes], folder: Path) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def test_official_archive(files: dict[str, bytes], pack: Pack) -> None:
    pack(files, "cifar-10-python.tar.gz")
    made = Cifar10().read()
    assert made.train.names == NAMES
    assert made.train.pixels[:, 0, 0, 0].tolist() == list(range(20))  # batches one after the other
    assert np.array_equal(made.train.pixels[:, 0, 1, 1], made.train.labels)
    assert np.array_equal(made.test.pixels[:, 0, 1, 1], made.test.labels)
    assert made.test.labels.tolist() == list(range(10)) * 2
    assert not made.session.any()
    assert "official archive is not" in made.verified


def test_folder_equals_archive(files: dict[str, bytes], pack: Pack, tmp_path: Path) -> None:
    one = Cifar10(pack(files, "cifar-10-python.tar.gz")).read()
    other = Cifar10(unpacked(files, tmp_path / "cifar-10-batches-py")).read()
    assert np.array_equal(one.train.pixels, other.train.pixels)
    assert np.array_equal(one.test.labels, other.test.labels)


def test_jpeg_copies_say_that_they_are_lossy(jpegs: dict[str, bytes], pack: Pack, tmp_path: Path) -> None:
    pack(jpegs, "cifar10_jpeg.tar.xz")
    packed, folder = Cifar10().read(), Cifar10(unpacked(jpegs, tmp_path / "copies")).read()
    for made in (packed, folder):
        assert "lossy, not the original pixels" in made.verified
        assert made.train.labels.tolist() == np.arange(10).repeat(3).tolist()
        grey = made.train.pixels[:, 16, 16, 0].astype(int)
        assert np.abs(grey - (8 * made.train.labels + np.tile(np.arange(3), 10))).max() <= 1
        assert len(made.test) == 20
        assert (made.test.pixels.reshape(20, -1).min(1) >= 98).all()


def test_the_official_archive_comes_first(files: dict[str, bytes], jpegs: dict[str, bytes], pack: Pack) -> None:
    pack(jpegs, "cifar10_jpeg.tar.xz")
    pack(files, "cifar-10-python.tar.gz")
    assert "lossy" not in Cifar10().read().verified


def refused(source: Path, *says: str) -> None:
    with pytest.raises(InsituError) as caught:
        Cifar10(source).read()
    assert "\n" not in str(caught.value)
    for text in says:
        assert text in str(caught.value)
    assert not (cache_folder() / "decoded").exists()


@pytest.mark.parametrize("size", [0, 100, -9])
def test_truncated_archives(files: dict[str, bytes], jpegs: dict[str, bytes], pack: Pack, size: int) -> None:
    for path in (pack(files, "cifar-10-python.tar.gz"), pack(jpegs, "cifar10_jpeg.tar.xz")):
        path.write_bytes(path.read_bytes()[:size])
        refused(path, path.name, "get it again")


@pytest.mark.parametrize("name", ["data_batch_3", "test_batch"])
def test_missing_batch(files: dict[str, bytes], pack: Pack, name: str) -> None:
    del files[name]
    refused(pack(files, "cifar-10-python.tar.gz"), f"holds no {name}")


@pytest.mark.parametrize(
    "strange",
    [
        [],
        {"data": np.zeros((4, 3072), np.uint8)},
        {"data": np.zeros((4, 3072), np.uint8), "labels": [0, 1, 2]},
        {"data": np.zeros((4, 3072), np.uint8), "labels": [0, 1, 2, 10]},
        {"data": np.zeros((4, 3072), np.uint8), "labels": [-1, 1, 2, 3]},
        {"data": np.zeros((4, 1024), np.uint8), "labels": [0, 1, 2, 3]},
        {"data": np.zeros((0, 3072), np.uint8), "labels": []},
    ],
)
def test_strange_batches(files: dict[str, bytes], pack: Pack, strange: Any) -> None:
    path = pack(files | {"data_batch_2": python2_pickle(strange)}, "cifar-10-python.tar.gz")
    refused(path, "data_batch_2 in", "is damaged")


def test_classes_in_another_order(files: dict[str, bytes], pack: Pack) -> None:
    meta = python2_pickle({"label_names": sorted(NAMES, reverse=True)})
    refused(pack(files | {"batches.meta": meta}, "cifar-10-python.tar.gz"), "names the classes truck, ship")


def test_copies_that_lack_a_class(jpegs: dict[str, bytes], pack: Pack) -> None:
    some = {name: data for name, data in jpegs.items() if not name.startswith("test/dog")}
    refused(pack(some, "cifar10_jpeg.tar.xz"), "holds no test/dog/<name>.jpg")


def test_copies_of_another_size(jpegs: dict[str, bytes], pack: Pack, picture: Callable[..., bytes]) -> None:
    path = pack(jpegs | {"train/cat/0000.jpg": picture(48, 32, "jpeg")}, "cifar10_jpeg.tar.xz")
    refused(path, "train/cat/0000.jpg", "48 x 32 pixels", "32 x 32")


def test_copies_that_are_no_images(jpegs: dict[str, bytes], pack: Pack) -> None:
    refused(pack(jpegs | {"train/cat/0000.jpg": b"no"}, "cifar10_jpeg.tar.xz"), "train/cat/0000.jpg", "not a readable")


@pytest.mark.images
def test_the_real_copies(real: Path) -> None:
    if not (real / "cifar10_jpeg.tar.xz").exists():
        pytest.skip("INSITU_DATA holds no cifar10_jpeg.tar.xz")
    made = Cifar10(real / "cifar10_jpeg.tar.xz").read()
    assert np.bincount(made.train.labels).tolist() == [5000] * 10
    assert np.bincount(made.test.labels).tolist() == [1000] * 10
    assert "lossy" in made.verified
