"""Train a backbone from start to shipped files: stage 1, stage 2, encode, card. Each job is one file of this room."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch

from insitu import catalog
from insitu.backbones import _shipped
from insitu.backbones.binary_resnet import BinaryResnet
from insitu.backbones.resnet12 import ResNet12
from insitu.core import cache_folder, write_whole
from insitu.data import DataSet, FewShotImages
from insitu.data.images import Images
from insitu.scenarios import _embedded, _latents
from insitu.training import metalearn, pretrain
from insitu.training.pretrain import Pretrain, Progress

LATENTS = 500  # training images per class of which latents are shipped, and half as many of the test


@dataclass(frozen=True)
class Job:
    """Which backbone is trained on which data by which recipes, and at which size it looks at images afterwards."""

    data_set: DataSet
    backbone: ResNet12 | BinaryResnet
    pretrain: Pretrain
    refine: Pretrain | None = None  # stage 1 once more, from the weights it left, with a fresh classifier
    metalearn: metalearn.Metalearn | None = None
    image_size: int = 48
    mirror: bool = False  # average the activations of an image with those of its mirror image
    examples: int = _embedded.EXAMPLES  # base examples per class that are shipped beside the means
    streams: tuple[str, ...] = ()  # data sets of which latents of the binary backbone are shipped beside it
    base_images: int = 0  # train on so many base images per class; 0 takes all. The rest is held out
    base_classes: int = 0  # train on so many base classes; 0 takes all


def quick(job: Job) -> Job:
    """Return a job of a minute or two that goes through every stage, to see that it works; its weights are poor."""
    stage2 = job.metalearn and replace(job.metalearn, episodes=20, views=1)
    stage1 = replace(job.pretrain, epochs=2, cut=0, tail=0, first_size=16, last_size=16)
    refine = job.refine and replace(stage1, seed=job.refine.seed)
    return replace(
        job, pretrain=stage1, refine=refine, metalearn=stage2, base_images=job.base_images or 20, image_size=16
    )


def train(job: Job, name: str, out: Path | None = None, stop: Callable[[], bool] = lambda: False) -> Iterator[Progress]:
    """Run ``job``, yield progress, and write NAME.safetensors, NAME.json and NAME.embeddings.npz into ``out``.

    Of a binary backbone, NAME.calibration.npz and DATA.latents.npz of each of its streams are written too.

    Checkpoints live in ``out``/checkpoints (by default in the user's cache); the same call resumes from them exactly.
    """
    out = out or cache_folder() / "training" / name
    images = job.data_set.read()
    data = base_part(images, job)
    network = job.backbone.build(job.pretrain.seed)
    yield from pretrain.train(job.pretrain, network, data, out / "checkpoints" / "pretrain.pt", stop=stop)
    if stop():
        return
    if job.refine:
        yield from pretrain.train(job.refine, network, data, out / "checkpoints" / "refine.pt", stop=stop)
        if stop():
            return
    if job.metalearn:
        yield from metalearn.train(job.metalearn, network, data, out / "checkpoints" / "metalearn.pt", stop=stop)
        if stop():
            return
    of = catalog.part_of(type(job.data_set))
    whose = of.name if of else name
    card = {
        "image_size": job.image_size,
        "mirror": job.mirror,
        "examples": job.examples,
        "data": f"{whose}: {len(data)} images of {int(data.labels.max()) + 1} base classes, no other image was seen",
        "recipe": {
            "pretrain": asdict(job.pretrain),
            "refine": asdict(job.refine) if job.refine else None,
            "metalearn": asdict(job.metalearn) if job.metalearn else None,
        },
        "trained": date.today().isoformat(),
        "commit": _commit(),
        "torch": torch.__version__,
    }
    stem = out / name
    _shipped.save(stem, network, job.backbone, card)
    arrays = _embedded.encode(images, stem)
    write_whole(out / f"{name}.embeddings.npz", lambda path: _embedded.write(path, arrays))
    _shipped.save(stem, network, job.backbone, card | {"accuracy": _accuracy(arrays)})
    if job.streams:
        _latents.calibrate(stem, data)
    for stream in job.streams:
        _latents.ship(stream, stem, train=LATENTS, test=LATENTS // 2)


def base_part(images: FewShotImages, job: Job) -> Images:
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


def _accuracy(arrays: dict[str, Any]) -> dict[str, float]:
    """Accuracy in percent of nearest class mean (cosine of activations) on the base tests, for the card."""
    means = arrays["means"].astype(np.float32)
    test = _embedded.restored(arrays["test"], means.shape[1])
    base = arrays["test_labels"] < len(means)
    guess = (test[base] @ (means / np.linalg.norm(means, axis=1, keepdims=True)).T).argmax(1)
    return {"base_nearest_mean_percent": round(100 * float((guess == arrays["test_labels"][base]).mean()), 2)}


def _commit() -> str:
    """Return the commit of the checkout this runs from, or 'unknown' in an installed package."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=Path(__file__).parent,
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
