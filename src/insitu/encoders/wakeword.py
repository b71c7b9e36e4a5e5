"""Words and other sounds through Google's speech embedding, as openWakeWord packages it. Extra ``sound``.

A recording at 16 kHz becomes a mel spectrogram (32 bands, 60 to 3800 Hz, a frame every 10 ms), and every window of 76
frames (775 ms), 80 ms apart, becomes 96 numbers. A recording shorter than a window is padded with zeros on both sides.
The vector is the mean over the windows, followed by the largest value over the windows: 192 numbers, in which the
order of windows is lost. Both models lie inside the package pyopen-wakeword; ai-edge-litert computes them.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from insitu.data import sounds
from insitu.encoders import Encoder, Kind, _extras

EXTRA, NAME = "sound", "wakeword"
PACKAGE, SPECTROGRAM, EMBEDDING = "pyopen_wakeword", "melspectrogram.tflite", "embedding_model.tflite"
RATE = 16_000  # samples per second
WINDOW, STEP, BANDS = 76, 8, 32  # frames of a window, frames between windows, bands of a frame
SHORTEST = 12_640  # samples that give one window
FEATURES = 96
PREPARATION = 1  # version of padding and pooling, part of the digest
_lock = threading.Lock()  # an interpreter computes one thing at a time


@dataclass(frozen=True)
class Wakeword(Encoder):
    """The speech embedding, pooled over the windows of a recording."""

    kind: ClassVar[Kind] = "sounds"
    licence: ClassVar[str] = "Apache-2.0"
    trained_on: ClassVar[str] = "keywords in English speech (J. Lin et al. 2020, arXiv 2002.01322)"
    takes: ClassVar[str] = f"sounds, {RATE} samples per second"
    dim: ClassVar[int] = 2 * FEATURES

    def digest(self) -> str:
        """See ``Encoder.digest``."""
        return _extras.digest(NAME, PREPARATION, _extras.digest(file=_file(SPECTROGRAM)), file=_file(EMBEDDING))

    def read(self, item: Any) -> NDArray[np.float32]:
        """Return a recording as samples (n,) at 16 kHz; see ``data.sounds``."""
        return sounds.samples(item, RATE)

    def vectors(self, inputs: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        """See ``Encoder.vectors``."""
        with _lock:
            return np.stack([_pooled(recording) for recording in inputs])


def _pooled(recording: NDArray[np.float32]) -> NDArray[np.float64]:
    missing = max(0, SHORTEST - len(recording))
    padded = np.pad(recording, (missing // 2, missing - missing // 2)) * 2**15  # the model takes 16 bits at full scale
    frames = _output(_file(SPECTROGRAM), padded[None]).reshape(-1, BANDS) / 10 + 2  # the scale of the embedding
    windows = np.lib.stride_tricks.sliding_window_view(frames, WINDOW, 0)[::STEP].transpose(0, 2, 1)
    embedded = _output(_file(EMBEDDING), np.ascontiguousarray(windows)[..., None]).reshape(-1, FEATURES)
    return np.concatenate([embedded.mean(0), embedded.max(0)]).astype(np.float64)


def _output(file: Path, batch: NDArray[np.floating]) -> NDArray[np.float32]:
    model = _interpreter(file)
    given, out = model.get_input_details()[0]["index"], model.get_output_details()[0]["index"]
    model.resize_tensor_input(given, batch.shape)
    model.allocate_tensors()
    model.set_tensor(given, batch.astype(np.float32))
    model.invoke()
    found: NDArray[np.float32] = model.get_tensor(out)
    return found


def _file(name: str) -> Path:
    return _extras.package_file(EXTRA, NAME, PACKAGE, "models", name)


@cache
def _interpreter(file: Path) -> Any:
    with _extras.extra(EXTRA, NAME):
        from ai_edge_litert.interpreter import Interpreter
    return Interpreter(str(file), num_threads=1)
