"""Jobs that meta-train the spiking networks of a robot arm: movements, iterations, weights with their card."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from torch import Tensor

from insitu.backbones import weights_file
from insitu.backbones.spiking import NAMES, Spiking
from insitu.core import InsituError, generator
from insitu.training import Job, eprop, loop
from insitu.training import eprop_phases as phases
from insitu.training.eprop import EpropTrain, EpropTraining
from insitu.training.eprop_errors import Errors, errors
from insitu.training.eprop_phases import Update
from insitu.training.loop import Progress
from insitu.training.provenance import provenance

TESTED = 500  # movements of the card, which no iteration and no report is about


@dataclass(frozen=True)
class RobotArmJob(Job):
    """Which networks are meta-trained by which recipe."""

    backbone: Spiking
    recipe: EpropTrain
    start: Path | None = None  # stored weights to start from, without suffix; leaves out the first two phases

    def __post_init__(self) -> None:
        if self.start and (self.recipe.table_signals or self.recipe.decoder):
            raise InsituError(
                "the first two phases overwrite weights to start from; set recipe.table_signals and recipe.decoder to 0"
            )

    def quick(self) -> Self:
        """See ``Job.quick``."""
        first = {} if self.start else {"table_signals": 40, "decoder": 40}
        return replace(self, recipe=replace(self.recipe, joint=40, movements=8, **first))

    def train(self, name: str, out: Path, stop: Callable[[], bool] = lambda: False) -> Iterator[Progress]:
        """See ``Job.train``."""
        weights, before = self._initial()
        stage = EpropTraining(self.recipe, self.backbone, weights)
        yield from loop.run(stage, out / "checkpoints" / "arm.pt", log_s=60.0, stop=stop)
        if stop():
            return
        store(out / name, self, weights, before)

    def _initial(self) -> tuple[dict[str, Tensor], dict[str, Any] | None]:
        """Return the weights to start from, and the recipe that they were trained by before, if they were."""
        weights = eprop.initial_weights(self.recipe, self.backbone)
        if self.start is None:
            return weights, None
        network, card, _ = weights_file.load(self.start)
        if network.record != self.backbone:
            raise InsituError(
                f"{self.start} holds {network.record}, not {self.backbone}; set the backbone's sizes to its own"
            )
        before: dict[str, Any] = {
            name: card[name] for name in ("recipe", "started_from", "went_on_from") if name in card
        }
        return weights | network.state_dict(), before


def store(stem: Path, job: RobotArmJob, weights: dict[str, Tensor], before: dict[str, Any] | None = None) -> None:
    """Write weights with a card of their errors as they are stored, in half precision."""
    half = {name: value.detach().half().float() for name, value in weights.items()}
    recipe = job.recipe
    omega, position = phases.movements(TESTED, recipe.steps, generator(recipe.seed, "movements of the card"))
    updates = {
        "software": Update(recipe.inner_learning_rate),
        "rounded": recipe.on_devices(0.0),
        "rounded_and_noisy": recipe.on_devices(recipe.noise),
    }
    card = {
        "data": f"random movements within the joints' limits; medians over {TESTED} that were not trained on",
        "recipe": asdict(recipe),
        "errors": {name: _figures(errors(job.backbone, half, omega, position, by)) for name, by in updates.items()},
        **({"started_from": before} if before else {}),
        **provenance(),
    }
    network = job.backbone.build()
    network.load_state_dict({name: half[name] for name in NAMES})
    weights_file.save(stem, network, card)


def _figures(found: Errors) -> dict[str, Any]:
    return {
        "velocity_before_rad_s": [round(error, 4) for error in found.before],
        "velocity_after_rad_s": [round(error, 4) for error in found.after],
        "hand_cm": round(found.hand_cm, 2),
        "changed_percent": round(100 * found.changed, 2),
        "trainee_hz": round(found.trainee_hz, 1),
        "signal_generator_hz": round(found.signal_generator_hz, 1),
    }
