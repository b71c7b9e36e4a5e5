"""Jobs that train a backbone for images: stage 1, stage 2, weights with their card, encodings of the data set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np

from insitu import catalog
from insitu.backbones import Backbone, weights_file
from insitu.core import InsituError
from insitu.data import DataSet, FewShotImages, Images
from insitu.scenarios import array_files, embeddings, latents
from insitu.training import Job, loop
from insitu.training.loop import Progress, Stage
from insitu.training.metalearn import Metalearn, MetaLearning
from insitu.training.pretrain import Pretrain, Pretraining
from insitu.training.provenance import provenance

LATENTS = 500  # training images per class of which latents are stored, and half as many of the test


@dataclass(frozen=True)
class BackboneJob(Job):
    """Which backbone is trained on which data by which recipes, and the size at which it is given images afterwards."""

    data_set: DataSet
    backbone: Backbone
    pretrain: Pretrain
    refine: Pretrain | None = None  # repeats stage 1 from its final weights with a new classifier
    metalearn: Metalearn | None = None
    image_size: int = 48  # pixels per side of images that are encoded
    mirror: bool = False  # average the activations of an image with those of its mirror image
    examples: int = embeddings.EXAMPLES  # base examples per class that are stored next to the means
    streams: tuple[str, ...] = ()  # data sets of which latents are stored next to the weights of a binary backbone
    base_images: int = 0  # number of base images per class to train on, the others are held out; 0 takes all
    base_classes: int = 0  # number of base classes to train on, the others are held out; 0 takes all

    def __post_init__(self) -> None:
        if "images" not in self.backbone.serves:
            raise InsituError(
                f"this job trains a backbone that serves images; {type(self.backbone).__name__} serves "
                f"{' and '.join(self.backbone.serves)}: take another backbone, or another job"
            )

    def quick(self) -> Self:
        """See ``Job.quick``."""
        stage2 = self.metalearn and replace(self.metalearn, episodes=20, views=1, size=16)
        stage1 = replace(self.pretrain, epochs=2, cut=0, tail=0, first_size=16, last_size=16)
        refine = self.refine and replace(stage1, seed=self.refine.seed)
        images = self.base_images or 20
        return replace(self, pretrain=stage1, refine=refine, metalearn=stage2, base_images=images, image_size=16)

    def train(self, name: str, out: Path, stop: Callable[[], bool] = lambda: False) -> Iterator[Progress]:
        """See ``Job.train``; NAME.embeddings.npz is written too.

        With a binary backbone also NAME.calibration.npz, and DATA.latents.npz of each of its streams.
        """
        images = self.data_set.read()
        data = base_part(images, self)
        network = self.backbone.build(self.pretrain.seed)
        stages: list[tuple[str, Pretrain | Metalearn | None]] = [
            ("pretrain", self.pretrain), ("refine", self.refine), ("metalearn", self.metalearn)
        ]  # fmt: skip
        for stage, recipe in stages:
            if recipe is None:
                continue
            made: Stage = (
                MetaLearning(recipe, network, data)
                if isinstance(recipe, Metalearn)
                else Pretraining(recipe, network, data)
            )
            yield from loop.run(made, out / "checkpoints" / f"{stage}.pt", stop=stop)
            if stop():
                return
        part = catalog.part_of(type(self.data_set))
        source, classes = part.name if part else name, int(data.labels.max()) + 1
        card = {
            "image_size": self.image_size,
            "mirror": self.mirror,
            "examples": self.examples,
            "data": f"{source}: {len(data)} images of {classes} base classes, no other image was seen",
            "recipe": {stage: asdict(recipe) if recipe else None for stage, recipe in stages},
            **provenance(),
        }
        stem = out / name
        weights_file.save(stem, network, card)
        array_files.write(out / f"{name}.embeddings.npz", embeddings.encode(images, stem), compress=True)
        if "latents" not in self.backbone.serves:
            return
        if self.streams:
            latents.calibrate(stem, data)
        for stream in self.streams:
            latents.ship(stream, stem, train=LATENTS, test=LATENTS // 2)


def base_part(images: FewShotImages, job: BackboneJob) -> Images:
    """Return the base images that the job trains on: the first classes, the first images of each."""
    rows = np.flatnonzero(images.session == 0)
    labels = images.train.labels[rows]
    keep = np.ones(len(rows), bool)
    if job.base_classes:
        keep &= labels < job.base_classes
    if job.base_images:
        rank = np.zeros(len(rows), int)
        for c in np.unique(labels):
            rank[labels == c] = np.arange((labels == c).sum())
        keep &= rank < job.base_images
    data = images.train.take(rows[keep])
    return replace(data, pixels=np.array(data.pixels))
