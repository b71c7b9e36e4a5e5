"""CIFAR-100 from archives in the official format: what Python 2 and NumPy 1 pickled, in a packed tar."""

from __future__ import annotations

import contextlib
import pickle
import struct
import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from insitu.core import InsituError, cache_folder
from insitu.data import shot_lists
from insitu.data.cifar100 import Cifar100
from insitu.data.files.pickles import plain


def python2_pickle(value: Any) -> bytes:
    """Return what Python 2 wrote at protocol 2: text is bytes, and arrays are rebuilt by NumPy 1's names."""
    return b"\x80\x02" + _python2(value) + b"."


def _python2(value: Any) -> bytes:
    match value:
        case bool() | None:
            return {True: b"\x88", False: b"\x89", None: b"N"}[value]
        case int():
            return b"J" + struct.pack("<i", value)
        case str() | bytes():
            data = value.encode("latin1") if isinstance(value, str) else value
            return b"U" + bytes([len(data)]) + data if len(data) < 256 else b"T" + struct.pack("<i", len(data)) + data
        case tuple():
            return b"(" + b"".join(map(_python2, value)) + b"t"
        case list():
            return b"](" + b"".join(map(_python2, value)) + b"e"
        case dict():
            return b"}(" + b"".join(_python2(key) + _python2(one) for key, one in value.items()) + b"u"
        case np.ndarray():
            empty = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n" + _python2((0,)) + _python2("b") + b"tR"
            kind = b"cnumpy\ndtype\n" + _python2((value.dtype.str[1:], 0, 1)) + b"R"
            kind += _python2((3, "|", None, None, None, -1, -1, 0)) + b"b"
            return (
                empty
                + b"("
                + _python2(1)
                + _python2(value.shape)
                + kind
                + _python2(False)
                + _python2(value.tobytes())
                + b"tb"
            )
    raise TypeError(value)


