"""Omniglot from the packed file and from the official layout: the same classes in the same order."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from insitu.core import InsituError, cache_folder
from insitu.data import shot_lists
from insitu.data.omniglot import Omniglot


def test_drawings_come_in_the_order_of_characters(ink: NDArray[np.uint8], packed: Path) -> None:
    made = Omniglot().drawings()
    assert np.array_equal(made.images.pixels.reshape(10, 20, 105, 105), 255 * (1 - ink))
    assert made.images.labels.tolist() == [c for c in range(10) for _ in range(20)]
    assert made.images.names[:4] == ("Zulu/character01", "Zulu/character02", "Zulu/character03", "Ant/character01")
    assert made.background.tolist() == [True] * 6 + [False] * 4


def test_official_layout_equals_packed_file(
    packed: Path, official: Path, zipped: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "zips").mkdir()
    for part in ("images_background", "images_evaluation"):
        zipped(official / part, tmp_path / "zips" / f"{part}.zip", f"{part}/")
    one = Omniglot(packed)
    for other in (Omniglot(official), Omniglot(tmp_path / "zips")):
        assert np.array_equal(one.drawings().images.pixels, other.drawings().images.pixels)
        assert one.drawings().images.names == other.drawings().images.names
        assert np.array_equal(one.drawings().background, other.drawings().background)
        assert np.array_equal(one.read().train.pixels, other.read().train.pixels)
        assert "not" in other.read().verified
    assert one.read().verified == ""


def test_sessions_follow_the_lists(ink: NDArray[np.uint8], packed: Path) -> None:
    made = Omniglot(packed, base_train=15).read()
    assert np.bincount(made.session).tolist() == [6 * 15, 10, 10]
    assert np.bincount(made.train.labels).tolist() == [15] * 6 + [5] * 4
    assert np.bincount(made.test.labels).tolist() == [5] * 6 + [15] * 4
    # the first class of session 1 is character 9, and so on down the lists
    assert made.train.names[6:] == ("Mid/character03", "Mid/character01", "Mid/character04", "Mid/character02")
    shots = made.train.pixels[made.train.labels == 6, :, :, 0]
    assert np.array_equal(shots, 255 * (1 - ink[8, [0, 1, 2, 3, 19]]))
    assert np.array_equal(made.test.pixels[made.test.labels == 0, :, :, 0], 255 * (1 - ink[0, 15:]))


def test_published_share_of_base_drawings(packed: Path) -> None:
    assert np.bincount(Omniglot().read().train.labels)[:6].tolist() == [14] * 6


@pytest.mark.parametrize("count", [0, 20, -1])
def test_base_train_is_checked(count: int) -> None:
    with pytest.raises(InsituError, match=f"from 1 to 19; got {count}"):
        Omniglot(base_train=count)


def test_shipped_lists() -> None:
    listed = shot_lists.rows("omniglot")
    assert np.bincount(listed[:, 0]).tolist() == [0] + [47] * 9
    assert np.all(np.diff(listed[:, 0]) >= 0)
    assert sorted(listed[:, 1]) == list(range(1201, 1624))
    assert all(len(set(shots)) == 5 for shots in listed[:, 2:])
    assert 1 <= listed[:, 2:].min() <= listed[:, 2:].max() <= 20


def refused(source: Path | None, *says: str) -> None:
    with pytest.raises(InsituError) as caught:
        Omniglot(source).read()
    message = str(caught.value)
    assert "\n" not in message
    for text in says:
        assert text in message
    assert not (cache_folder() / "decoded").exists()


def test_not_there(tmp_path: Path) -> None:
    refused(None, "omniglot is not on this machine", "images_background.zip with images_evaluation.zip", "INSITU_DATA")
    refused(tmp_path / "data", "omniglot is not on this machine", str(tmp_path / "data"))


@pytest.mark.parametrize("size", [0, 10, 500, -1])
def test_truncated_packed_file(packed: Path, size: int) -> None:
    packed.write_bytes(packed.read_bytes()[:size])
    refused(packed, "omniglot105_packed.npz is damaged", "get it again")


def test_changed_byte_in_packed_file(packed: Path) -> None:
    data = bytearray(packed.read_bytes())
    data[5000] ^= 255
    packed.write_bytes(data)
    refused(packed, "omniglot105_packed.npz is damaged")


def test_packed_file_of_something_else(tmp_path: Path) -> None:
    np.savez(tmp_path / "some.npz", other=np.zeros(3))
    refused(tmp_path / "some.npz", "is damaged", "ink_packed")


def test_only_one_of_two_archives(official: Path) -> None:
    shutil.rmtree(official / "images_evaluation")
    refused(official, "images_background with images_evaluation")


def test_missing_drawing(official: Path) -> None:
    (official / "images_background" / "Ant" / "character02" / "0005_07.png").unlink()
    refused(official, "lack 1 of 200 drawings, the first is 0005_07.png")


def test_drawing_of_no_character(official: Path) -> None:
    file = official / "images_background" / "Ant" / "character02" / "0005_07.png"
    file.rename(file.with_name("0011_07.png"))
    refused(official, "Ant/character02/0011_07.png", "from 1 to 10")


def test_damaged_drawing(official: Path, picture: Callable[..., bytes]) -> None:
    file = official / "images_background" / "Ant" / "character02" / "0005_07.png"
    file.write_bytes(file.read_bytes()[:60])
    refused(official, "0005_07.png", "not a readable image")
    file.write_bytes(picture(28, 28))
    refused(official, "0005_07.png", "not 105 x 105")


def test_clutter_is_passed_over(official: Path) -> None:
    (official / "images_background" / ".DS_Store").write_bytes(b"x")
    (official / "images_background" / "Ant" / "character02" / "._0005_07.png").write_bytes(b"x")
    assert len(Omniglot(official).read().train.names) == 10


@pytest.mark.images
def test_real_drawings(real: Path) -> None:
    if not any(all((real / name).exists() for name in names) for names in Omniglot.layouts):
        pytest.skip(f"Omniglot is not in {real}")
    made = Omniglot().read()
    start = time.monotonic()
    made = Omniglot().read()
    assert time.monotonic() - start < 5
    assert made.train.pixels.shape == (1200 * 14 + 423 * 5, 105, 105, 1)
    assert np.bincount(made.test.labels).tolist() == [6] * 1200 + [15] * 423
    assert np.bincount(made.session).tolist() == [16_800] + [235] * 9
    assert set(np.unique(made.train.pixels[::100])) == {0, 255}
    assert made.train.pixels[::100].mean() > 200, "paper is white"
    drawings = Omniglot().drawings()
    assert drawings.background.sum() == 964
    # the published lists name file and character together
    assert drawings.images.names[1160 - 1] == "Gurmukhi/character01"
    assert made.train.names[1200] == drawings.images.names[1378 - 1] == "Mongolian/character20"
