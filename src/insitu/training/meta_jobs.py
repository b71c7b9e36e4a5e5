"""Jobs that meta-train a network for short tasks of images: tasks, iterations, weights with their card."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn

from insitu.backbones import trained, weights_file
from insitu.backbones.conv4 import Conv4, Conv4Module
from insitu.core import InsituError, generator
from insitu.data import DataSet
from insitu.scenarios import task_features
from insitu.scenarios.episodes import calibration
from insitu.scenarios.task_pools import pools
from insitu.scenarios.tasks import draw
from insitu.training import Job, loop, maml
from insitu.training.loop import Progress
from insitu.training.maml import MetaTrain, MetaTraining
from insitu.training.provenance import provenance

TASKS = 1000  # of held-out classes, for the card


@dataclass(frozen=True)
class MetaJob(Job):
    """Which network is meta-trained on which data by which recipe."""

    data_set: DataSet
    backbone: Conv4
    recipe: MetaTrain
    shipped: int = 0  # tasks of test classes whose features are stored next to the weights
    start: str = ""  # trained weights to start from, scaled to the range of their bits; empty: random ones

    def quick(self) -> Self:
        """See ``Job.quick``."""
        return replace(self, recipe=replace(self.recipe, iterations=100, tasks=8))

    def train(self, name: str, out: Path, stop: Callable[[], bool] = lambda: False) -> Iterator[Progress]:
        """See ``Job.train``."""
        found = pools(self.data_set, self.backbone.size, self.backbone.channels)
        if found.training is None:
            raise InsituError(f"{found.note}; meta-training needs classes of its own: take a data set")
        network, head = started(self)
        stage = MetaTraining(self.recipe, network, head, found.training)
        yield from loop.run(stage, out / "checkpoints" / "metatrain.pt", stop=stop)
        if stop():
            return
        weights: dict[str, Tensor] = {**dict(network.named_parameters()), maml.HEAD: head}
        held_out = maml.parts(self.recipe, found.training)[1]
        right = maml.accuracy(self.recipe, network, weights, held_out, TASKS, seed=1)
        count = self.recipe.held_out
        card = {
            "data": f"{found.note}; {count} of the training classes were held out, no test class was seen",
            "recipe": asdict(self.recipe),
            "accuracy": {"held_out_classes_percent": round(100 * right, 2), "tasks": TASKS},
            **provenance(),
        }
        weights_file.save(out / name, network, card, head)
        if self.shipped:
            ship(self, out / name)


def started(job: MetaJob) -> tuple[Conv4Module, nn.Parameter]:
    """Return the network and the head that the training of ``job`` starts with."""
    if not job.start:
        # rows of a task stand for no class in particular, so none is better than zero to start from
        return job.backbone.build(job.recipe.seed), nn.Parameter(torch.zeros(job.recipe.ways, job.backbone.features))
    network, _, head = weights_file.load(trained.stem(job.start))
    if network.record != job.backbone or head is None or len(head) != job.recipe.ways:
        raise InsituError(
            f"weights to start from are of {job.backbone} with a head of {job.recipe.ways} ways; {job.start} is of "
            f"{network.record} and {'no' if head is None else len(head)} ways: start from others"
        )
    return filled(network, job.recipe.bits).train(), nn.Parameter(head)


@torch.no_grad()
def filled(network: Conv4Module, bits: int) -> Conv4Module:
    """Scale every convolution so that all but the largest 0.1 % of its weights are within the range of ``bits``.

    Batch norm after ReLU removes the scale again, so that features do not change, but a grid whose range is filled has
    far smaller relative rounding errors: small weights on a coarse grid would be little more than signs.
    """
    for weight in network.parameters() if bits else ():
        largest = torch.quantile(weight.abs().flatten(), 0.999)
        weight.mul_((1 - 2.0 ** (1 - bits)) / largest)
    return network


def ship(job: MetaJob, stem: Path) -> Path:
    """Write features of tasks of test classes next to the weights, so that these can be tried without images."""
    found = pools(job.data_set, job.backbone.size, job.backbone.channels)
    size = job.recipe.ways, job.recipe.shots, job.recipe.queries
    tasks = draw(found.test, job.shipped, *size, generator(0, "shipped tasks"))
    note = f"{found.note}; features that come with the package, made in floats, so that only the head is on a device"
    return task_features.ship(stem, calibration(found, *size), tasks, note, job.recipe.bits)
