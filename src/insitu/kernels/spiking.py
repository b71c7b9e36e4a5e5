"""Networks of spiking neurons over time, forward and back: sums over the few neurons that fire.

Per step t of 1 ms, with A = threshold + beta * a and a <- rho a + z(t-1) (beta is zero but for the last, adaptive,
neurons):

    v <- decay v + current(t) + z(t-1) w_rec - A z(t-1)        without self connections
    z = 1 where v > A, unless the neuron fired in the last ``refractory - 1`` steps
    h = dampening * max(0, 1 - |v - A| / threshold) / threshold, zero while refractory
    y <- kappa y + z w_out

In the backward pass, dz/dv = h = -dz/dA, and h itself is differentiated as it stands; nothing else is approximated.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from insitu.core import InsituError
from insitu.kernels import compiled
from insitu.kernels.threading import one_at_a_time


@dataclass(frozen=True)
class Neurons:
    """Constants of a network's neurons; times in steps of 1 ms."""

    threshold: float = 0.6
    tau: float = 20.0  # of the membrane
    tau_out: float = 20.0  # of the readouts
    refractory: int = 5  # steps from a spike to the next, at least
    dampening: float = 0.3
    adaptive: int = 0  # neurons, the last ones, whose threshold rises with their spikes
    beta: float = 1.6  # rise of the threshold
    tau_adaptation: float = 600.0

    @property
    def decay(self) -> float:
        """Share of the potential left after a step."""
        return exp(-1 / self.tau)

    @property
    def kappa(self) -> float:
        """Share of a readout left after a step."""
        return exp(-1 / self.tau_out)

    @property
    def rho(self) -> float:
        """Share of the adaptation left after a step."""
        return exp(-1 / self.tau_adaptation)


class Run(NamedTuple):
    """What a network did: time first, then samples. All are differentiable."""

    readout: Tensor  # (steps, batch, out)
    counts: Tensor  # (batch, size) spikes of each neuron
    slope: Tensor  # (steps, batch, size): h
    spikes: Tensor | None  # (steps, batch, size) of 0 and 1, where requested


def run(current: Tensor, w_rec: Tensor, w_out: Tensor, neurons: Neurons, spikes: bool = False) -> Run:
    """Run a network from rest.

    current: (steps, batch, size) float32, what the inputs add to the potentials
    w_rec: (size, size) from row to column, or (batch, size, size), one for each sample; the diagonal counts as zero
    w_out: (size, out)
    """
    _check(current, w_rec, w_out, neurons)
    if compiled() is None or current.dtype != torch.float32:
        return run_reference(current, w_rec, w_out, neurons, spikes)
    readout, counts, slope, fired = _Run.apply(  # type: ignore[no-untyped-call]
        current, w_rec, w_out, neurons, spikes
    )
    return Run(readout, counts, slope, fired if spikes else None)


def run_reference(current: Tensor, w_rec: Tensor, w_out: Tensor, neurons: Neurons, spikes: bool = False) -> Run:
    """Do the same in plain PyTorch, in the precision that is given."""
    steps, batch, size = current.shape
    beta = current.new_zeros(size)
    beta[size - neurons.adaptive :] = neurons.beta
    w = w_rec * (1 - torch.eye(size, dtype=w_rec.dtype))
    w = w if w.ndim == 3 else w[None]
    v, z, a, rest = (current.new_zeros(batch, size) for _ in range(4))
    y = current.new_zeros(batch, w_out.shape[1])
    outputs, slopes, fired = [], [], []
    for t in range(steps):
        a = neurons.rho * a + z
        level = neurons.threshold + beta * a
        v = neurons.decay * v + current[t] + torch.matmul(z[:, None], w)[:, 0] - level * z
        beyond, free = v - level, rest == 0
        h = neurons.dampening * (1 - beyond.abs() / neurons.threshold).clamp_min(0) / neurons.threshold * free
        z = _Spike.apply(beyond, h) * free  # type: ignore[no-untyped-call]
        rest = (rest + neurons.refractory * z.detach() - 1).clamp_min(0)
        y = neurons.kappa * y + z @ w_out
        outputs.append(y)
        slopes.append(h)
        fired.append(z)
    every = torch.stack(fired)
    return Run(torch.stack(outputs), every.sum(0), torch.stack(slopes), every if spikes else None)


def as_array(x: Tensor) -> Any:
    """Return the numbers of x in one piece, for a compiled loop."""
    return x.detach().contiguous().numpy()


