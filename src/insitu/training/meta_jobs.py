"""Meta-train a network from images to stored weights: tasks, iterations, card."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path

import torch
from torch import Tensor, nn

from insitu.backbones import _meta_trained, _shipped
from insitu.backbones.conv4 import Conv4, Conv4Module
from insitu.core import InsituError, cache_folder, generator
from insitu.data import DataSet
from insitu.scenarios import _task_features
from insitu.scenarios.episodes import calibration
from insitu.scenarios.task_pools import pools
from insitu.scenarios.tasks import draw
from insitu.training import maml
from insitu.training.maml import MetaTrain, Progress

TASKS = 1000  # of held-out classes, for the card


@dataclass(frozen=True)
class MetaJob:
    """Which network is meta-trained on which data by which recipe."""

    data_set: DataSet
    backbone: Conv4
    recipe: MetaTrain
    shipped: int = 0  # tasks of test classes whose features lie beside the weights
    start: str = ""  # trained weights to start from, made to fill the range of their bits; else from random ones


def quick(job: MetaJob) -> MetaJob:
    """Return a job of a minute or two, to see that it works; its weights are poor."""
    return replace(job, recipe=replace(job.recipe, iterations=100, tasks=8))


def train(
    job: MetaJob, name: str, out: Path | None = None, stop: Callable[[], bool] = lambda: False
) -> Iterator[Progress]:
    """Run ``job``, yield progress, and write NAME.safetensors and NAME.json into ``out``.

    The checkpoint lives in ``out``/checkpoints (by default in the user's cache); the same call resumes from it exactly.
    """
    out = out or cache_folder() / "training" / name
    found = pools(job.data_set, job.backbone.size, job.backbone.channels)
    if found.training is None:
        raise InsituError(f"{found.note}; meta-training needs classes of its own: take a data set")
    network, head = _started(job)
    yield from maml.train(job.recipe, network, head, found.training, out / "checkpoints" / "metatrain.pt", stop=stop)
    if stop():
        return
    weights: dict[str, Tensor] = {**dict(network.named_parameters()), maml.HEAD: head}
    held_out = maml.parts(job.recipe, found.training)[1]
    right = maml.accuracy(job.recipe, network, weights, held_out, TASKS, seed=1)
    card = {
        "data": f"{found.note}; {job.recipe.held_out} of the training classes were held out, no test class was seen",
        "recipe": asdict(job.recipe),
        "accuracy": {"held_out_classes_percent": round(100 * right, 2), "tasks": TASKS},
        "trained": date.today().isoformat(),
        "torch": torch.__version__,
    }
    _meta_trained.save(out / name, network, head, card)
    if job.shipped:
        ship(job, out / name)


def _started(job: MetaJob) -> tuple[Conv4Module, nn.Parameter]:
    if not job.start:
        # rows of a task stand for no class in particular, so none is better than zero to start from
        return job.backbone.build(job.recipe.seed), nn.Parameter(torch.zeros(job.recipe.ways, job.backbone.features))
    network, head, _ = _meta_trained.load(_shipped.stem(job.start))
    if network.record != job.backbone or len(head) != job.recipe.ways:
        raise InsituError(
            f"weights to start from are of {job.backbone} and {job.recipe.ways} ways; {job.start} is of "
            f"{network.record} and {len(head)}: start from others"
        )
    return filled(network, job.recipe.bits).train(), nn.Parameter(head)


@torch.no_grad()
def filled(network: Conv4Module, bits: int) -> Conv4Module:
    """Scale every convolution so that all but the largest 0.1 % of its weights lie within the range of ``bits``.

    Batch norm right behind ReLU takes the scale out again, so that features stay what they are; but a grid whose range
    is filled rounds far less of a weight away. Small weights on a coarse grid would be little more than signs.
    """
    for weight in network.parameters() if bits else ():
        largest = torch.quantile(weight.abs().flatten(), 0.999)
        weight.mul_((1 - 2.0 ** (1 - bits)) / largest)
    return network


def ship(job: MetaJob, stem: Path) -> Path:
    """Write features of tasks of test classes beside the weights, so that they can be tried without any images."""
    found = pools(job.data_set, job.backbone.size, job.backbone.channels)
    size = job.recipe.ways, job.recipe.shots, job.recipe.queries
    tasks = draw(found.test, job.shipped, *size, generator(0, "shipped tasks"))
    note = f"{found.note}; features that come with the package, made in floats, so that only the head is on a device"
    return _task_features.ship(stem, calibration(found, *size), tasks, note, job.recipe.bits)
