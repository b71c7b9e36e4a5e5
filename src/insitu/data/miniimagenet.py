"""miniImageNet with the published few-shot class-incremental lists (60 base + 8 x 5 novel classes, 84 x 84)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError
from insitu.data import Archive, DataSet, FewShotImages, Images, cache, decoding, paths
from insitu.data.files.bundles import Bundle, open_bundle

SESSIONS, SIDE = 8, 84


@dataclass(frozen=True)
class MiniImageNet(DataSet):
    """100 classes of ImageNet at 84 x 84: 60 base classes x 500 images, 8 sessions x 25 shots, 100 tests a class.

    A folder or a zip that holds ``classes.txt`` (WordNet ids in the order of labels), ``sessions/session_1.txt``
    (base) to ``session_9.txt`` and ``sessions/test.txt`` (paths), and the images at ``train/<class>/<name>.jpg`` and
    ``test/<class>/<name>.jpg``. The lists assign images to sessions; images keep their order.
    """

    source: Path | None = None  # folder or zip; by default it is searched for

    few_shot: ClassVar[bool] = True
    origin: ClassVar[str] = (
        "Vinyals et al. 2016, drawn from ImageNet; few-shot lists by Tao et al. 2020. github.com/icoz69/CEC-CVPR2021 "
        "links to the images and holds the lists (data/index_list/mini_imagenet); put them into one folder or zip as "
        "classes.txt, sessions/session_1.txt to session_9.txt, sessions/test.txt, train/ and test/"
    )
    terms: ClassVar[str] = "non-commercial research only, as ImageNet; cite Vinyals et al. 2016 and Tao et al. 2020"
    archives: ClassVar[tuple[Archive, ...]] = (Archive("miniimagenet_fscil.zip"),)
    layouts: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("miniimagenet_fscil.zip",),
        ("miniimagenet_fscil",),
        ("miniimagenet",),
    )

    def read(self) -> FewShotImages:
        """Return the benchmark; see ``DataSet.read``."""
        source = self.source or paths.find("miniimagenet", self.layouts)[0]
        arrays = cache.arrays(source, "miniimagenet-84", lambda: _decoded(source))
        names = tuple(str(name) for name in arrays["names"])
        return FewShotImages(
            train=Images(arrays["train_pixels"], arrays["train_labels"], names),
            session=arrays["train_session"],
            test=Images(arrays["test_pixels"], arrays["test_labels"], names),
            verified=self.verified,
        )


def _decoded(source: Path) -> dict[str, NDArray[np.generic]]:
    with open_bundle(source) as bundle:
        bundle.enter("classes.txt")
        names = bundle.words("classes.txt")
        lists = [bundle.words(f"sessions/session_{number}.txt") for number in range(1, SESSIONS + 2)]
        train, test = [name for part in lists for name in part], bundle.words("sessions/test.txt")
        for what, words in (("classes.txt names a class", names), ("the lists name an image", train + test)):
            if len(set(words)) < len(words):
                twice = Counter(words).most_common(1)[0][0]
                raise InsituError(f"{source}: {what} twice ({twice}); get the lists again")
        return {
            "names": np.array(names),
            "train_labels": _labels(source, train, names),
            "test_labels": _labels(source, test, names),
            "train_session": np.repeat(np.arange(len(lists)), [len(part) for part in lists]),
            "train_pixels": _pixels(bundle, train),
            "test_pixels": _pixels(bundle, test),
        }


def _labels(source: Path, files: list[str], names: list[str]) -> NDArray[np.int64]:
    label = {name: number for number, name in enumerate(names)}
    for file in files:
        if file.count("/") != 2 or file.split("/")[1] not in label:
            raise InsituError(
                f"{source}: a list names {file!r}; a name is train/<class>/<image> or test/<class>/<image>, "
                "and its class is in classes.txt: get the lists again"
            )
    return np.array([label[file.split("/")[1]] for file in files], np.int64)


def _pixels(bundle: Bundle, files: list[str]) -> NDArray[np.uint8]:
    out = np.empty((len(files), SIDE, SIDE, 3), np.uint8)
    for row, file in enumerate(files):
        image = decoding.pixels(bundle.read(file), f"{file} in {bundle.path}", "RGB")
        if image.shape != out.shape[1:]:
            raise InsituError(
                f"{file} in {bundle.path} is {image.shape[1]} x {image.shape[0]} pixels; "
                f"images of this data set are {SIDE} x {SIDE}: get it again"
            )
        out[row] = image
    return out
