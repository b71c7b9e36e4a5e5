"""Meta-train the spiking networks of an arm, from nothing to stored weights: movements, iterations, card."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from insitu.backbones import _spiking_weights
from insitu.backbones.spiking import Spiking
from insitu.core import InsituError, cache_folder, generator
from insitu.training import _eprop_phases as phases
from insitu.training import eprop
from insitu.training._eprop_errors import Errors, errors
from insitu.training._eprop_phases import Update
from insitu.training.eprop import EpropTrain, Progress

TESTED = 500  # movements of the card, which no iteration and no line of progress is about


@dataclass(frozen=True)
class ArmJob:
    """Which networks are meta-trained by which recipe."""

    backbone: Spiking
    recipe: EpropTrain
    begin: Path | None = None  # stored weights to go on from, without suffix; then leave out the first two phases

    def __post_init__(self) -> None:
        if self.begin and (self.recipe.told or self.recipe.decoding):
            raise InsituError(
                "weights to go on from are lost in the first two phases; set recipe.told and recipe.decoding to 0"
            )


def quick(job: ArmJob) -> ArmJob:
    """Return a job of a minute or two, to see that it works; its weights are poor."""
    first = {} if job.begin else {"told": 40, "decoding": 40}
    return replace(job, recipe=replace(job.recipe, whole=40, movements=8, **first))


def train(
    job: ArmJob, name: str, out: Path | None = None, stop: Callable[[], bool] = lambda: False
) -> Iterator[Progress]:
    """Run ``job``, yield progress, and write NAME.safetensors and NAME.json into ``out``.

    The checkpoint lives in ``out``/checkpoints (by default in the user's cache); the same call resumes from it exactly.
    """
    out = out or cache_folder() / "training" / name
    weights, before = _begin(job)
    yield from eprop.train(job.recipe, job.backbone, weights, out / "checkpoints" / "arm.pt", stop=stop)
    if stop():
        return
    store(out / name, job, weights, before)


def store(stem: Path, job: ArmJob, weights: dict[str, Tensor], before: dict[str, Any] | None = None) -> None:
    """Write weights with a card of what they are worth as they are stored, in half precision."""
    half = {name: value.detach().half().float() for name, value in weights.items()}
    omega, position = phases.movements(TESTED, job.recipe.steps, generator(job.recipe.seed, "movements of the card"))
    recipe = job.recipe
    ways = {
        "software": Update(recipe.inner_rate),
        "rounded": recipe.on_devices(0.0),
        "rounded_and_noisy": recipe.on_devices(recipe.noise),
    }
    card = {
        "data": f"random movements within the joints' limits, made up; medians over {TESTED} new ones",
        "recipe": asdict(recipe),
        "errors": {way: _figures(errors(job.backbone, half, omega, position, by)) for way, by in ways.items()},
        **({"went_on_from": before} if before else {}),
        "trained": date.today().isoformat(),
        "torch": torch.__version__,
    }
    _spiking_weights.save(stem, job.backbone, half, card)


def _begin(job: ArmJob) -> tuple[dict[str, Tensor], dict[str, Any] | None]:
    """Return the weights that training begins with, and the recipe they were trained by before, if they were."""
    weights = eprop.start(job.recipe, job.backbone)
    if job.begin is None:
        return weights, None
    record, stored, card = _spiking_weights.load(job.begin)
    if record != job.backbone:
        raise InsituError(f"{job.begin} holds {record}, not {job.backbone}; set the backbone's sizes to its own")
    return weights | stored, {name: card[name] for name in ("recipe", "went_on_from") if name in card}


def _figures(found: Errors) -> dict[str, Any]:
    return {
        "velocity_before_rad_s": [round(error, 4) for error in found.before],
        "velocity_after_rad_s": [round(error, 4) for error in found.after],
        "hand_cm": round(found.hand_cm, 2),
        "changed_percent": round(100 * found.changed, 2),
        "trainee_hz": round(found.trainee_hz, 1),
        "teacher_hz": round(found.teacher_hz, 1),
    }