def part(labels: np.ndarray, first: int) -> dict[str, Any]:
    count = len(labels)
    data = np.zeros((count, 3, 32, 32), np.uint8)
    data[:, 0, 0, 0] = np.arange(first, first + count) % 256  # red of the first pixel
    data[:, 1, 0, 1] = np.arange(first, first + count) // 256  # green of the second
    data[:, 2, 31, 0] = labels  # blue of the last row's first
    return {
        "filenames": [f"{label}_{row}.png" for row, label in enumerate(labels)],
        "batch_label": "training batch 1 of 1",
        "fine_labels": [int(label) for label in labels],
        "coarse_labels": [int(label) // 5 for label in labels],
        "data": data.reshape(count, 3072),
    }


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Two images of each base class, six of each novel one, mixed; the lists take the last five of each."""
    labels = np.random.default_rng(0).permutation(
        np.concatenate([np.arange(60).repeat(2), np.arange(60, 100).repeat(6)])
    )
    listed = np.stack(
        [np.concatenate([np.flatnonzero(labels == c)[-5:] for c in range(a, a + 5)]) for a in range(60, 100, 5)]
    )
    monkeypatch.setattr(shot_lists, "rows", lambda _: listed)
    return {
        "meta": python2_pickle({"fine_label_names": [f"thing_{c}" for c in range(100)], "coarse_label_names": ["x"]}),
        "train": python2_pickle(part(labels, 0)),
        "test": python2_pickle(part(np.arange(100).repeat(2), len(labels))),
    }


@pytest.fixture
def archive(tmp_path: Path) -> Callable[[dict[str, bytes]], Path]:
    def pack(files: dict[str, bytes]) -> Path:
        path = tmp_path / "data" / "cifar-100-python.tar.gz"
        with tarfile.open(path, "w:gz") as tar:
            folder = tarfile.TarInfo("cifar-100-python")
            folder.type = tarfile.DIRTYPE
            tar.addfile(folder)
            for name, data in files.items():
                member = tarfile.TarInfo(f"cifar-100-python/{name}")
                member.size = len(data)
                tar.addfile(member, BytesIO(data))
        return path

    return pack


def unpacked(files: dict[str, bytes], folder: Path) -> Path:
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def test_archive(files: dict[str, bytes], archive: Callable[..., Path]) -> None:
    archive(files)
    made = Cifar100().read()
    assert made.train.pixels.shape == (120 + 200, 32, 32, 3)
    assert made.test.pixels.shape == (200, 32, 32, 3)
    assert np.bincount(made.session).tolist() == [120] + [25] * 8
    assert np.bincount(made.train.labels).tolist() == [2] * 60 + [5] * 40
    for number in range(1, 9):
        assert set(made.train.labels[made.session == number]) == set(range(55 + 5 * number, 60 + 5 * number))
    for images in (made.train, made.test):  # channels are where they belong
        assert np.array_equal(images.pixels[:, 31, 0, 2], images.labels)
    rows = made.train.pixels[:, 0, 0, 0] + 256 * made.train.pixels[:, 0, 1, 1].astype(int)
    assert np.array_equal(rows[120:], shot_lists.rows("cifar100").ravel())
    assert np.all(np.diff(rows[:120]) > 0)
    assert made.train.names[99] == "thing_99"
    assert "not verified on the real archive" in made.verified


def test_folder_equals_archive(files: dict[str, bytes], archive: Callable[..., Path], tmp_path: Path) -> None:
    one = Cifar100(archive(files)).read()
    other = Cifar100(unpacked(files, tmp_path / "cifar-100-python")).read()
    assert np.array_equal(one.train.pixels, other.train.pixels)
    assert np.array_equal(one.test.labels, other.test.labels)


def test_shipped_lists_name_different_images() -> None:
    listed = shot_lists.rows("cifar100")
    assert listed.shape == (8, 25)
    assert len(np.unique(listed)) == 200
    assert 0 <= listed.min() <= listed.max() < 50_000


def refused(source: Path, *says: str) -> None:
    with pytest.raises(InsituError) as caught:
        Cifar100(source).read()
    message = str(caught.value)
    assert "\n" not in message
    for text in says:
        assert text in message
    assert not (cache_folder() / "decoded").exists()


@pytest.mark.parametrize("size", [0, 5, 100, 2000, -9])
def test_truncated_archive(files: dict[str, bytes], archive: Callable[..., Path], size: int) -> None:
    path = archive(files)
    path.write_bytes(path.read_bytes()[:size])
    refused(path, "cifar-100-python.tar.gz", "get it again")


def test_changed_bytes(files: dict[str, bytes], archive: Callable[..., Path]) -> None:
    path = archive(files)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 50] = bytes(50)
    path.write_bytes(data)
    refused(path, "get it again")


@pytest.mark.parametrize("name", ["train", "test", "meta"])
def test_missing_part(files: dict[str, bytes], archive: Callable[..., Path], name: str) -> None:
    del files[name]
    refused(archive(files), f"holds no {name}")


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("evil"),)


def test_pickle_that_runs_code_is_refused(
    files: dict[str, bytes], archive: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        refused(archive(files | {"train": pickle.dumps(Evil(), protocol)}), "train in", "only plain data")
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    "train",
    [
        [],
        {},
        {"data": np.zeros((100, 3072), np.uint8)},
        {"data": np.zeros((100, 3072), np.uint8), "fine_labels": list(range(99))},
        {"data": np.zeros((100, 3071), np.uint8), "fine_labels": list(range(100))},
        {"data": np.zeros((100, 3072), np.int8), "fine_labels": list(range(100))},
        {"data": np.zeros((100, 3072), np.uint8), "fine_labels": list(range(1, 101))},
        {"data": np.zeros((100, 3072), np.uint8), "fine_labels": ["x"] * 100},
    ],
)
def test_strange_contents(files: dict[str, bytes], archive: Callable[..., Path], train: Any) -> None:
    refused(archive(files | {"train": python2_pickle(train)}), "train in", "is damaged")


def test_too_few_names(files: dict[str, bytes], archive: Callable[..., Path]) -> None:
    refused(archive(files | {"meta": python2_pickle({"fine_label_names": ["a"]})}), "1 classes, not 100")


def test_images_in_another_order(files: dict[str, bytes], archive: Callable[..., Path]) -> None:
    sorted_labels = np.sort(np.array(plain(files["train"])["fine_labels"]))
    refused(
        archive(files | {"train": python2_pickle(part(sorted_labels, 0))}), "is not of the class that the lists name"
    )


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_pickled_today(protocol: int) -> None:
    value: dict[str, Any] = {"data": np.arange(6, dtype=np.uint8).reshape(2, 3), "fine_labels": [1, 2]}
    if protocol < 5:
        made = plain(pickle.dumps({"fine_labels": [1, 2]}, protocol))
        assert made == {"fine_labels": [1, 2]}
    assert np.array_equal(plain(python2_pickle(value))["data"], value["data"])


@hypothesis.given(st.integers(0, 200), st.integers(0, 255), st.binary(max_size=40))
def test_damaged_pickles_raise_one_error(at: int, byte: int, tail: bytes) -> None:
    data = bytearray(python2_pickle({"data": np.arange(6, dtype=np.uint8), "names": ["a", 1, None]}))
    data[at % len(data)] = byte
    for damaged in (bytes(data), bytes(data[:at]), tail):
        with contextlib.suppress(pickle.UnpicklingError):
            plain(damaged)
