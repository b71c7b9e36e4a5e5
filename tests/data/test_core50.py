"""CORe50 on a small copy in the official layout: frames by surrounding and thing, and the lists of NICv2-391."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from insitu.core import InsituError
from insitu.data import core50
from insitu.data.core50 import EXPERIENCES, NAMES, TEST, Core50


def frame(thing: int, surrounding: int) -> bytes:
    """Return a frame of 128 x 128 whose red tells the thing and whose green tells the surrounding."""
    out = io.BytesIO()
    Image.new("RGB", (128, 128), (4 * thing, 20 * surrounding, 0)).save(out, "png")
    return out.getvalue()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six things, one frame of each in every surrounding; two runs of five experiences, one of which is of old things.

    As in the official lists, labels follow the order in which things come in the run.
    """
    monkeypatch.setattr(core50, "NAMES", NAMES[:6])
    monkeypatch.setattr(core50, "EXPERIENCES", 5)
    root = tmp_path / "data"
    for surrounding in range(1, 12):
        for thing in range(1, 7):
            file = (
                root / "core50_128x128" / f"s{surrounding}" / f"o{thing}" / f"C_{surrounding:02d}_{thing:02d}_000.png"
            )
            file.parent.mkdir(parents=True)
            file.write_bytes(frame(thing, surrounding))
    for run, come in ((0, [[2, 5], [1], [2, 5], [3, 4], [6]]), (1, [[6], [5], [4], [3], [2, 1]])):
        here = root / "NIC_v2_391" / f"run{run}"
        here.mkdir(parents=True)
        label: dict[int, int] = {}
        for number, things in enumerate(come):
            surrounding = 2 if number == 2 else 1
            for thing in things:
                label.setdefault(thing, len(label))
            write(here / f"train_batch_{number:02d}_filelist.txt", [(surrounding, t, label[t]) for t in things])
        write(here / "test_filelist.txt", [(s, t, label[t]) for s in TEST for t in range(1, 7)])
    return root


def write(file: Path, frames: list[tuple[int, int, int]]) -> None:
    file.write_text("".join(f"s{s}/o{t}/C_{s:02d}_{t:02d}_000.png {label}\n" for s, t, label in frames))


def test_three_surroundings_are_the_test(folder: Path) -> None:
    made = Core50().read()
    assert made.train.pixels.shape == (8 * 6, 32, 32, 3)
    assert made.test.pixels.shape == (3 * 6, 32, 32, 3)
    for images, surroundings in ((made.train, (1, 2, 4, 5, 6, 8, 9, 11)), (made.test, TEST)):
        assert images.labels.tolist() == list(range(6)) * len(surroundings)
        assert np.array_equal(images.pixels[:, 0, 0, 0], 4 * (images.labels + 1))
        assert images.pixels[::6, 0, 0, 1].tolist() == [20 * s for s in surroundings]
    assert made.train.names == ("plug_adapter1", *NAMES[1:6])
    assert "not verified on the real archive" in made.verified


def test_there_are_fifty_things() -> None:
    assert len(NAMES) == len(set(NAMES)) == 50
    assert (NAMES[5], NAMES[-1]) == ("mobile_phone1", "remote_control5")
    assert EXPERIENCES == 391


@pytest.mark.parametrize("zip_them", [False, True])
def test_the_lists_say_which_frames_come_when(folder: Path, zipped: Callable[..., Path], zip_them: bool) -> None:
    if zip_them:
        zipped(folder / "core50_128x128", folder / "core50_128x128.zip", "core50_128x128/")
        zipped(folder / "NIC_v2_391", folder / "batches_filelists_NICv2.zip", "NIC_v2_391/")
        for name in ("core50_128x128", "NIC_v2_391"):
            shutil.rmtree(folder / name)
    train = Core50().read().train
    experiences, tests = Core50().batches(0)
    assert [train.labels[rows].tolist() for rows in experiences] == [[1, 4], [0], [1, 4], [2, 3], [5]]
    assert train.pixels[experiences[2], 0, 0, 1].tolist() == [40, 40]  # the second surrounding
    assert len(np.unique(np.concatenate(experiences))) == 8
    assert tests.tolist() == list(range(18))
    other, _ = Core50().batches(1)
    assert train.labels[other[0]].tolist() == [5]


def test_frames_are_scaled(folder: Path) -> None:
    assert Core50(size=16).read().train.pixels.shape[1:] == (16, 16, 3)
    with pytest.raises(InsituError, match="size is at least 1"):
        Core50(size=0)


def test_runs_that_there_are_no_lists_of(folder: Path) -> None:
    for run in (-1, 10):
        with pytest.raises(InsituError, match=f"runs 0 to 9; got {run}"):
            Core50().batches(run)
    with pytest.raises(InsituError, match=r"holds no run2/test_filelist\.txt"):
        Core50().batches(2)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("s1/o1/C_01_01_000.png", "no list of known frames"),
        ("s1/o1/C_01_01_000.png cup", "no list of known frames"),
        ("s1/o1/C_01_01_007.png 0", "C_01_01_007.png is not there"),
        ("s3/o1/C_03_01_000.png 0", "C_03_01_000.png is not there"),  # a frame of the test is none to learn from
    ],
)
def test_damaged_lists(folder: Path, text: str, says: str) -> None:
    (folder / "NIC_v2_391" / "run0" / "train_batch_03_filelist.txt").write_text(text)
    with pytest.raises(InsituError, match=says) as caught:
        Core50().batches(0)
    assert "train_batch_03_filelist.txt" in str(caught.value)


def test_a_thing_that_is_missing(folder: Path) -> None:
    for surrounding in TEST:
        shutil.rmtree(folder / "core50_128x128" / f"s{surrounding}" / "o4")
    with pytest.raises(InsituError, match="test of 5 objects, not of 6; get it again"):
        Core50().read()


def test_what_is_not_there_is_said() -> None:
    with pytest.raises(InsituError, match=r"core50 is not on this machine: no core50_128x128.zip with batches_file"):
        Core50().read()
