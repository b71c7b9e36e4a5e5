"""Where torch computes: the processor, or a CUDA device that ``--device`` or the variable ``INSITU_DEVICE`` names.

What is drawn at random, read, written or returned stays on the processor, so that results do not depend on the choice
beyond rounding. Training stages move their network at the start and back at the end, encoders move batches of items,
and products of crossbars with coarse converters give the same bits on either (``analog/device_product.py``). Kernels
of this package, such as those of binary and spiking networks, have no form for CUDA and run on the processor.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import TYPE_CHECKING

from insitu.core import InsituError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

VARIABLE = "INSITU_DEVICE"  # inherited by worker processes


def choose(given: str) -> None:
    """Compute on the device ``given`` from now on, in this process and in those that it starts."""
    checked(given)
    os.environ[VARIABLE] = given


def name() -> str:
    """Return the name of the device that was chosen; ``cpu`` where none was."""
    return os.environ.get(VARIABLE) or "cpu"


def chosen() -> torch.device:
    """Return the device that was chosen."""
    return checked(name())


@cache
def checked(given: str) -> torch.device:
    """Return the torch device of this name; raise ``InsituError`` unless it is the processor or a CUDA device here."""
    import torch  # here, because importing it takes a second

    try:
        device = torch.device(given)
    except RuntimeError:
        device = torch.device("meta")
    if device.type not in ("cpu", "cuda"):
        raise InsituError(f"device is cpu, cuda or cuda:N; got {given!r}")
    found = torch.cuda.device_count() if device.type == "cuda" and torch.cuda.is_available() else 0
    if device.type == "cuda" and (device.index or 0) >= found:
        raise InsituError(
            f"device {given} is not available: torch {torch.__version__} finds {found or 'no'} CUDA devices here; "
            "take cpu, or run on a machine with one and a torch that is built for CUDA"
        )
    return device


def half_precision(place: Tensor, enabled: bool) -> AbstractContextManager[object]:
    """Return a context in which convolutions and products on the device of ``place`` run in bfloat16, if enabled."""
    import torch

    return torch.autocast(place.device.type, torch.bfloat16) if enabled else nullcontext()
