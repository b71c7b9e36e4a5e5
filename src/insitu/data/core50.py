"""CORe50: 50 everyday objects filmed in 11 environments, with the NICv2-391 lists (8 to learn from, 3 to test).

Lomonaco and Maltoni, CoRL 2017; the lists of Lomonaco, Maltoni and Pellegrini, CVPR workshops 2020.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError
from insitu.data import Archive, DataSet, FewShotImages, Images, cache, decoding, paths
from insitu.data.files.bundles import Bundle, open_bundle

OBJECTS = "plug_adapter mobile_phone scissor light_bulb can glass ball marker cup remote_control"
NAMES = tuple(f"{name}{number}" for name in OBJECTS.split() for number in range(1, 6))
TEST = (3, 7, 10)  # environments
LISTS, EXPERIENCES = "NIC_v2_391", 391
FRAME = re.compile(r"(?:^|/)(s(\d+)/o(\d+)/[^/]+\.png)$")
_URL = "https://vlomonaco.github.io/core50/data/"


@dataclass(frozen=True)
class Core50(DataSet):
    """50 objects, 300 frames of each in each of 11 environments; of these 3, 7 and 10 are the test.

    The official ``core50_128x128.zip`` (``s1/o1/C_01_01_000.png`` ...) and ``batches_filelists_NICv2.zip``
    (``NIC_v2_391/run0/train_batch_00_filelist.txt`` ..., lines of a path and a label), or the folders they hold. A
    class is an object, in the order of its folder. Frames are scaled to ``size``, since all of them take 8 GB at 128.
    """

    source: Path | None = None  # folder with the two archives; by default it is searched for
    size: int = 32  # pixels per side that frames are scaled to

    runs: ClassVar[int] = 10  # orders of the experiences, each with its lists
    origin: ClassVar[str] = "V. Lomonaco and D. Maltoni 2017, https://vlomonaco.github.io/core50"
    terms: ClassVar[str] = "as its page says; cite Lomonaco and Maltoni, CoRL 2017"
    archives: ClassVar[tuple[Archive, ...]] = (
        Archive(
            "core50_128x128.zip",
            "http://bias.csr.unibo.it/maltoni/download/core50/core50_128x128.zip",
            "md5:745f3373fed08d69343f1058ee559e13",
        ),
        Archive(
            "batches_filelists_NICv2.zip",
            f"{_URL}batches_filelists_NICv2.zip",
            "md5:460f980a6c85b86b1ec8e7c6067bb7a3",
        ),
    )
    layouts: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("core50_128x128.zip", "batches_filelists_NICv2.zip"),
        ("core50_128x128", LISTS),
    )
    verified: ClassVar[str] = "CORe50: not verified on the real archive, only on a small one of the same format"

    def __post_init__(self) -> None:
        if self.size < 1:
            raise InsituError(f"size is at least 1 pixel; got {self.size}")

    def read(self) -> FewShotImages:
        """Return the frames as a plain split, by environment, object and name; see ``DataSet.read``."""
        train, test, _, _ = self._parts()
        return FewShotImages.split(train, test, self.verified)

    def batches(self, run: int) -> tuple[list[NDArray[np.int64]], NDArray[np.int64]]:
        """Return the rows of ``train`` in each experience of a run of NICv2-391, and the rows of ``test`` it tests."""
        if not 0 <= run < self.runs:
            raise InsituError(f"CORe50 has runs 0 to {self.runs - 1}; got {run}")
        _, _, train, test = self._parts()
        lists = self._found()[1]
        with open_bundle(lists) as bundle:
            folder = f"run{run}" if lists.is_dir() else f"{LISTS}/run{run}"
            bundle.enter(f"{folder}/test_filelist.txt")
            names = [f"{folder}/train_batch_{number:02d}_filelist.txt" for number in range(EXPERIENCES)]
            experiences = [_rows(bundle, name, train) for name in names]
            return experiences, _rows(bundle, f"{folder}/test_filelist.txt", test)

    def _parts(self) -> tuple[Images, Images, dict[str, int], dict[str, int]]:
        """Return the two parts, and the row of each file in its part."""
        frames = self._found()[0]
        arrays = cache.arrays(frames, f"core50-{self.size}", lambda: _decoded(frames, self.size))
        parts = [Images(arrays[f"{part}_pixels"], arrays[f"{part}_labels"], NAMES) for part in ("train", "test")]
        rows = [{str(f): row for row, f in enumerate(arrays[f"{part}_files"])} for part in ("train", "test")]
        return parts[0], parts[1], rows[0], rows[1]

    def _found(self) -> tuple[Path, ...]:
        return paths.find("core50", self.layouts, None if self.source is None else [self.source])


def _rows(bundle: Bundle, name: str, known: dict[str, int]) -> NDArray[np.int64]:
    """Return the rows of the files that a list names."""
    words = bundle.words(name)
    files = words[::2]
    unknown = [file for file in files if file not in known]
    if len(words) % 2 or unknown or not all(word.isdigit() for word in words[1::2]):
        raise InsituError(
            f"{name} in {bundle.path} is no list of known frames with a label each (as in s1/o1/C_01_01_000.png 0"
            f"{f'; {unknown[0]} is not there' if unknown else ''}); get frames and lists again"
        )
    return np.array([known[file] for file in files], np.int64)


def _decoded(source: Path, size: int) -> dict[str, NDArray[np.generic]]:
    with open_bundle(source) as bundle:
        # environment, object, name within the data set, name in the archive
        found = [(int(m[2]), int(m[3]), m[1], name) for name in bundle.names if (m := FRAME.search(name))]
        out: dict[str, NDArray[np.generic]] = {}
        for part, is_test in (("train", False), ("test", True)):
            frames = sorted(frame for frame in found if (frame[0] in TEST) == is_test)
            objects = {frame[1] for frame in frames}
            if objects != set(range(1, len(NAMES) + 1)):
                raise InsituError(
                    f"{source} holds frames s<environment>/o<object>/<name>.png for the {part} of {len(objects)} "
                    f"objects, not of {len(NAMES)}; get it again"
                )
            out |= {
                f"{part}_pixels": _pixels(bundle, [frame[3] for frame in frames], size),
                f"{part}_labels": np.array([frame[1] - 1 for frame in frames], np.int64),
                f"{part}_files": np.array([frame[2] for frame in frames]),
            }
    return out


def _pixels(bundle: Bundle, files: Sequence[str], size: int) -> NDArray[np.uint8]:
    out = np.empty((len(files), size, size, 3), np.uint8)
    for row, file in enumerate(files):
        out[row] = decoding.pixels(bundle.read(file), f"{file} in {bundle.path}", "RGB", size)
    return out
