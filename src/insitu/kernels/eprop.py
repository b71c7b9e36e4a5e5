"""Eligibility traces and the weight increments of natural e-prop, all steps at once.

Natural e-prop (Scherr, Stöckl, Maass 2020; Ortner, Petschenig et al. 2025): a network that never sees the target
changes its weights once, by a learning signal per neuron and step that another network gives:

    increment(i, j) = -rate * sum over t of L(t, j) h(t, j) trace(t, i)

h is the surrogate derivative of the neuron that is reached, the trace the low-passed activity of the one that drives.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from insitu.core import InsituError
from insitu.kernels import compiled
from insitu.kernels.spiking import as_array
from insitu.kernels.threading import one_at_a_time


def low_pass(x: Tensor, decay: float, delay: int = 0) -> Tensor:
    """Return sums over the past of x (steps, ...): decay^(t - delay - s) x(s) for s up to t - delay.

    With the decay of the membrane these are eligibility traces: of inputs with no delay, of neurons with a delay of 1.
    """
    steps = len(x)
    age = torch.arange(steps)[:, None] - torch.arange(steps) - delay
    kernel = torch.where(age >= 0, decay ** age.clamp_min(0).double(), 0).to(x.dtype)
    return (kernel @ x.reshape(steps, -1)).reshape(x.shape)


def increments(
    signals: Tensor, slope: Tensor, ticks: Tensor, spikes: Tensor, decay: float, rate: float
) -> tuple[Tensor, Tensor]:
    """Return increments of input (batch, inputs, size) and recurrent weights (batch, size, size), diagonal zero.

    signals: (steps, batch, size) learning signals L
    slope, spikes: (steps, 1, size) h and spikes of a run that all samples share, or (steps, batch, size). Where it is
        shared, errors are passed to spikes only where h is not zero, since elsewhere they end there
    ticks: (steps, inputs) input spikes of that run
    """
    steps, batch, size = signals.shape
    if slope.shape != spikes.shape or slope.shape not in ((steps, 1, size), (steps, batch, size)):
        raise InsituError(
            f"for learning signals (steps, batch, neurons) {tuple(signals.shape)}, slopes and spikes have as many "
            f"steps and neurons, and a batch of 1 or {batch}; got {tuple(slope.shape)} and {tuple(spikes.shape)}"
        )
    if ticks.ndim != 2 or len(ticks) != steps:
        raise InsituError(f"input spikes are ({steps}, inputs); got {tuple(ticks.shape)}")
    if compiled() is None or signals.dtype != torch.float32 or slope.shape[1] != 1:
        return increments_reference(signals, slope, ticks, spikes, decay, rate)
    found: tuple[Tensor, Tensor] = _Increments.apply(  # type: ignore[no-untyped-call]
        signals, slope, ticks, spikes, decay, rate
    )
    return found


def increments_reference(
    signals: Tensor, slope: Tensor, ticks: Tensor, spikes: Tensor, decay: float, rate: float
) -> tuple[Tensor, Tensor]:
    """Do the same in plain PyTorch, in the precision that is given."""
    batch, size = signals.shape[1:]
    error = (-rate * signals * slope).transpose(0, 1)
    of_inputs = low_pass(ticks, decay).T.expand(batch, -1, -1)
    of_neurons = low_pass(spikes, decay, delay=1).permute(1, 2, 0).expand(batch, -1, -1)
    return of_inputs @ error, (of_neurons @ error).masked_fill(torch.eye(size, dtype=torch.bool), 0)


class _Increments(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, signals: Tensor, slope: Tensor, ticks: Tensor, spikes: Tensor, decay: float, rate: float
    ) -> Any:
        from insitu.kernels import _eprop

        given = as_array(signals), as_array(slope)[:, 0], as_array(ticks), as_array(spikes)[:, 0]
        steps, batch, size = signals.shape
        low = np.empty((steps, batch, size), np.float32)
        of_in = np.zeros((batch, ticks.shape[1], size), np.float32)
        of_rec = np.zeros((batch, size, size), np.float32)
        ctx.given = *given, np.float32(decay), np.float32(rate)
        ctx.low = low
        with one_at_a_time:
            _eprop.increments(*ctx.given, low, of_in, of_rec)
        return torch.from_numpy(of_in), torch.from_numpy(of_rec)

    @staticmethod
    def backward(ctx: Any, *errors: Tensor) -> Any:
        from insitu.kernels import _eprop

        error_in, error_rec = map(as_array, errors)
        steps, batch, size = ctx.low.shape
        of_signals, of_slope = np.empty_like(ctx.low), np.empty((batch, steps, size), np.float32)
        of_spikes = np.zeros((steps, size), np.float32)
        with one_at_a_time:
            _eprop.errors_of_signals(*ctx.given, error_in, error_rec, of_signals, of_slope)
            _eprop.errors_of_spikes(ctx.given[1], ctx.low, error_rec, of_spikes)
        whole = torch.from_numpy(of_slope).sum(0)[:, None], torch.from_numpy(of_spikes)[:, None]
        return torch.from_numpy(of_signals), whole[0], None, whole[1], None, None
