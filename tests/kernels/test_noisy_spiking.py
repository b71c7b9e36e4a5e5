"""Spiking networks on noisy rows: the compiled loop against its reference, and both against the exact network."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from insitu.backbones.spiking_codes import clock
from insitu.core import InsituError, generator
from insitu.kernels import compiled, noisy_spiking, spiking
from insitu.kernels.noisy_spiking import Rows
from insitu.kernels.spiking import Neurons

STEPS, INPUTS, SIZE = 80, 5, 24
TICKS = clock(STEPS, INPUTS)
NEURONS = Neurons()


def rows(samples: int, spread: float = 0.0, levels: int = 0, bounds: tuple[int, ...] = (0, INPUTS + SIZE)) -> Rows:
    rng = generator(0, "rows", samples)
    mean = rng.standard_normal((samples, INPUTS + SIZE, SIZE), np.float32) * np.float32(0.5)
    mean[:, INPUTS + np.arange(SIZE), np.arange(SIZE)] = 0
    full = np.full(len(bounds) - 1, 3.0, np.float32)
    return Rows(mean, np.full_like(mean, spread**2), np.array(bounds, np.int64), full, levels)


def normals(samples: int, blocks: int = 1) -> NDArray[np.float32]:
    return generator(0, "noise").standard_normal((samples, blocks, STEPS, SIZE), np.float32)


def outcome(given: Rows, samples: int, w_out: Any = None) -> spiking.Run:
    w_out = torch.ones(SIZE, 1) if w_out is None else w_out
    return noisy_spiking.run(TICKS, given, w_out, NEURONS, normals(samples, len(given.full)))


@pytest.mark.skipif(compiled() is None, reason="Numba does not work here")
@pytest.mark.parametrize("bounds", [(0, INPUTS + SIZE), (0, 3, 17, INPUTS + SIZE)])
@pytest.mark.parametrize(("spread", "levels"), [(0.0, 0), (0.2, 0), (0.0, 15), (0.2, 127)])
def test_the_compiled_loop_does_what_the_reference_does(
    spread: float, levels: int, bounds: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = rows(3, spread, levels, bounds)
    fast = outcome(given, 3)
    monkeypatch.setattr(noisy_spiking, "compiled", lambda: None)
    plain = outcome(given, 3)
    assert fast.spikes is not None
    assert plain.spikes is not None
    assert torch.equal(fast.spikes, plain.spikes)
    assert fast.spikes.any()
    assert torch.allclose(fast.slope, plain.slope, atol=1e-5)


@pytest.mark.parametrize("samples", [1, 3])
def test_without_noise_and_converters_it_is_the_exact_network(samples: int) -> None:
    given, w_out = rows(samples), torch.from_numpy(generator(0, "out").standard_normal((SIZE, 2), np.float32))
    found = outcome(given, 3, w_out)
    w_in, w_rec = (torch.from_numpy(part) for part in (given.mean[:, :INPUTS], given.mean[:, INPUTS:]))
    current = torch.matmul(TICKS, w_in).transpose(0, 1)
    expected = spiking.run(current, w_rec if samples > 1 else w_rec[0], w_out, NEURONS, spikes=True)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours is not None
        assert theirs is not None
        assert torch.allclose(ours, theirs.expand_as(ours), atol=1e-4)


def test_the_noise_of_a_step_has_the_variance_of_the_rows_that_pulse() -> None:
    # a single input ticks once in ten steps; without recurrence the potential after the first tick is its current
    spread, samples = 0.1, 4000
    given = rows(1)._replace(variance=np.full((1, INPUTS + SIZE, SIZE), spread**2, np.float32))
    given = given._replace(mean=np.full_like(given.mean, 0.3))
    noise = generator(0, "many").standard_normal((samples, 1, 1, SIZE), np.float32)
    fired = noisy_spiking.run(TICKS[:1], given, torch.ones(SIZE, 1), Neurons(threshold=0.3 + spread), noise)
    # one standard deviation above the mean: 15.9 percent fire
    assert float(fired.counts.mean()) == pytest.approx(0.1587, abs=4 * (0.16 * 0.84 / samples / SIZE) ** 0.5)


def test_converters_cut_what_is_beyond_their_range() -> None:
    given = rows(1, levels=7)._replace(full=np.array([0.01], np.float32))
    assert not outcome(given, 1).counts.any()


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(InsituError, match="rows are"):
        outcome(rows(1)._replace(mean=np.zeros((1, SIZE, SIZE), np.float32)), 1)
    with pytest.raises(InsituError, match="noise is"):
        noisy_spiking.run(TICKS, rows(1), torch.ones(SIZE, 1), NEURONS, normals(1)[:, :, 1:])
    with pytest.raises(InsituError, match="noise is"):
        outcome(rows(2), 3)
