"""Spiking networks over time: compiled loops against the plain reference, in value and gradient, and its laws."""

from __future__ import annotations

import numba
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from insitu.core import InsituError, generator
from insitu.kernels import compiled
from insitu.kernels.spiking import Neurons, Run, run, run_reference

NEURONS = Neurons(threshold=0.6, tau_adaptation=30.0)


def drawn(
    steps: int = 40,
    batch: int = 3,
    size: int = 11,
    out: int = 2,
    several: bool = False,
    drive: float = 0.3,
    seed: int = 0,
) -> tuple[Tensor, Tensor, Tensor]:
    rng = generator(seed, "network")

    def normal(*shape: int) -> Tensor:
        return torch.from_numpy(rng.standard_normal(shape)).float()

    w_rec = normal(*([batch] if several else []), size, size) / size**0.5
    return tuple(x.requires_grad_() for x in (drive * normal(steps, batch, size), w_rec, normal(size, out)))  # type: ignore[return-value]


def gradients(found: Run, inputs: tuple[Tensor, ...], which: int | None = None) -> tuple[Tensor, ...]:
    """Gradients of random sums of the outcomes, or of one of them; zero where an input has no part in it."""
    rng = generator(1, "errors")
    outcomes = [x for x in found if x is not None]
    parts = [(x * torch.from_numpy(rng.standard_normal(tuple(x.shape))).to(x.dtype)).sum() for x in outcomes]
    whole = torch.stack(parts).sum() if which is None else parts[which]
    return torch.autograd.grad(whole, inputs, allow_unused=True, materialize_grads=True)


@pytest.mark.skipif(compiled() is None, reason="Numba does not work here")
@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("adaptive", [0, 4, 11])
@pytest.mark.parametrize("which", [None, 0, 1, 2, 3])
def test_loops_give_the_values_and_gradients_of_the_reference(several: bool, adaptive: int, which: int | None) -> None:
    neurons = Neurons(threshold=0.6, tau_adaptation=30.0, adaptive=adaptive)
    inputs = drawn(several=several)
    found, expected = run(*inputs, neurons, True), run_reference(*inputs, neurons, True)
    assert float(found.counts.detach().sum()) > 20
    assert found.spikes is not None
    assert torch.equal(found.spikes, expected.spikes)  # type: ignore[arg-type]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    for one, other in zip(gradients(found, inputs, which), gradients(expected, inputs, which), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


