"""miniImageNet from folders and zips, whole and damaged."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from insitu.core import InsituError, cache_folder
from insitu.data.miniimagenet import MiniImageNet


def test_lists_decide(mini: Path) -> None:
    made = MiniImageNet().read()  # found through INSITU_DATA
    assert made.train.pixels.shape == (3 * 4 + 8 * 2, 84, 84, 3)
    assert made.test.pixels.shape == (11 * 2, 84, 84, 3)
    assert made.session.tolist() == [0] * 12 + [s for s in range(1, 9) for _ in range(2)]
    assert made.train.labels.tolist() == [c for c in range(3) for _ in range(4)] + [
        c for c in range(3, 11) for _ in "12"
    ]
    assert made.train.names == tuple(f"n{number:08d}" for number in range(11))
    first = (mini / "sessions" / "session_1.txt").read_text().split()[0]
    assert np.array_equal(made.train.pixels[0], np.asarray(Image.open(mini / first)))


@pytest.mark.parametrize("within", ["", "miniimagenet_fscil/"])
def test_zip_equals_folder(mini: Path, zipped: Callable[..., Path], tmp_path: Path, within: str) -> None:
    file = zipped(mini, tmp_path / "some.zip", within)
    one, other = MiniImageNet(mini).read(), MiniImageNet(file).read()
    assert np.array_equal(one.train.pixels, other.train.pixels)
    assert np.array_equal(one.test.labels, other.test.labels)


def refused(source: Path | None, *says: str) -> None:
    with pytest.raises(InsituError) as caught:
        MiniImageNet(source).read()
    message = str(caught.value)
    assert "\n" not in message
    for text in says:
        assert text in message
    assert not (cache_folder() / "decoded").exists(), "nothing half-written"


def test_not_there(tmp_path: Path) -> None:
    refused(
        None, "miniimagenet is not on this machine", "miniimagenet_fscil.zip", str(tmp_path / "data"), "INSITU_DATA"
    )
    refused(tmp_path / "absent", "absent", "check the path")


@pytest.mark.parametrize("size", [0, 10, 1000, -1])
def test_truncated_zip(mini: Path, zipped: Callable[..., Path], tmp_path: Path, size: int) -> None:
    file = zipped(mini, tmp_path / "some.zip")
    file.write_bytes(file.read_bytes()[:size])
    refused(file, "some.zip", "get it again")


def test_zip_with_a_changed_byte(mini: Path, zipped: Callable[..., Path], tmp_path: Path) -> None:
    file = zipped(mini, tmp_path / "some.zip")
    with zipfile.ZipFile(file) as archive:
        name = archive.namelist()[-1]
        at = archive.getinfo(name).header_offset + 90
    data = bytearray(file.read_bytes())
    data[at] ^= 255
    file.write_bytes(data)
    refused(file, name, "CRC", "get it again")


def test_text_in_place_of_a_zip(tmp_path: Path) -> None:
    (tmp_path / "some.zip").write_text("<html>quota exceeded</html>")
    refused(tmp_path / "some.zip", "some.zip is damaged", "get it again")


def test_folder_of_something_else(tmp_path: Path) -> None:
    refused(tmp_path / "data", "holds no classes.txt")


@pytest.mark.parametrize(
    "name", ["sessions/session_5.txt", "sessions/test.txt", "train/n00000004/n0000000400000001.jpg"]
)
def test_missing_file(mini: Path, name: str) -> None:
    (mini / name).unlink()
    refused(mini, f"holds no {name}")


def test_empty_list(mini: Path) -> None:
    (mini / "sessions" / "session_3.txt").write_text("\n")
    refused(mini, "sessions/session_3.txt", "is empty")


def test_list_of_other_bytes(mini: Path) -> None:
    (mini / "sessions" / "session_3.txt").write_bytes(b"\xff\xfe\x00")
    refused(mini, "sessions/session_3.txt", "damaged")


@pytest.mark.parametrize("line", ["train/n99999999/a.jpg", "a.jpg", "x/train/n00000001/a.jpg"])
def test_list_with_a_strange_name(mini: Path, line: str) -> None:
    with (mini / "sessions" / "session_3.txt").open("a") as file:
        file.write(f"{line}\n")
    refused(mini, line, "train/<class>/<image>")


def test_image_or_class_named_twice(mini: Path) -> None:
    text = (mini / "sessions" / "test.txt").read_text()
    (mini / "sessions" / "test.txt").write_text(text + text.split()[3])
    refused(mini, "an image twice", text.split()[3])
    (mini / "classes.txt").write_text((mini / "classes.txt").read_text() + "n00000001")
    refused(mini, "a class twice", "n00000001")


def test_class_of_two_sessions(mini: Path) -> None:
    sessions = mini / "sessions"
    (sessions / "session_3.txt").write_text(
        (sessions / "session_3.txt").read_text() + (sessions / "session_2.txt").read_text().split()[0]
    )
    (sessions / "session_2.txt").write_text((sessions / "session_2.txt").read_text().split()[1])
    with pytest.raises(InsituError, match="is in two sessions"):
        MiniImageNet(mini).read()


@pytest.mark.parametrize("harm", ["empty", "cut", "text"])
def test_damaged_image(mini: Path, harm: str) -> None:
    name = (mini / "sessions" / "test.txt").read_text().split()[5]
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (84, 84, 3), np.uint8)).save(out, "jpeg")
    (mini / name).write_bytes({"empty": b"", "cut": out.getvalue()[:900], "text": b"not an image"}[harm])
    refused(mini, name, "is not a readable image")


def test_image_of_another_size(mini: Path, picture: Callable[..., bytes]) -> None:
    name = (mini / "sessions" / "session_4.txt").read_text().split()[0]
    (mini / name).write_bytes(picture(92, 84))
    refused(mini, name, "92 x 84", "84 x 84")


@pytest.mark.images
def test_real_images(real: Path) -> None:
    if not any((real / names[0]).exists() for names in MiniImageNet.layouts):
        pytest.skip(f"miniImageNet is not in {real}")
    MiniImageNet().read()
    made = MiniImageNet().read()
    # mapped, not read: what makes a second visit quick
    assert isinstance(made.train.pixels, np.memmap)
    assert np.bincount(made.session).tolist() == [30_000] + [25] * 8
    assert np.bincount(made.train.labels).tolist() == [500] * 60 + [5] * 40
    assert np.bincount(made.test.labels).tolist() == [100] * 100
    for number in range(1, 9):  # each session brings the next five classes
        assert set(made.train.labels[made.session == number]) == set(range(55 + 5 * number, 60 + 5 * number))
    assert 80 < np.asarray(made.test.pixels[::50]).mean() < 150
