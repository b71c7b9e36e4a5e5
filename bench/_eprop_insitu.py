"""Our side of the e-prop benchmark: one meta-training iteration, by our kernels and in plain PyTorch."""

from __future__ import annotations

import platform

import numba
import numpy as np
import torch

from _eprop_task import ADAM, RATE, RATE_WEIGHT, TARGETS, given
from insitu.backbones.spiking import NAMES, Spiking
from insitu.core import generator
from insitu.kernels import eprop, spiking
from insitu.training import eprop_phases as phases
from rounds import THREADS, serve

torch.set_num_threads(THREADS)
GIVEN = {name: torch.from_numpy(value) for name, value in given().items()}
FAST = spiking.compiled


class Training:
    """Weights of their own and their optimiser."""

    def __init__(self) -> None:
        self.weights = {name: GIVEN[name].clone().requires_grad_() for name in NAMES}
        self.adam = torch.optim.Adam(self.weights.values(), ADAM)

    def iteration(self, fast: bool) -> float:
        """Run, update, run again, descend through all of it; return the loss."""
        for room in (spiking, eprop):
            room.compiled = FAST if fast else lambda: None  # type: ignore[assignment]
        by, rates = phases.Update(RATE), phases.Rates(*TARGETS, RATE_WEIGHT)
        self.adam.zero_grad(set_to_none=True)
        movements = GIVEN["omega"], GIVEN["position"]
        loss = phases.joint(Spiking(), self.weights, *movements, by, rates, generator(0))
        loss.backward()
        self.adam.step()
        return float(loss.detach())


def rates() -> list[float]:
    """Return how often neurons of trainee and generator fire at first, in Hz."""
    trainee, signal_generator = phases.pair({name: GIVEN[name] for name in NAMES})
    with torch.no_grad():
        runs = Spiking().move(trainee, 250), Spiking().signals(signal_generator, GIVEN["position"])
    return [1000 * float(run.counts.mean()) / 250 for run in runs]


if __name__ == "__main__":
    ours, plain = Training(), Training()
    facts = {"torch": torch.__version__, "numpy": np.__version__, "numba": numba.__version__}
    serve(
        {"iteration": lambda: ours.iteration(True), "plain": lambda: plain.iteration(False), "rates": rates},
        facts | {"python": platform.python_version()},
    )
