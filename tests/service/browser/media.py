"""Files for a fake camera and a fake microphone, and folders of photos and sounds to teach."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

WIDE, HIGH, RATE = 320, 240, 16_000
Pixels = NDArray[np.uint8]


def scene(kind: str, shift: int = 0) -> Pixels:
    """Return a picture (h, w, 3) of a ball, of stripes or of squares."""
    y, x = np.mgrid[:HIGH, :WIDE]
    out = np.full((HIGH, WIDE, 3), (205, 205, 215), np.uint8)
    if kind == "ball":
        out[(y - 120) ** 2 + (x - 160 - 4 * shift) ** 2 < (70 + 3 * shift) ** 2] = (210, 60, 45)
    elif kind == "stripes":
        out[(x // (12 + shift)) % 2 == 0] = (30, 40, 90)
    else:
        out[:] = (110, 150, 80)
        out[((y // (30 + 2 * shift)) + (x // (30 + 2 * shift))) % 2 == 0] = (250, 220, 60)
    return out


def jpeg(picture: Pixels) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=92)
    return out.getvalue()


def camera_file(file: Path, picture: Pixels) -> Path:
    """Write a picture as the video of a fake camera."""
    luma, *chroma = (np.asarray(each) for each in Image.fromarray(picture).convert("YCbCr").split())
    halves = [each.reshape(HIGH // 2, 2, WIDE // 2, 2).mean((1, 3)).astype(np.uint8) for each in chroma]
    frame = b"FRAME\n" + b"".join(each.tobytes() for each in (luma, *halves))
    file.write_bytes(f"YUV4MPEG2 W{WIDE} H{HIGH} F10:1 Ip A1:1 C420jpeg\n".encode() + 4 * frame)
    return file


def sweep(start: float, end: float, seconds: float = 1.5, loudness: float = 0.5, seed: int = 0) -> bytes:
    """Return a WAV file of a tone that moves from one frequency to another, in Hz."""
    time = np.arange(int(RATE * seconds)) / RATE
    phase = 2 * np.pi * (start * time + (end - start) * time**2 / (2 * seconds))
    samples = loudness * (np.sin(phase) + 0.02 * np.random.default_rng(seed).normal(size=len(time)))
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.rint(32_767 * samples.clip(-1, 1)).astype("<i2").tobytes())
    return out.getvalue()


def folder(where: Path, files: dict[str, bytes]) -> Path:
    """Write files by their paths below a folder."""
    for name, content in files.items():
        (where / name).parent.mkdir(parents=True, exist_ok=True)
        (where / name).write_bytes(content)
    return where
