"""Recordings as samples: WAV files of any rate and width, and arrays; one channel, within -1..1, at one rate.

Python's ``wave`` refuses float samples and the extensible header that many recorders write, so chunks are read here.
"""

from __future__ import annotations

import warnings
from contextvars import ContextVar
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE  # formats of a WAV file
MOST_SECONDS = 600
SLOWEST, FASTEST = 4_000, 768_000  # samples per second
SILENT = 1e-3  # loudest sample, of full scale: 60 dB below it
CLIPPED, MOST_CLIPPED = 0.999, 0.01  # of full scale; share of samples above which a warning is given
Samples = NDArray[np.float32]

name: ContextVar[str] = ContextVar("name", default="a recording")  # of the recording, for warnings


def samples(item: Any, rate: int) -> Samples:
    """Return a recording (n,) at ``rate`` Hz: bytes of a WAV file, a pair of rate and samples, or samples at ``rate``.

    Samples are float within -1..1, or integers at full scale; several channels (n, channels) are averaged. Raises
    ``InsituError`` for a silent recording and warns of a clipped one.
    """
    found = rate
    if isinstance(item, bytes):
        found, item = wav(item)
    elif isinstance(item, tuple) and len(item) == 2:
        found, item = item
    if isinstance(found, bool) or not isinstance(found, int | np.integer) or not SLOWEST <= found <= FASTEST:
        raise InsituError(f"its rate is {SLOWEST} to {FASTEST} samples per second; got {found!r}"[:200])
    mono = _mono(np.asarray(item))
    if len(mono) > MOST_SECONDS * found:
        raise InsituError(f"it lasts {len(mono) / found:.0f} s, and at most {MOST_SECONDS} s are taken; cut it")
    if not np.isfinite(mono).all():
        raise InsituError("it has samples that are NaN or infinite; export it again")
    if (peak := float(np.abs(mono).max())) < SILENT:
        raise InsituError(f"it is silent: its loudest sample is {peak:.1g} of full scale; check the microphone")
    if peak > 1 + 1e-3:
        raise InsituError(f"its float samples are within ±1; got {peak:g}; divide by full scale, or give integers")
    if (share := float((np.abs(mono) >= CLIPPED).mean())) > MOST_CLIPPED:
        warnings.warn(f"{name.get()} is clipped: {share:.0%} of its samples are at full scale", stacklevel=2)
    return resampled(mono, int(found), rate)


def resampled(mono: Samples, old: int, new: int) -> Samples:
    """Return samples at ``old`` Hz as samples at ``new`` Hz, without what the new rate cannot hold."""
    if old == new:
        return mono
    from scipy.signal import resample_poly  # here, since it takes a second to import

    common = gcd(old, new)
    return np.asarray(resample_poly(mono, new // common, old // common), np.float32)


def _mono(given: NDArray[Any]) -> Samples:
    if given.ndim not in (1, 2) or given.dtype.kind not in "iuf" or given.dtype.itemsize > 8:
        raise InsituError(f"a recording is (n,) or (n, channels) of numbers; got {given.dtype} of shape {given.shape}")
    if not given.size:
        raise InsituError("it has no samples; record it again")
    values = given.astype(np.float64)
    if given.dtype.kind == "u":
        values = values - 2.0 ** (8 * given.dtype.itemsize - 1)
    if given.dtype.kind in "iu":
        values = values / 2.0 ** (8 * given.dtype.itemsize - 1)
    return (values if values.ndim == 1 else values.mean(1)).astype(np.float32)


def wav(data: bytes) -> tuple[int, NDArray[Any]]:
    """Return rate and samples (n, channels) of a WAV file, neither of them checked."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise InsituError("it is no WAV file; convert it to WAV")
    header, body, at = b"", None, 12
    while body is None and at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        content = data[at + 8 : at + 8 + size]  # a stream states more than there is
        header, body = (content, body) if name == b"fmt " else (header, content if name == b"data" else None)
        at += 8 + size + size % 2
    if len(header) < 16 or body is None:
        raise InsituError("it is a damaged WAV file: its header or its samples are missing; record it again")
    kind, channels = (int.from_bytes(header[at : at + 2], "little") for at in (0, 2))
    rate, bits = int.from_bytes(header[4:8], "little"), int.from_bytes(header[14:16], "little")
    if kind == EXTENSIBLE:
        kind = int.from_bytes(header[24:26], "little")
    if (kind, bits) not in [*((PCM, width) for width in (8, 16, 24, 32)), (FLOAT, 32), (FLOAT, 64)] or not channels:
        raise InsituError(f"it is a WAV file of format {kind} with {bits} bits; save it as PCM with 16 bits")
    frame = channels * bits // 8
    body = body[: len(body) // frame * frame]
    if bits == 24:  # as the upper bytes of 32 bits
        wide = np.zeros((len(body) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(body, np.uint8).reshape(-1, 3)
        values: NDArray[Any] = wide.view("<i4")[:, 0]
    else:
        values = np.frombuffer(body, {8: "u1", 16: "<i2", 32: "<i4"}[bits] if kind == PCM else f"<f{bits // 8}")
    return rate, values.reshape(-1, channels)
