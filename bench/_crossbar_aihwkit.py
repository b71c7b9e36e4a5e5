"""The rival's side of the crossbar benchmark. Runs in an environment that holds aihwkit, not insitu.

Settings are chosen in the rival's favour where they differ from its defaults: no additive output noise to draw, no
search for an output range (bound management), no drift compensation. As ours: 8-bit inputs scaled by the largest entry
of each vector, 8-bit outputs, the HERMES fit with two devices per sign, one scale per column.
"""

from __future__ import annotations

import platform
import warnings

import torch

from rounds import THREADS, serve

# its indexing warns on every call of a newer torch; printing that would be timed
warnings.simplefilter("ignore")

import aihwkit  # noqa: E402
from aihwkit.inference.noise.hermes import HermesNoiseModel  # noqa: E402
from aihwkit.nn import AnalogLinear  # noqa: E402
from aihwkit.simulator.configs import TorchInferenceRPUConfig  # noqa: E402
from aihwkit.simulator.parameters.enums import BoundManagementType, NoiseManagementType  # noqa: E402

DIM, CLASSES, SHOTS, QUERIES = 512, 100, 5, 10_000
SINGLY = 200  # queries that come one at a time
FEW = 10  # queries of which the per-query cost is measured
torch.set_num_threads(THREADS)
torch.manual_seed(0)
clock_s = 1000.0


def layer(rows_per_tile: int) -> torch.nn.Module:
    config = TorchInferenceRPUConfig()
    config.noise_model = HermesNoiseModel(num_devices=2)
    config.drift_compensation = None
    config.mapping.max_input_size = config.mapping.max_output_size = rows_per_tile
    config.mapping.weight_scaling_omega = 1.0
    config.mapping.weight_scaling_columnwise = True
    config.forward.inp_res = config.forward.out_res = 1 / 254
    config.forward.out_noise = 0.0
    config.forward.noise_management = NoiseManagementType.ABS_MAX
    config.forward.bound_management = BoundManagementType.NONE
    out = AnalogLinear(DIM, CLASSES, bias=False, rpu_config=config).eval()
    out.set_weights(weights)
    out.program_analog_weights()
    return out


def later() -> float:
    global clock_s
    clock_s += 1.0
    return clock_s


weights = torch.randn(CLASSES, DIM)
queries = torch.randn(QUERIES, DIM)
tiled, single = layer(256), layer(512)


def program(times: int = 1) -> None:
    for _ in range(times):
        tiled.set_weights(weights)
        tiled.program_analog_weights()


@torch.no_grad()
def search_anew(which: torch.nn.Module) -> None:
    which.drift_analog_weights(later())  # drift, and one draw of read noise for all queries that follow
    which(queries)


@torch.no_grad()
def search_again(which: torch.nn.Module) -> None:
    which(queries)


@torch.no_grad()
def search_singly() -> None:
    for row in range(SINGLY):
        tiled(queries[row : row + 1])


@torch.no_grad()
def search_each() -> None:
    for row in range(FEW):
        tiled.drift_analog_weights(later())
        tiled(queries[row : row + 1])


serve(
    {
        "program": program,
        "program_every_shot": lambda: program(SHOTS),
        "search_anew": lambda: search_anew(tiled),
        "search_anew_single": lambda: search_anew(single),
        "search_again": lambda: search_again(tiled),
        "search_singly": search_singly,
        "search_each": search_each,
    },
    {"aihwkit": aihwkit.__version__, "python": platform.python_version(), "torch": torch.__version__},
)
