"""The e-prop iteration with a rival's neurons, which autograd differentiates through time. PyTorch and NumPy alone.

Settings are in the rivals' favour: their neurons have neither refractory steps nor an adaptive threshold, so both are
left out; inputs and readouts are products over all steps at once; the run before the update, the same for all
movements, is run once; the update is two batched products.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from _eprop_task import ADAM, RATE, RATE_WEIGHT, STEPS, TARGETS, given
from rounds import THREADS

torch.set_num_threads(THREADS)
GIVEN = {name: torch.from_numpy(value) for name, value in given().items()}
OMEGA, POSITION, BITS = (GIVEN.pop(name) for name in ("omega", "position", "bits"))
TICKS = BITS[:, :1, :5].contiguous()
DECAY, DAMPENING = math.exp(-1 / 20), 0.3
# maps a threshold to a step: current and membrane to spikes and the membrane after it
Neurons = Callable[[float], Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]]
A1, REACH, ASIDE, D1 = 0.05, 0.87, -0.033, 0.3585  # m, of the arm


class Triangle(torch.autograd.Function):
    """A spike, whose derivative is a triangle, given the distance from the threshold."""

    @staticmethod
    def forward(ctx: Any, beyond: Tensor, threshold: float) -> Tensor:
        ctx.save_for_backward(beyond)
        ctx.threshold = threshold
        return (beyond > 0).to(beyond.dtype)

    @staticmethod
    def backward(ctx: Any, error: Tensor) -> Any:
        return error * slope(ctx.saved_tensors[0], ctx.threshold), None


def slope(beyond: Tensor, threshold: float) -> Tensor:
    return DAMPENING * (1 - beyond.abs() / threshold).clamp_min(0) / threshold


def kernel(delay: int) -> Tensor:
    age = torch.arange(STEPS)[:, None] - torch.arange(STEPS) - delay
    return torch.where(age >= 0, DECAY ** age.clamp_min(0).double(), 0).float()


NOW, BEFORE = kernel(0), kernel(1)


def low_pass(x: Tensor, by: Tensor) -> Tensor:
    return (by @ x.reshape(STEPS, -1)).reshape(x.shape)


def run(neurons: Neurons, current: Tensor, w_rec: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
    """Return spikes and slopes (steps, batch, size); recurrent weights are shared or one set per movement."""
    cell = neurons(threshold)
    w = w_rec * (1 - torch.eye(w_rec.shape[-1]))
    spike = membrane = torch.zeros_like(current[0])
    spikes, slopes = [], []
    for step in current:
        driven = spike @ w if w.ndim == 2 else torch.bmm(spike[:, None], w)[:, 0]
        spike, membrane = cell(step + driven, membrane)
        spikes.append(spike)
        slopes.append(slope(membrane - threshold, threshold))
    return torch.stack(spikes), torch.stack(slopes)


class Training:
    """Weights of their own and their optimiser."""

    def __init__(self, neurons: Neurons) -> None:
        self.neurons = neurons
        self.weights = {name: value.clone().requires_grad_() for name, value in GIVEN.items()}
        self.adam = torch.optim.Adam(self.weights.values(), ADAM)

    def iteration(self) -> float:
        """Run, update, run again, descend through all of it; return the loss."""
        w = self.weights
        self.adam.zero_grad(set_to_none=True)
        shown, steep = run(self.neurons, TICKS @ w["trainee.w_in"], w["trainee.w_rec"], 0.6)
        told, _ = run(self.neurons, BITS @ w["signal_generator.w_in"], w["signal_generator.w_rec"], 1.3)
        signals = low_pass(told @ w["signal_generator.w_out"], NOW)
        errors = (-RATE * signals * steep).transpose(0, 1)
        heard, seen = low_pass(TICKS[:, 0], NOW), low_pass(shown[:, 0], BEFORE)
        w_in, w_rec = w["trainee.w_in"] + heard.T @ errors, w["trainee.w_rec"] + seen.T @ errors
        again, _ = run(self.neurons, torch.matmul(TICKS[:, 0], w_in).transpose(0, 1), w_rec, 0.6)
        loss = missed(low_pass(again @ w["trainee.w_out"], NOW).transpose(0, 1))
        for target, spikes in zip(TARGETS, ((shown, again), (told,)), strict=True):
            fired = torch.stack([each.mean((0, 1)) for each in spikes]).mean(0)
            loss = loss + RATE_WEIGHT * (fired - target).square().sum()
        loss.backward()
        self.adam.step()
        return float(loss.detach())


def missed(moved: Tensor) -> Tensor:
    angles = 0.01 * moved.cumsum(1)
    c, s = angles.cos(), angles.sin()
    along = A1 + REACH * c[..., 1]
    x, y = along * c[..., 0] + ASIDE * s[..., 0], ASIDE * c[..., 0] - along * s[..., 0]
    hand = torch.stack([x, y, D1 + REACH * s[..., 1]], 2)
    return 0.5 * (moved - OMEGA).square().mean() + 0.5 * (hand - POSITION).square().mean()
