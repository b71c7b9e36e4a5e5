"""A user's own images."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from PIL import Image

from insitu.core import InsituError, cache_folder
from insitu.data import decoding
from insitu.data.folder import Folder


def test_classes_and_sessions(mine: Path) -> None:
    made = Folder(mine, base_classes=2, shots=3, per_session=2, size=16).read()
    assert made.train.names == ("ant", "bee", "cat", "dog", "eel")
    assert made.train.pixels.shape == (2 * 6 + 3 * 3, 16, 16, 3)
    assert made.session.tolist() == [0] * 12 + [1] * 6 + [2] * 3
    assert np.bincount(made.test.labels).tolist() == [1, 1, 4, 4, 4]
    assert made.verified == ""


def test_all_classes_may_be_new(mine: Path) -> None:
    made = Folder(mine, per_session=1, size=16).read()
    assert made.session.tolist() == [s for s in range(1, 6) for _ in range(5)]


def test_images_become_one_shape(tmp_path: Path) -> None:
    folder = tmp_path / "one" / "a"
    folder.mkdir(parents=True)
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = (200, 100, 50)  # the middle square
    for row in range(2):
        Image.fromarray(wide).save(folder / f"{row}.png")
    clear = Image.new("RGBA", (10, 10), (0, 0, 0, 0))
    clear.save(folder / "2.png")
    turned = Image.fromarray(np.concatenate([np.zeros((10, 10, 3), np.uint8), np.full((10, 10, 3), 255, np.uint8)]))
    exif = Image.Exif()
    exif[0x0112] = 3  # the camera was upside down
    turned.crop((0, 5, 10, 15)).save(folder / "3.png", exif=exif)
    pixels = Folder(tmp_path / "one", shots=1, size=5).read().test.pixels
    assert np.all(pixels[0, 1:-1, 1:-1] == (200, 100, 50))  # scaling blends the edge with what is beside it
    assert np.all(pixels[1] == 255)
    assert pixels[2, 0].mean() > 200 > 50 > pixels[2, -1].mean()


CLUTTER = (
    "@eaDir",
    "@Recycle",
    ".git",
    ".ipynb_checkpoints",
    "__MACOSX",
    "#recycle",
    "~snapshot",
    "$RECYCLE.BIN",
    "System Volume Information",
    "FOUND.000",
    "found.012",
    "desktop.ini.d",
    "lost+found",
)


def test_clutter_is_left_out_and_said_so(mine: Path, picture: Callable[..., bytes]) -> None:
    for name in CLUTTER:
        (mine / name).mkdir()
        for number in range(9):
            (mine / name / f"{number}.png").write_bytes(picture())
    (mine / "empty").mkdir()
    (mine / "texts").mkdir()
    (mine / "texts" / "notes.txt").write_text("x")
    (mine / "notes.txt").write_text("x")
    (mine / "ant" / "notes.txt").write_text("x")
    (mine / "ant" / ".hidden.png").write_bytes(b"x")
    (mine / "ant" / "deeper").mkdir()
    (mine / "ant" / "@eaDir").mkdir()
    with pytest.warns(UserWarning, match="left out") as caught:
        made = Folder(mine, size=8).read()
    assert made.train.names == ("ant", "bee", "cat", "dog", "eel")
    (warning,) = caught
    assert all(repr(name) in str(warning.message) for name in (*CLUTTER, "empty", "texts"))
    assert warning.filename == __file__, "the line of the user is shown"


def test_names_that_only_begin_like_clutter_are_classes(tmp_path: Path, picture: Callable[..., bytes]) -> None:
    names = ("desktop", "found.1000", "foundation", "recycle", "~tilde")
    for name in names:
        (tmp_path / "mine" / name).mkdir(parents=True)
        for number in range(2):
            (tmp_path / "mine" / name / f"{number}.png").write_bytes(picture())
    assert Folder(tmp_path / "mine", shots=1, size=8).read().train.names == names


def test_what_changes_beside_the_classes_does_not_move_them(mine: Path) -> None:
    before = Folder(mine, size=8).read()
    (mine / "aaa").mkdir()
    with pytest.warns(UserWarning, match="'aaa'"):
        after = Folder(mine, size=8).read()
    assert np.array_equal(before.train.pixels, after.train.pixels)
    assert np.array_equal(before.train.labels, after.train.labels)


def test_a_changed_folder_is_read_anew(mine: Path, picture: Callable[..., bytes]) -> None:
    assert len(Folder(mine, size=8).read().test) == 10
    (mine / "ant" / "99.png").write_bytes(picture())
    assert len(Folder(mine, size=8).read().test) == 11
    assert Folder(mine, size=9).read().test.pixels.shape[1] == 9
    (mine / "ant" / "99.png").unlink()
    assert len(Folder(mine, size=8).read().test) == 10


def refused(path: Path | str, *says: str, **given: Any) -> None:
    with pytest.raises(InsituError) as caught:
        Folder(path, **given).read()
    message = str(caught.value)
    assert "\n" not in message
    for text in says:
        assert text in message
    assert not (cache_folder() / "decoded").exists()


def test_not_a_folder(mine: Path) -> None:
    refused(mine / "ant" / "0.png", "0.png is not a folder", "one sub-folder of images per class")
    refused(mine / "absent", "absent is not a folder")


def test_no_classes(tmp_path: Path) -> None:
    refused(tmp_path / "data", "has no classes", "one sub-folder")
    (tmp_path / "data" / "@eaDir").mkdir()
    refused(tmp_path / "data", "has no classes", "left out '@eaDir'")


def test_a_path_may_be_a_string(mine: Path) -> None:
    refused(str(mine / "absent"), "absent is not a folder")
    made, plain = Folder(str(mine), size=8).read(), Folder(mine, size=8)
    assert Folder(str(mine), size=8) == plain
    assert np.array_equal(made.test.pixels, plain.read().test.pixels)


@pytest.mark.parametrize("path", [None, 3, b"mine", ["mine"]])
def test_a_path_is_a_path(path: Any) -> None:
    with pytest.raises(InsituError, match="path is that of a folder"):
        Folder(path)


def test_too_few_images(mine: Path) -> None:
    refused(mine, "class ant has 7 images", "at least 8", shots=7)
    for file in sorted((mine / "dog").iterdir())[1:]:
        file.unlink()
    refused(mine, "class dog has 1 image in", "at least 2", base_classes=5)


def test_too_many_base_classes(mine: Path) -> None:
    refused(mine, "base_classes is 6", "5 classes", base_classes=6)


@pytest.mark.parametrize("given", [{"shots": "5"}, {"size": 8.5}, {"base_classes": True}, {"per_session": None}])
def test_numbers_are_whole(mine: Path, given: dict[str, Any]) -> None:
    refused(mine, f"{next(iter(given))} is a whole number", f"got {next(iter(given.values()))!r}", **given)


@pytest.mark.parametrize("given", [{"shots": 0}, {"per_session": 0}, {"size": 0}, {"base_classes": -1}])
def test_numbers_are_checked(mine: Path, given: dict[str, int]) -> None:
    refused(mine, f"{next(iter(given))} is at least", f"got {next(iter(given.values()))}", **given)


def test_unreadable_image_is_named(mine: Path) -> None:
    (mine / "cat" / "3.bmp").write_bytes(b"BM not really")
    refused(mine, str(mine / "cat" / "3.bmp"), "is not a readable image", "replace it or remove it")


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "bmp", "webp"])
@hypothesis.given(at=st.integers(0, 10_000), byte=st.integers(0, 255), size=st.integers(0, 10_000))
def test_damaged_images_raise_one_error(kind: str, at: int, byte: int, size: int) -> None:
    out = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    Image.fromarray(noise).save(out, kind)
    changed = bytearray(out.getvalue())
    changed[at % len(changed)] = byte
    for data in (bytes(changed), out.getvalue()[: size % len(changed)]):
        try:
            assert decoding.pixels(data, "some", "RGB", 8).shape == (8, 8, 3)
        except InsituError as error:
            assert str(error).startswith("some is ")  # noqa: PT017  # most changed bytes are harmless
