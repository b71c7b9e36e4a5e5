"""Our side of the e-prop benchmark: one meta-training iteration, by our kernels and in plain PyTorch."""

from __future__ import annotations

import platform

import numba
import numpy as np
import torch

from _eprop_task import ADAM, MOVEMENTS, RATE, RATE_WEIGHT, STEPS, TARGETS, given
from insitu.backbones.spiking import NAMES, Spiking
from insitu.core import generator
from insitu.kernels import eprop, spiking
from insitu.training import eprop_phases as phases
from rounds import THREADS, serve

torch.set_num_threads(THREADS)
GIVEN = {name: torch.from_numpy(value) for name, value in given().items()}
SIGNALS = torch.randn(STEPS, MOVEMENTS, len(GIVEN["trainee.w_rec"]))
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
        loss = phases.joint(Spiking(), self.weights, *movements, [(by, MOVEMENTS)], rates, generator(0))
        loss.backward()
        self.adam.step()
        return float(loss.detach())


def rates() -> list[float]:
    """Return how often neurons of trainee and generator fire at first, in Hz."""
    trainee, signal_generator = phases.pair({name: GIVEN[name] for name in NAMES})
    with torch.no_grad():
        runs = Spiking().move(trainee, 250), Spiking().signals(signal_generator, GIVEN["position"])
    return [1000 * float(run.counts.mean()) / 250 for run in runs]


@torch.no_grad()
def update(movements: int) -> None:
    """Run the trainee once and return nothing but the increments of so many demonstrations."""
    trainee, _ = phases.pair({name: GIVEN[name] for name in NAMES})
    record, signals = Spiking(), SIGNALS[:, :movements].contiguous()
    record.increments(record.move(trainee, STEPS, spikes=True), signals, RATE)


if __name__ == "__main__":
    ours, plain = Training(), Training()
    facts = {"torch": torch.__version__, "numpy": np.__version__, "numba": numba.__version__}
    serve(
        {
            "iteration": lambda: ours.iteration(True),
            "plain": lambda: plain.iteration(False),
            "rates": rates,
            "update/1": lambda: update(1),
            "update/32": lambda: update(MOVEMENTS),
        },
        facts | {"python": platform.python_version()},
    )
