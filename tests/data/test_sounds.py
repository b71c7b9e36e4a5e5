"""Recordings: every width, rate and kind of WAV file, and those that cannot be used."""

from __future__ import annotations

import struct
import warnings
from typing import Any

import numpy as np
import pytest

from insitu.core import InsituError
from insitu.data import sounds

RATE = 16_000
TONE = 0.5 * np.sin(2 * np.pi * 440 * np.arange(8_000) / RATE)


def wav(values: Any, rate: int = RATE, bits: int = 16, kind: int = 1, stated: int | None = None) -> bytes:
    """Return a WAV file of values (n,) or (n, channels); kind 3 is float, 0xFFFE extensible PCM."""
    frames = np.asarray(values)
    frames = frames if frames.ndim == 2 else frames[:, None]
    scaled = np.clip(np.rint(frames * 2 ** (bits - 1)), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    if kind == 3:
        body = frames.astype(f"<f{bits // 8}").tobytes()
    elif bits == 8:
        body = (scaled + 128).astype(np.uint8).tobytes()
    elif bits == 24:
        body = scaled.astype("<i4").reshape(-1, 1).view(np.uint8)[:, :3].tobytes()
    else:
        body = scaled.astype(f"<i{bits // 8}").tobytes()
    width = frames.shape[1] * bits // 8
    header = struct.pack("<HHIIHH", kind, frames.shape[1], rate, rate * width, width, bits)
    if kind == 0xFFFE:
        header += struct.pack("<HHIH", 22, bits, 0, 1) + bytes(14)
    size = len(body) if stated is None else stated
    chunks = b"fmt " + struct.pack("<I", len(header)) + header + b"LIST" + struct.pack("<I", 3) + b"abc\0"
    chunks += b"data" + struct.pack("<I", size) + body
    return b"RIFF" + struct.pack("<I", min(4 + len(chunks), 2**32 - 1)) + b"WAVE" + chunks


@pytest.mark.parametrize(
    ("bits", "kind"), [(8, 1), (16, 1), (24, 1), (32, 1), (32, 3), (64, 3), (16, 0xFFFE), (24, 0xFFFE)]
)
def test_every_width_holds_the_same_sound(bits: int, kind: int) -> None:
    found = sounds.samples(wav(TONE, bits=bits, kind=kind), RATE)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, TONE, atol=1.1 / 2 ** (min(bits, 24) - 1))


def test_channels_are_averaged_and_a_stream_ends_where_it_ends() -> None:
    np.testing.assert_allclose(sounds.samples(wav(np.stack([TONE, 0 * TONE], 1)), RATE), TONE / 2, atol=1e-4)
    np.testing.assert_allclose(sounds.samples(wav(TONE, stated=2**32 - 1), RATE), TONE, atol=1e-4)
    np.testing.assert_allclose(sounds.samples(wav(TONE)[:-1], RATE), TONE[:-1], atol=1e-4)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
def test_another_rate_holds_the_same_tone_and_no_other(rate: int) -> None:
    times = np.arange(rate) / rate
    low, high = np.sin(2 * np.pi * 440 * times), np.sin(2 * np.pi * min(9_500, 0.45 * rate) * times)
    found = sounds.samples(wav(0.3 * low + 0.3 * high, rate), RATE)
    assert abs(len(found) - RATE) <= 1
    spectrum = np.abs(np.fft.rfft(found[: RATE - 1] * np.hanning(RATE - 1)))
    assert abs(int(spectrum.argmax()) - (440 if rate > 8_000 else spectrum.argmax())) <= 1
    if rate > 8_000:  # what 16 kHz cannot hold does not come back as another tone
        assert spectrum[3_000:7_500].max() < 0.01 * spectrum.max()


def test_arrays_and_pairs_are_recordings_too() -> None:
    whole = np.rint(TONE * 2**15).astype(np.int16)
    for given in (TONE, TONE.astype(np.float32), whole, (RATE, whole), (np.int64(RATE), TONE[:, None])):
        np.testing.assert_allclose(sounds.samples(given, RATE), TONE, atol=1e-4)


WRONG: dict[str, tuple[Any, str]] = {
    "silent": (wav(0 * TONE), "it is silent: .* check the microphone"),
    "antiphase": (wav(np.stack([TONE, -TONE], 1)), "it is silent"),
    "empty": (wav(TONE[:0]), "it has no samples"),
    "text": (b"text", "no WAV file; convert it"),
    "mp3": (b"ID3" + bytes(200), "no WAV file"),
    "no samples": (wav(TONE)[:40], "damaged WAV file"),
    "compressed": (wav(TONE, kind=85), "format 85 with 16 bits"),
    "twelve bits": (wav(TONE)[:34] + b"\x0c\0" + wav(TONE)[36:], "format 1 with 12 bits"),
    "slow": (wav(TONE, 100), "its rate is 4000 to 768000"),
    "long": ((8_000, np.broadcast_to(np.float32(0.5), (8_000 * 601,))), "it lasts 601 s"),
    "NaN": (np.where(np.arange(9) == 4, np.nan, 0.5), "NaN or infinite"),
    "beyond one": (TONE * 3e4, "within ±1"),
    "three axes": (np.zeros((2, 2, 2)), r"\(n,\) or \(n, channels\)"),
    "text array": (np.array(["a"]), r"\(n,\) or \(n, channels\)"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_recording_is_one_line(name: str) -> None:
    given, words = WRONG[name]
    with pytest.raises(InsituError, match=words) as caught:
        sounds.samples(given, RATE)
    assert "\n" not in str(caught.value)


def test_a_clipped_recording_is_taken_with_a_warning() -> None:
    with pytest.warns(UserWarning, match=r"clipped: \d+% of its samples"):
        assert len(sounds.samples(wav(TONE * 4), RATE)) == len(TONE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sounds.samples(wav(TONE * 1.9), RATE)
