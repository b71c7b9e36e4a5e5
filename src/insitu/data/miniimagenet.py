"""miniImageNet with the published few-shot class-incremental lists (60 base + 8 x 5 novel classes, 84 x 84)."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from insitu.core import InsituError
from insitu.data import cache, paths
from insitu.data.images import Images

NAMES = ("miniimagenet_fscil.zip", "miniimagenet_fscil", "miniimagenet")
BASE_CLASSES, NOVEL_PER_SESSION, SESSIONS = 60, 5, 8


@dataclass(frozen=True)
class MiniImageNet:
    """All images of the benchmark: ``train`` holds base images and shots, ``session`` says where each came from.

    ``session[i]`` is 0 for a base image and 1..8 for the shots of session i; ``test`` has 100 images per class.
    """

    train: Images
    session: NDArray[np.int64]
    test: Images


class _Folder:
    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, name: str) -> bytes:
        return (self.root / name).read_bytes()


def load(source: Path | None = None) -> MiniImageNet:
    """Read the benchmark from a folder or a zip; decoded pixels are cached, so a second call takes seconds.

    Labels follow ``classes.txt``; the order of images follows the session lists. Raises ``InsituError`` where the
    data set is not found or a file in it is damaged.
    """
    source = source or paths.find("miniimagenet", NAMES)
    arrays = cache.arrays(source, "miniimagenet-84", lambda: _decode(source))
    names = tuple(str(name) for name in arrays["names"])
    return MiniImageNet(
        train=Images(arrays["train_pixels"], arrays["train_labels"], names),
        session=arrays["train_session"],
        test=Images(arrays["test_pixels"], arrays["test_labels"], names),
    )


def _decode(source: Path) -> dict[str, NDArray[np.generic]]:
    try:
        reader = zipfile.ZipFile(source) if source.is_file() else _Folder(source)
        names = reader.read("classes.txt").decode().split()
        lists = [reader.read(f"sessions/session_{i}.txt").decode().split() for i in range(1, SESSIONS + 2)]
        test = reader.read("sessions/test.txt").decode().split()
        label = {name: number for number, name in enumerate(names)}

        def pixels(files: list[str]) -> NDArray[np.uint8]:
            out = np.empty((len(files), 84, 84, 3), np.uint8)
            for row, name in enumerate(files):
                with Image.open(BytesIO(reader.read(name))) as image:
                    out[row] = np.asarray(image.convert("RGB"))
            return out

        def labels(files: list[str]) -> NDArray[np.int64]:
            return np.array([label[name.split("/")[1]] for name in files], np.int64)

        train = [name for part in lists for name in part]
        return {
            "names": np.array(names),
            "train_pixels": pixels(train),
            "train_labels": labels(train),
            "train_session": np.repeat(np.arange(len(lists)), [len(part) for part in lists]),
            "test_pixels": pixels(test),
            "test_labels": labels(test),
        }
    except (OSError, KeyError, ValueError, IndexError, zipfile.BadZipFile) as error:
        raise InsituError(
            f"{source} is not a whole miniImageNet few-shot archive ({error}); "
            "it holds classes.txt, sessions/ and the images those lists name: fetch it again"
        ) from error
