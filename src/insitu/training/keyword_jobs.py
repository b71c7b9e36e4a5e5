"""Jobs that train the binary backbones of ``added_words``: one on all words, and one per division on its base words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np

from insitu import catalog
from insitu.backbones import Backbone, weights_file
from insitu.core import InsituError
from insitu.data import DataSet, Images
from insitu.scenarios import latents
from insitu.scenarios.added_words import SPLITS, added_words, backbone_name
from insitu.training import Job, loop
from insitu.training.loop import Progress
from insitu.training.pretrain import Pretrain, Pretraining
from insitu.training.provenance import provenance


@dataclass(frozen=True)
class KeywordJob(Job):
    """Which backbone is trained on which words by which recipe, and the size at which it is given images."""

    data_set: DataSet
    backbone: Backbone
    pretrain: Pretrain
    image_size: int = 16  # pixels per side of images
    base_images: int = 0  # number of recordings of each word to train on, the others are held out; 0 takes all
    splits: int = SPLITS  # number of divisions into base words and added words
    calibration: int = 64  # number of recordings whose latents are stored next to each backbone

    def __post_init__(self) -> None:
        if "latents" not in self.backbone.serves:
            raise InsituError(f"this job trains a backbone of 1-bit latents (binary_resnet); got {self.backbone}")

    def quick(self) -> Self:
        """See ``Job.quick``."""
        return replace(self, pretrain=replace(self.pretrain, epochs=2), splits=1)

    def train(self, name: str, out: Path, stop: Callable[[], bool] = lambda: False) -> Iterator[Progress]:
        """See ``Job.train``; of each backbone NAME_ADDED_SPLIT.calibration.npz is written, too."""
        words, made = self.data_set.read().base()[0], dict[Path, Images]()
        for added, split in [(0, 0), *((added, split) for split in range(self.splits) for added in (1, 4))]:
            stem = out / backbone_name(name, added, split)
            data = _base_words(words, added_words(len(words.names), added, split), self.base_images)
            network = self.backbone.build(self.pretrain.seed)
            stage = Pretraining(self.pretrain, network, data)
            yield from loop.run(stage, out / "checkpoints" / f"{stem.name}.pt", stop=stop)
            if stop():
                return
            part = catalog.part_of(type(self.data_set))
            card = {
                "image_size": self.image_size,
                "data": f"{part.name if part else name}: {len(data)} recordings of "
                f"{', '.join(data.names)}; no other recording was seen",
                "terms": self.data_set.terms,
                "recipe": {"pretrain": asdict(self.pretrain)},
                **provenance(),
            }
            weights_file.save(stem, network, card)
            made[stem] = data
        for stem, data in made.items():
            latents.calibrate(stem, data, self.calibration)


def _base_words(words: Images, added: np.ndarray, each: int) -> Images:
    """Return the first ``each`` recordings (0: all) of every word that is not ``added``, numbered from 0."""
    base = np.setdiff1d(np.unique(words.labels), added)
    rows = np.concatenate([np.flatnonzero(words.labels == word)[: each or None] for word in base])
    labels = np.searchsorted(base, words.labels[rows])
    return Images(np.asarray(words.pixels)[rows], labels, tuple(words.names[word] for word in base))
