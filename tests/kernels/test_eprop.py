"""Eligibility traces and increments of e-prop: compiled loops against the plain reference, and the rule itself."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from insitu.core import InsituError, generator
from insitu.kernels import compiled
from insitu.kernels.eprop import increments, increments_reference, low_pass

DECAY, RATE = 0.95, 0.1


def drawn(steps: int = 30, batch: int = 4, size: int = 9, shared: bool = True) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    rng = generator(0, "eprop")
    runs = 1 if shared else batch

    def uniform(*shape: int) -> Tensor:
        return torch.from_numpy(rng.random(shape)).float()

    signals, slope = uniform(steps, batch, size) - 0.5, (uniform(steps, runs, size) - 0.5).clamp_min(0)
    ticks, spikes = (uniform(steps, 5) < 0.1).float(), (uniform(steps, runs, size) < 0.1).float()
    return signals.requires_grad_(), slope.requires_grad_(), ticks, spikes.requires_grad_()


def gradients(found: tuple[Tensor, ...], inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    rng = generator(1, "errors")
    whole = sum((x * torch.from_numpy(rng.standard_normal(tuple(x.shape))).float()).sum() for x in found)
    return torch.autograd.grad(whole, inputs)  # type: ignore[arg-type]


@pytest.mark.skipif(compiled() is None, reason="Numba does not work here")
@pytest.mark.parametrize("size", [1, 9, 40])
def test_loops_give_the_values_and_gradients_of_the_reference(size: int) -> None:
    signals, slope, ticks, spikes = drawn(size=size)
    found = increments(signals, slope, ticks, spikes, DECAY, RATE)
    expected = increments_reference(signals, slope, ticks, spikes, DECAY, RATE)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)
    inputs = signals, slope, spikes
    ours, theirs = gradients(found, inputs), gradients(expected, inputs)
    for one, other in zip(ours[:2], theirs[:2], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)
    reached = slope > 0  # elsewhere an error ends at the spike
    torch.testing.assert_close(ours[2], theirs[2] * reached, rtol=1e-3, atol=1e-5)


def test_an_increment_is_the_sum_over_time_that_the_rule_says() -> None:
    signals, slope, ticks, spikes = (x.detach() for x in drawn(steps=7, batch=2, size=3))
    w_in, w_rec = increments(signals, slope, ticks, spikes, DECAY, RATE)
    heard, seen = torch.zeros(5), torch.zeros(3)
    expected_in, expected_rec = torch.zeros(2, 5, 3), torch.zeros(2, 3, 3)
    for t in range(7):
        heard = DECAY * heard + ticks[t]
        seen = DECAY * seen + (spikes[t - 1, 0] if t else 0)
        told = -RATE * signals[t] * slope[t]
        expected_in += heard[None, :, None] * told[:, None]
        expected_rec += seen[None, :, None] * told[:, None]
    torch.testing.assert_close(w_in, expected_in)
    torch.testing.assert_close(w_rec, expected_rec * (1 - torch.eye(3)))


def test_runs_of_their_own_that_are_equal_are_as_one_that_is_shared() -> None:
    signals, slope, ticks, spikes = drawn()
    shared = increments(signals, slope, ticks, spikes, DECAY, RATE)
    own = increments(signals, slope.expand(-1, 4, -1), ticks, spikes.expand(-1, 4, -1), DECAY, RATE)
    for one, other in zip(shared, own, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


@given(st.integers(1, 50), st.floats(0.0, 1.0), st.integers(0, 3))
def test_a_trace_is_a_recursion(steps: int, decay: float, delay: int) -> None:
    x = torch.from_numpy(generator(steps, "x").standard_normal((steps, 2, 3)))
    trace, held = low_pass(x, decay, delay), torch.zeros(2, 3).double()
    for t in range(steps):
        held = decay * held + (x[t - delay] if t >= delay else 0)
        torch.testing.assert_close(trace[t], held)


def test_wrong_shapes_are_named() -> None:
    signals, slope, ticks, spikes = drawn()
    with pytest.raises(InsituError, match=r"a batch of 1 or 4; got \(30, 2, 9\)"):
        increments(signals, slope.expand(-1, 2, -1), ticks, spikes.expand(-1, 2, -1), DECAY, RATE)
    with pytest.raises(InsituError, match=r"input spikes are \(30, inputs\); got \(29, 5\)"):
        increments(signals, slope, ticks[1:], spikes, DECAY, RATE)
