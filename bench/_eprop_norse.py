"""norse's side of the e-prop benchmark. Runs in an environment that holds norse.

Its ``lif_box`` neurons have no filter of currents, as ours; a current is scaled to count as much as it does here. Their
threshold's surrogate derivative is replaced by the triangle, as norse's users do, since it has none of this shape.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import torch
from norse.torch.functional import lif_box
from norse.torch.functional.reset import reset_subtract

from _eprop_autograd import DECAY, Training, Triangle
from rounds import serve

GAIN = 1 - DECAY


def neurons(threshold: float) -> Callable[..., Any]:
    lif_box.threshold = lambda beyond, _method, alpha: Triangle.apply(beyond, alpha)
    constants = lif_box.LIFBoxParameters(
        tau_mem_inv=torch.tensor(GAIN / 1e-3),
        v_th=torch.tensor(threshold),
        alpha=threshold,
        reset_method=reset_subtract,
    )

    def step(current: torch.Tensor, membrane: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        state = lif_box.LIFBoxFeedForwardState(membrane)
        spike, state = lif_box.lif_box_feed_forward_step(current / GAIN, state, constants)
        return spike, state.v

    return step


if __name__ == "__main__":
    facts = {"norse": version("norse"), "torch": torch.__version__, "python": platform.python_version()}
    serve({"iteration": Training(neurons).iteration}, facts)
