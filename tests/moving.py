"""Short movements for small spiking networks that have not been trained, and an experiment with them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import torch

from insitu import metrics, run
from insitu.backbones import trained, weights_file
from insitu.backbones.spiking import Spiking
from insitu.devices.ideal import Ideal
from insitu.experiments import Claim, Experiment, Variant
from insitu.learners.eprop import Eprop
from insitu.metrics import Row
from insitu.scenarios.arm_trajectories import ArmTrajectories
from insitu.substrates.crossbar import Crossbar
from insitu.substrates.digital import Digital

RECORD = Spiking(trainee=30, signal_generator=40, adaptive=10)
STEPS = 60
RATE = 0.01  # with which a part of the weights changes by steps of 1/16
SCENARIO = ArmTrajectories(steps=STEPS, tasks=5, batch_size=3, wait_s=0.0)
SOFTWARE = Eprop(Digital(), RATE, grid=0)
ROUNDED = Eprop(Digital(), RATE)
PCM = Eprop(learning_rate=RATE)
EXACT = Eprop(Crossbar(Ideal(16.0), pairs=1, adc_bits=0), RATE, grid=0)


def save(folder: Path) -> None:
    """Write the networks where ``trained.stem`` is to find them; all weights are within -1..1."""
    network = RECORD.build(0)
    with torch.no_grad():
        for weight in network.parameters():
            weight.clamp_(-0.9, 0.9)
    weights_file.save(folder / "ortner2025_arm", network, {})


@pytest.fixture(scope="module", autouse=True)
def networks(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Put the small networks in the place of those that are shipped."""
    folder = tmp_path_factory.mktemp("networks")
    save(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trained, "stem", lambda name: folder / name)
        yield  # type: ignore[misc]


EXPERIMENT = Experiment(
    paper="none",
    scenario=SCENARIO,
    learner=PCM,
    baseline=SOFTWARE,
    names=("software", "PCM"),
    variants=(Variant("rounded", ROUNDED), Variant("later", PCM, (("tasks", 2),), query_delay_s=86400.0)),
    ages_s=(60.0, 86400.0),
    claims=(Claim("hand", "none", metrics.at_session("learner", "hand_median", 1, 60.0), unit="cm"),),
)


@cache
def rows() -> list[Row]:
    """Return the rows of two seeds."""
    return [row for seed in range(2) for row in run.rows(EXPERIMENT, seed)]
