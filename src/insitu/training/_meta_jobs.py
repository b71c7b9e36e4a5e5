"""Meta-train a network from images to stored weights: tasks, iterations, card."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path

import torch
from torch import Tensor, nn

from insitu.backbones import _meta_trained
from insitu.backbones.conv4 import Conv4
from insitu.core import InsituError, cache_folder
from insitu.data import DataSet
from insitu.scenarios._task_pools import pools
from insitu.training import maml
from insitu.training.maml import MetaTrain, Progress

TASKS = 1000  # of held-out classes, for the card


@dataclass(frozen=True)
class MetaJob:
    """Which network is meta-trained on which data by which recipe."""

    data_set: DataSet
    backbone: Conv4
    recipe: MetaTrain


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
    network = job.backbone.build(job.recipe.seed)
    # rows of a task stand for no class in particular, so none is better than zero to start from
    head = nn.Parameter(torch.zeros(job.recipe.ways, job.backbone.features))
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
