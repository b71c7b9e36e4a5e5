"""The encoder of series: what its vectors depend on, and what not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from insitu import Memory
from insitu.core import InsituError, generator
from insitu.encoders.windows import Windows

Series = NDArray[np.float64]


def motion(cycles: float, samples: int, phase: float, seed: int = 0, channels: int = 3) -> Series:
    """Channels of one frequency in cycles per sample, each ahead of the one before, with noise."""
    turns = cycles * np.arange(samples)[:, None] + phase + np.arange(channels) / 5
    noise = generator(seed, "motion").normal(size=(samples, channels))
    return np.asarray(np.sin(2 * np.pi * turns) + 0.05 * noise)


def event(samples: int, seed: int) -> Series:
    """A course of four channels through six points, at the given length."""
    points = generator(seed, "points").normal(size=(6, 4))
    at = np.linspace(0, 5, samples)
    return np.column_stack([np.interp(at, np.arange(6), channel) for channel in points.T])


@pytest.mark.parametrize("encoder", [Windows(), Windows(segments=6), Windows(bands=3)])
@pytest.mark.parametrize("channels", [1, 2, 7])
def test_any_length_and_number_of_channels_makes_one_vector(encoder: Windows, channels: int) -> None:
    given = [generator(samples).normal(size=(samples, channels)) for samples in (1, 2, 5, 60, 999)]
    vectors = encoder.encode([*given, np.zeros((20, channels)), np.full((3, channels), 7.0)])
    statistics = channels * (2 + encoder.bands) + channels * (channels - 1) // 2
    assert vectors.shape == (7, channels * encoder.segments or statistics)
    assert np.isfinite(vectors).all()


@pytest.mark.parametrize("samples", [150, 400])
def test_phase_and_length_of_repeated_motion_count_little(samples: int) -> None:
    slow, same, fast = Windows().encode([motion(0.02, 300, 0), motion(0.02, samples, 0.37, 1), motion(0.08, 300, 0)])
    assert np.linalg.norm(slow - same) < 0.3 * np.linalg.norm(slow - fast)


def test_a_channel_on_its_own_is_a_series_of_one() -> None:
    x = motion(0.05, 90, 0.0, channels=1)
    assert np.array_equal(Windows().encode([x[:, 0]]), Windows().encode([x]))


@pytest.mark.parametrize("seed", range(4))
def test_the_course_of_an_event_depends_neither_on_pace_nor_loudness_nor_offset(seed: int) -> None:
    encoder = Windows(segments=8)
    one, slower, louder, other = encoder.encode(
        [event(40, seed), event(90, seed), event(40, seed) * 7 + [3, -2, 5, 1], event(40, seed + 10)]
    )
    np.testing.assert_allclose(louder, one, atol=1e-9)
    assert np.linalg.norm(slower - one) < 0.15 * np.linalg.norm(other - one)


def test_a_held_end_moves_the_course_less_than_another_event() -> None:
    held = np.concatenate([event(40, 0), np.repeat(event(40, 0)[-1:], 20, 0)])
    one, longer, other = Windows(segments=8).encode([event(40, 0), held, event(40, 3)])
    assert np.linalg.norm(longer - one) < 0.7 * np.linalg.norm(other - one)


def test_the_order_of_segments_counts() -> None:
    forward, backward = Windows(segments=6).encode([event(50, 1), event(50, 1)[::-1]])
    assert np.linalg.norm(forward - backward) > 1


@pytest.mark.parametrize("fields", [{"segments": 1}, {"segments": -2}, {"bands": 0}, {"floor": 0.0}])
def test_impossible_fields_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InsituError, match=r"at least|above 0"):
        Windows(**fields)


@pytest.mark.parametrize("wrong", [np.full((4, 2), np.nan), np.full((4, 2), 1e200), np.zeros((2, 2, 2)), [[1], [2, 3]]])
def test_what_is_no_series_is_refused_and_named(wrong: Any) -> None:
    with pytest.raises(InsituError, match=r"item 1 of X: .*series"):
        Windows().encode([motion(0.1, 30, 0), wrong])


def test_series_of_different_channels_are_refused() -> None:
    with pytest.raises(InsituError, match="one shape"):
        Windows().encode([motion(0.1, 30, 0), motion(0.1, 30, 0, channels=2)])


def test_a_memory_learns_motions_of_any_length() -> None:
    rates, lengths = (0.02, 0.05, 0.11), (120, 180, 260)
    x = [motion(rate, samples, 0.1 * samples, samples) for rate in rates for samples in lengths]
    y = np.repeat(["slow", "medium", "fast"], 3)
    memory = Memory(encoder=Windows(), random_state=0).fit(x, y)
    assert memory.predict([motion(rate, 200, 0.5, 9) for rate in rates]).tolist() == ["slow", "medium", "fast"]