class _Spike(torch.autograd.Function):
    """1 where the potential is beyond the threshold, with h as derivative."""

    @staticmethod
    def forward(ctx: Any, beyond: Tensor, h: Tensor) -> Tensor:
        ctx.save_for_backward(h)
        return (beyond > 0).to(beyond.dtype)

    @staticmethod
    def backward(ctx: Any, error: Tensor) -> tuple[Tensor, None]:
        return error * ctx.saved_tensors[0], None


class _Run(torch.autograd.Function):
    """A whole run: one pass forward, one back."""

    @staticmethod
    def forward(ctx: Any, current: Tensor, w_rec: Tensor, w_out: Tensor, neurons: Neurons, spikes: bool) -> Any:
        from insitu.kernels import _spiking

        steps, batch, size = current.shape
        rec = as_array(w_rec).reshape(-1, size, size)
        fired, number = np.empty((steps, batch, size), np.int16), np.empty((steps, batch), np.int32)
        slope = np.empty((steps, batch, size), np.float32)
        adapted = np.empty((steps, batch, neurons.adaptive), np.float32)
        readout = np.empty((steps, batch, w_out.shape[1]), np.float32)
        counts = np.zeros((batch, size), np.float32)
        every = np.zeros((steps, batch, size) if spikes else (0, 0, 0), np.float32)
        given = as_array(current), rec, as_array(w_out), *_constants(neurons)
        with one_at_a_time:
            _spiking.forward(*given, fired, number, slope, adapted, readout)
            _spiking.spread(fired, number, counts, every)
        ctx.neurons, ctx.kept = neurons, (fired, number, slope, adapted)
        ctx.save_for_backward(w_rec, w_out)
        ctx.set_materialize_grads(False)
        return tuple(map(torch.from_numpy, (readout, counts, slope, every)))

    @staticmethod
    def backward(ctx: Any, *errors: Tensor | None) -> Any:
        from insitu.kernels import _spiking

        fired, number, slope, adapted = ctx.kept
        w_rec, w_out = ctx.saved_tensors
        steps, batch, size = slope.shape
        rec = as_array(w_rec).reshape(-1, size, size)
        none = np.zeros((0, 0, 0), np.float32)
        of_readout = np.zeros((steps, batch, w_out.shape[1]), np.float32) if errors[0] is None else as_array(errors[0])
        of_counts = np.zeros((0, 0), np.float32) if errors[1] is None else as_array(errors[1])
        of_slope, of_spikes = (none if error is None else as_array(error) for error in (errors[2], errors[3]))
        of_current, filtered = np.empty_like(slope), np.empty_like(of_readout)
        decay, kappa, threshold, dampening, _, beta, rho = _constants(ctx.neurons)
        given = fired, number, slope, adapted, rec, as_array(w_out), decay, kappa, threshold, dampening, beta, rho
        outer = of_readout, of_spikes, of_counts, of_slope
        of_rec, of_out = np.zeros_like(rec), np.zeros(tuple(w_out.shape), np.float32)
        with one_at_a_time:
            groups = batch if len(rec) > 1 else min(batch, _threads())
            _spiking.backward(*given, *outer, groups, of_current, filtered)
            _spiking.weight_gradients(fired, number, of_current, filtered, of_rec, of_out)
        found = torch.from_numpy(of_rec).reshape(w_rec.shape)
        return torch.from_numpy(of_current), found, torch.from_numpy(of_out), None, None


def _constants(neurons: Neurons) -> tuple[Any, ...]:
    f32 = np.float32
    return (
        f32(neurons.decay),
        f32(neurons.kappa),
        f32(neurons.threshold),
        f32(neurons.dampening),
        f32(neurons.refractory),
        f32(neurons.beta),
        f32(neurons.rho),
    )


def _threads() -> int:
    import numba  # here, because importing it takes half a second

    return int(numba.get_num_threads())


def _check(current: Tensor, w_rec: Tensor, w_out: Tensor, neurons: Neurons) -> None:
    if current.ndim != 3 or not current.numel():
        raise InsituError(f"currents are (steps, batch, neurons), none of them 0; got {tuple(current.shape)}")
    _, batch, size = current.shape
    if tuple(w_rec.shape) not in ((size, size), (batch, size, size)):
        raise InsituError(
            f"recurrent weights are {(size, size)} or {(batch, size, size)}, one set per sample; "
            f"got {tuple(w_rec.shape)}"
        )
    if w_out.ndim != 2 or len(w_out) != size:
        raise InsituError(f"output weights are ({size}, outputs); got {tuple(w_out.shape)}")
    if not 0 <= neurons.adaptive <= size:
        raise InsituError(f"{neurons.adaptive} of {size} neurons cannot be adaptive; give 0..{size}")
