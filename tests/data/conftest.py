"""Small data sets in the official layouts, made for one test each; folders of their own unless the images are real."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from insitu.data import omniglot, shot_lists
from insitu.data.files import omniglot_files


@pytest.fixture(autouse=True)
def _own_folders(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.get_closest_marker("images"):
        return
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("INSITU_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("INSITU_DATA", str(tmp_path / "data"))


@pytest.fixture
def real() -> Path:
    given = os.environ.get("INSITU_DATA")
    if not given:
        pytest.skip("INSITU_DATA is not set: the real images are not here")
    return Path(given).expanduser()


@pytest.fixture
def picture() -> Callable[..., bytes]:
    """Make an image file of noise, so that no two images of a data set are equal."""
    rng = np.random.default_rng(0)

    def make(width: int = 84, height: int = 84, kind: str = "png", mode: str = "RGB") -> bytes:
        out = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8)).convert(mode).save(out, kind)
        return out.getvalue()

    return make


@pytest.fixture
def mini(tmp_path: Path, picture: Callable[..., bytes]) -> Path:
    """miniImageNet with 3 base classes x 4 images, 8 sessions x 1 class x 2 shots, 2 tests a class."""
    root = tmp_path / "data" / "miniimagenet"
    classes = [f"n{number:08d}" for number in range(3 + 8)]
    lists: list[list[str]] = [[] for _ in range(9)]
    test = []
    for number, name in enumerate(classes):
        for _ in range(4 if number < 3 else 2):
            lists[max(0, number - 2)].append(f"train/{name}/{name}{len(lists[max(0, number - 2)]):08d}.jpg")
        test += [f"test/{name}/{name}9000000{k}.jpg" for k in range(2)]
    for name in [name for part in lists for name in part] + test:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(picture())
    (root / "sessions").mkdir()
    (root / "classes.txt").write_text("\n".join(classes) + "\n")
    for number, part in enumerate(lists):
        (root / "sessions" / f"session_{number + 1}.txt").write_text("\n".join(part) + "\n")
    (root / "sessions" / "test.txt").write_text("\n".join(test) + "\n")
    return root


@pytest.fixture
def zipped() -> Callable[..., Path]:
    """Zip a folder, within a folder of the archive's own or not."""

    def pack(folder: Path, file: Path, within: str = "") -> Path:
        with zipfile.ZipFile(file, "w") as archive:
            for name in sorted(folder.rglob("*")):
                if name.is_file():
                    archive.write(name, within + name.relative_to(folder).as_posix())
        return file

    return pack


@pytest.fixture
def ink(monkeypatch: pytest.MonkeyPatch) -> NDArray[np.uint8]:
    """Omniglot with 10 characters: 6 in the base, 2 sessions x 2; (character, drawing, 105, 105), 1 = ink."""
    monkeypatch.setattr(omniglot_files, "CHARACTERS", 10)
    monkeypatch.setattr(omniglot, "BASE", 6)
    listed = np.array([[1, 9, 1, 2, 3, 4, 20], [1, 7, 2, 4, 6, 8, 10], [2, 10, 1, 2, 3, 4, 5], [2, 8, 7, 6, 5, 4, 3]])
    monkeypatch.setattr(shot_lists, "rows", lambda _: listed)
    return np.random.default_rng(0).integers(0, 2, (10, 20, 105, 105), np.uint8)


@pytest.fixture
def packed(ink: NDArray[np.uint8], tmp_path: Path) -> Path:
    """The packed file, its characters in a mixed order: 3 of Zulu, 3 of Ant (background), 4 of Mid (evaluation)."""
    order = np.random.default_rng(1).permutation(10)
    file = tmp_path / "data" / "omniglot105_packed.npz"
    np.savez(
        file,
        ink_packed=np.packbits(ink.reshape(10, 20, -1), axis=2)[order],
        alphabet_of_class=np.array([0, 0, 0, 1, 1, 1, 2, 2, 2, 2], np.int16)[order],
        alphabet_names=np.array(["Zulu", "Ant", "Mid"]),
        background=np.array([True] * 6 + [False] * 4)[order],
        orig_char_id=(np.arange(10) + 1)[order],
    )
    return file


@pytest.fixture
def official(ink: NDArray[np.uint8], tmp_path: Path) -> Path:
    """The same as the two official folders, in a folder of their own."""
    root = tmp_path / "official"
    for row, character in enumerate(["Zulu"] * 3 + ["Ant"] * 3 + ["Mid"] * 4):
        part, place = ("images_background", row % 3) if row < 6 else ("images_evaluation", row - 6)
        folder = root / part / character / f"character{place + 1:02d}"
        folder.mkdir(parents=True)
        for drawing in range(20):
            paper = Image.fromarray((1 - ink[row, drawing]) * np.uint8(255)).convert("1")
            paper.save(folder / f"{row + 1:04d}_{drawing + 1:02d}.png")
    return root


@pytest.fixture
def mine(tmp_path: Path, picture: Callable[..., bytes]) -> Path:
    """A user's folder of five classes, 7 images each, of many sizes and formats."""
    root = tmp_path / "mine"
    for name in ("eel", "ant", "dog", "cat", "bee"):
        (root / name).mkdir(parents=True)
        for row, (kind, mode) in enumerate(
            [("png", "RGB"), ("jpeg", "L"), ("gif", "P"), ("bmp", "RGB")] + [("png", "LA")] * 3
        ):
            (root / name / f"{row}.{kind}").write_bytes(picture(20 + 3 * row, 30, kind, mode))
    return root
