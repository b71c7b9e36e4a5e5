"""Your own images: a folder with one sub-folder per class."""

from __future__ import annotations

import os
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from insitu.core import InsituError
from insitu.data import DataSet, FewShotImages, Images, cache, decoding

Rows = NDArray[np.int64]

# folders that systems, network disks and programs create; so are all whose names begin with . or @
NO_CLASSES = frozenset(
    {
        "__macosx",
        "__pycache__",
        "#recycle",
        "#snapshot",
        "~snapshot",
        "$recycle.bin",
        "lost+found",
        "network trash folder",
        "system volume information",
        "temporary items",
    }
)
SYSTEM_FILES = re.compile(r"found\.\d{3}|(desktop\.ini|thumbs\.db)(\..*)?")  # of chkdsk and of Windows


@dataclass(frozen=True)
class Folder(DataSet):
    """One sub-folder per class, named after it; classes are taken in the order of names, images too.

    The first ``base_classes`` are the base: the last fifth of their images (at least one) is the test. The others come
    in sessions of ``per_session`` classes (the last session may have fewer): the first ``shots`` images are learned,
    the rest is the test. Of each image the middle square is scaled to ``size`` x ``size``. Any format Pillow reads.

    Folders that are no classes are left out, with a warning that names them: hidden ones, those that network disks
    and programs make (``@eaDir``, ``__MACOSX``), and those that hold no image.
    """

    path: Path | str  # folder with one sub-folder of images per class
    base_classes: int = 0  # classes of the base, the first by name
    shots: int = 5  # images per class of a session to learn from
    per_session: int = 5  # classes of a session
    size: int = 84  # pixels per side that images are scaled to

    origin: ClassVar[str] = "your own images: a folder with one sub-folder per class; there is nothing to fetch"
    terms: ClassVar[str] = "yours"

    def __post_init__(self) -> None:
        if not isinstance(self.path, str | os.PathLike) or not isinstance(os.fspath(self.path), str):
            raise InsituError(f"path is that of a folder, a string or a Path; got {type(self.path).__name__}")
        object.__setattr__(self, "path", Path(self.path))
        for name, least in (("base_classes", 0), ("shots", 1), ("per_session", 1), ("size", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer):
                raise InsituError(f"{name} is a whole number; got {value!r}")
            if value < least:
                raise InsituError(f"{name} is at least {least}; got {value}")

    def read(self) -> FewShotImages:
        """Return the images; see ``DataSet.read``. A folder that has changed is decoded again."""
        files = self._files()
        # before decoding, which can take minutes: a class may be too small
        train, session, test = self._split({name: len(images) for name, images in files.items()})
        arrays = cache.arrays(
            Path(self.path), f"folder-{self.size}-{decoding.RULES}", lambda: _decoded(files, self.size)
        )
        everything = Images(arrays["pixels"], arrays["labels"], tuple(files))
        return FewShotImages(everything.take(train), session, everything.take(test))

    def _split(self, counts: dict[str, int]) -> tuple[Rows, Rows, Rows]:
        """Return which images are for training, the session of each of these, and which are the test."""
        session: list[int] = []  # of each image; -1 for a test
        for number, (name, count) in enumerate(counts.items()):
            is_base = number < self.base_classes
            least, what = (2, "training and test") if is_base else (self.shots + 1, f"{self.shots} shots and a test")
            if count < least:
                raise InsituError(
                    f"class {name} has {count} image{'s' * (count != 1)} in {Path(self.path) / name}; it needs at "
                    f"least {least}, for {what}: add some, take fewer shots, or remove the folder"
                )
            trained = count - max(1, count // 5) if is_base else self.shots
            session += trained * [0 if is_base else 1 + (number - self.base_classes) // self.per_session]
            session += (count - trained) * [-1]
        of_image = np.array(session, np.int64)
        return np.flatnonzero(of_image >= 0), of_image[of_image >= 0], np.flatnonzero(of_image < 0)

    def _files(self) -> dict[str, list[Path]]:
        """Return the image files of each class; warn of the folders that are none."""
        root = Path(self.path)
        if not root.is_dir():
            raise InsituError(f"{root} is not a folder; give a folder with one sub-folder of images per class")
        try:
            folders = sorted(entry for entry in root.iterdir() if entry.is_dir())
            found = {folder.name: _pictures(folder) for folder in folders if not is_system_folder(folder)}
        except OSError as error:
            raise InsituError(f"{error.filename} cannot be read: {error.strerror}; check its permissions") from error
        classes = {name: files for name, files in found.items() if files}
        skipped = [folder.name for folder in folders if folder.name not in classes]
        why = f"{', '.join(map(repr, skipped))}: hidden, made by a system, or without an image"
        if not classes:
            left_out = f" (left out {why})" if skipped else ""
            raise InsituError(f"{root} has no classes{left_out}; make one sub-folder of images per class")
        if self.base_classes > len(classes):
            raise InsituError(f"base_classes is {self.base_classes}, but {root} has {len(classes)} classes; take fewer")
        if skipped:
            warnings.warn(f"{root}: left out what is no class: {why}", stacklevel=3)
        return classes


def is_system_folder(entry: Path) -> bool:
    """Return whether a name is hidden, or that of a folder or file which systems make."""
    name = entry.name.lower()
    return name.startswith((".", "@")) or name in NO_CLASSES or SYSTEM_FILES.fullmatch(name) is not None


def _pictures(folder: Path) -> list[Path]:
    Image.init()  # else Pillow does not know all formats yet
    known = {suffix for suffix, kind in Image.registered_extensions().items() if kind in Image.OPEN}
    files = [file for file in folder.iterdir() if file.suffix.lower() in known and not file.name.startswith(".")]
    return sorted(file for file in files if file.is_file())


def _decoded(files: dict[str, list[Path]], size: int) -> dict[str, NDArray[np.generic]]:
    labels = np.repeat(np.arange(len(files)), [len(images) for images in files.values()])
    pixels = np.empty((len(labels), size, size, 3), np.uint8)
    for row, file in enumerate(file for images in files.values() for file in images):
        try:
            data = file.read_bytes()
        except OSError as error:
            raise InsituError(f"{file} cannot be read: {error.strerror}; check its permissions") from error
        pixels[row] = decoding.pixels(data, str(file), "RGB", size)
    return {"pixels": pixels, "labels": labels}