@pytest.mark.skipif(compiled() is None, reason="Numba does not work here")
@pytest.mark.parametrize("size", [1, 32, 33, 70])
@pytest.mark.parametrize("batch", [1, 5])
def test_sizes_that_fill_no_vector_are_as_good(size: int, batch: int) -> None:
    inputs = drawn(batch=batch, size=size, out=3, drive=0.4)
    found, expected = run(*inputs, NEURONS), run_reference(*inputs, NEURONS)
    assert found.spikes is None
    assert torch.equal(found.counts, expected.counts)
    for one, other in zip(gradients(found, inputs), gradients(expected, inputs), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


@pytest.mark.skipif(compiled() is None, reason="Numba does not work here")
@pytest.mark.parametrize("several", [False, True])
def test_threads_change_nothing(several: bool) -> None:
    inputs, most = drawn(batch=6, several=several), numba.get_num_threads()
    try:
        outcomes = []
        for threads in {1, most}:
            numba.set_num_threads(threads)
            found = run(*inputs, NEURONS)
            outcomes.append((*found[:3], *gradients(found, inputs)))
        for one, other in zip(outcomes[0], outcomes[-1], strict=True):
            assert torch.equal(one, other)
    finally:
        numba.set_num_threads(most)


def test_where_no_surrogate_has_a_part_gradients_are_those_of_finite_differences() -> None:
    # potentials below zero have no slope, so that nothing passes through spikes; in the last step all rise to where
    # slopes are smooth
    current, w_rec, w_out = (x.detach().double() for x in drawn(steps=6, batch=2, size=4))
    current = -0.1 * current.abs()
    current[-1] += 1.0
    quiet = Neurons(threshold=2.0, adaptive=2)
    assert float(run_reference(current, w_rec, w_out, quiet).counts.sum()) == 0
    assert torch.autograd.gradcheck(
        lambda given: run_reference(given, w_rec, w_out, quiet).slope, current.requires_grad_()
    )


def test_readouts_are_linear_in_their_weights() -> None:
    current, w_rec, w_out = drawn()
    fixed = current.detach(), w_rec.detach()
    assert torch.autograd.gradcheck(
        lambda w: run_reference(*(x.double() for x in fixed), w, NEURONS).readout,
        w_out.detach().double().requires_grad_(),
    )


def test_a_single_neuron_does_what_the_equations_say() -> None:
    neurons = Neurons(threshold=1.0, refractory=3)
    current = torch.tensor([0.6, 0.6, 0.6, 0.0, 2.0, 0.0]).view(-1, 1, 1).requires_grad_()
    found = run(current, torch.full((1, 1), 5.0), torch.tensor([[2.0]]), neurons, spikes=True)
    d = neurons.decay
    second = 0.6 * d + 0.6  # beyond 1: it fires, and loses 1 in the next step
    third = second * d + 0.6 - 1
    fifth = third * d * d + 2
    assert found.spikes is not None
    assert found.spikes.flatten().tolist() == [0, 1, 0, 0, 1, 0]
    assert fifth > 1
    slopes = [0.3 * (1 - abs(v - 1)) if v < 2 else 0.0 for v in (0.6, second)]
    assert found.slope.flatten()[:2].tolist() == pytest.approx(slopes)
    assert found.slope.flatten()[2:4].tolist() == [0, 0]
    y = [0, 2, 2 * d, 2 * d * d, 2 * d**3 + 2, 2 * d**4 + 2 * d]
    assert found.readout.flatten().tolist() == pytest.approx(y)
    (slope_of_spike,) = torch.autograd.grad(found.spikes[1].sum(), current)
    through_the_first = -slopes[0]  # a surrogate spike there would have been followed by a reset
    expected = [slopes[1] * (d + through_the_first), slopes[1], 0]
    assert slope_of_spike.flatten()[:3].tolist() == pytest.approx(expected)


@given(st.integers(0, 10_000), st.integers(1, 9), st.floats(0.1, 3.0))
def test_no_neuron_fires_within_its_refractory_time(seed: int, refractory: int, drive: float) -> None:
    found = run(*drawn(drive=drive, seed=seed), Neurons(refractory=refractory), spikes=True)
    assert found.spikes is not None
    within = torch.nn.functional.avg_pool1d(found.spikes.permute(1, 2, 0), refractory, 1) * refractory
    assert float(within.detach().max()) <= 1 + 1e-5
    assert torch.equal(found.spikes.sum(0), found.counts)


def test_a_neuron_does_not_drive_itself() -> None:
    current, w_rec, w_out = drawn()
    other = w_rec.detach() + torch.diag(torch.linspace(-9, 9, 11))
    found = run(current, w_rec, w_out, NEURONS)
    assert torch.equal(found.readout, run(current, other, w_out, NEURONS).readout)
    assert not gradients(found, (w_rec,))[0].diagonal().any()


def test_adaptive_neurons_tire() -> None:
    current, w_rec, w_out = torch.full((400, 1, 1), 0.2), torch.zeros(1, 1), torch.zeros(1, 1)
    found = run(current, w_rec, w_out, Neurons(adaptive=1), spikes=True)
    assert found.spikes is not None
    early, late = found.spikes[:200].sum(), found.spikes[200:].sum()
    assert late < 0.6 * early
    assert run(current, w_rec, w_out, Neurons()).counts > found.counts


def test_doubles_are_run_by_the_reference() -> None:
    inputs = tuple(x.detach().double() for x in drawn())
    assert run(*inputs, NEURONS).readout.dtype == torch.float64


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((4, 2), (3, 3), (3, 1)), r"currents are \(steps, batch, neurons\).*got \(4, 2\)"),
        (((0, 2, 3), (3, 3), (3, 1)), "none of them 0"),
        (((4, 2, 3), (3, 4), (3, 1)), r"recurrent weights are \(3, 3\) or \(2, 3, 3\).*got \(3, 4\)"),
        (((4, 2, 3), (1, 3, 3), (3, 1)), r"got \(1, 3, 3\)"),
        (((4, 2, 3), (3, 3), (2, 1)), r"output weights are \(3, outputs\); got \(2, 1\)"),
    ],
)
def test_wrong_shapes_are_named(shapes: tuple[tuple[int, ...], ...], message: str) -> None:
    with pytest.raises(InsituError, match=message):
        run(*(torch.zeros(shape) for shape in shapes), NEURONS)


def test_more_adaptive_neurons_than_there_are_is_refused() -> None:
    with pytest.raises(InsituError, match=r"12 of 11 neurons cannot be adaptive; give 0\.\.11"):
        run(*drawn(), Neurons(adaptive=12))
