"""snnTorch's side of the e-prop benchmark. Runs in an environment that holds snntorch."""

from __future__ import annotations

import platform
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import snntorch as snn
import torch

from _eprop_autograd import DECAY, Training, Triangle
from rounds import serve


def neurons(threshold: float) -> Callable[..., Any]:
    return snn.Leaky(beta=DECAY, threshold=threshold, spike_grad=lambda x: Triangle.apply(x, threshold))  # type: ignore[no-any-return]


if __name__ == "__main__":
    facts = {"snntorch": version("snntorch"), "torch": torch.__version__, "python": platform.python_version()}
    serve({"iteration": Training(neurons).iteration}, facts)
