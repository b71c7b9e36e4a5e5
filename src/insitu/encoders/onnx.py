"""A network in an ONNX file, for pictures or for rows of numbers. Extra ``onnx``; computed by onnxruntime.

The model has one input, of floats or bytes: pictures (n, channels, height, width) or (n, height, width, channels), or
rows (n, ...) of numbers; n is 1 or dynamic. Its layout and size are read from the model, ``size`` is given where they
are dynamic. The middle of a picture is scaled to that size (bicubic), and pixels p become (p - mean) / std; without
``mean`` and ``std``, the scale is that of the model's metadata ``Image.NominalPixelRange``, else 0 to 1. An input of
bytes gets pixels as they are. The output is (n, dim); further dimensions of size 1 are dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError
from insitu.encoders import Encoder, _extras, _items, _pictures

EXTRA, NAME = "onnx", "onnx"
TYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16}
BYTES = "tensor(uint8)"
RANGES = {  # mean and std of pixels
    "NominalRange_0_255": ((0.0,), (1.0,)),
    "Normalized_0_1": ((0.0,), (255.0,)),
    "Normalized_1_1": ((127.5,), (127.5,)),
}
PREPARATION = 1  # version of what happens to an item, part of the digest


class _Model(NamedTuple):
    session: Any
    given: Any  # the input
    outputs: tuple[str, ...]
    span: str  # nominal range of pixels


@dataclass(frozen=True)
class Onnx(Encoder):
    """The output of a network in an ONNX file."""

    path: Path | str  # ONNX file, with its weights inside
    kind: Literal["images", "vectors"] = "images"  # what an item is: a picture, or a row of numbers
    size: int | None = None  # pixels per side, where the model leaves it open
    mean: tuple[float, ...] | None = None  # of each channel, 0 to 255, subtracted from pixels
    std: tuple[float, ...] | None = None  # of each channel, 0 to 255, that pixels are divided by
    output: str | None = None  # name of the output to take; by default the first

    def __post_init__(self) -> None:
        if self.kind not in ("images", "vectors"):
            raise InsituError(f"kind is images or vectors; got {self.kind!r}")
        _pictures.check_scale(self.mean, self.std)
        if self.size is not None and (isinstance(self.size, bool) or self.size < 1):
            raise InsituError(f"size is a number of pixels from 1 on; got {self.size!r}")

    @property
    def takes(self) -> str:
        """See ``Encoder.takes``."""
        if self.kind == "vectors":
            return f"vectors {_spelled(self._model().given.shape)}"
        height, width, channels = self._picture_shape()[1]
        return f"images, {height} × {width} pixels, {'grey' if channels == 1 else 'colour'}"

    @property
    def dim(self) -> int | None:
        """See ``Encoder.dim``."""
        shape = self._picture_shape()[1] if self.kind == "images" else tuple(self._model().given.shape[1:])
        return _dim(self, self.digest(), shape) if all(isinstance(side, int) for side in shape) else None

    def digest(self) -> str:
        """See ``Encoder.digest``."""
        fields = (self.kind, self.size, self.mean, self.std, self.output)
        return _extras.digest(NAME, PREPARATION, *fields, file=Path(self.path))

    def read(self, item: Any) -> NDArray[Any]:
        """Return a picture as (height, width, channels), or a row as it is."""
        if self.kind == "images":
            _, (height, width, channels) = self._picture_shape()
            return _pictures.middle(_pictures.with_channels(_pictures.pixels(item), channels), (height, width))
        row = np.asarray(item)
        expected = self._model().given.shape[1:]
        if row.dtype.kind not in "fiu" or not _fits(row.shape, expected):
            raise InsituError(f"a row for {self.path} is numbers of shape {expected}; got {row.dtype} of {row.shape}")
        return row

    def vectors(self, inputs: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
        """See ``Encoder.vectors``."""
        model = self._model()
        batch = _items.stacked(inputs)
        if self.kind == "images":
            first, _ = self._picture_shape()
            mean, std = (self.mean, self.std) if self.mean and self.std else RANGES[model.span]
            batch = batch if model.given.type == BYTES else _pictures.scaled(batch, mean, std)
            batch = batch.transpose(0, 3, 1, 2) if first else batch
        if model.given.type != BYTES:
            batch = batch.astype(TYPES[model.given.type])
        parts = [batch] if not isinstance(model.given.shape[0], int) else np.split(batch, len(batch))
        try:
            names = [self.output or model.outputs[0]]
            found = [model.session.run(names, {model.given.name: part})[0] for part in parts]
        except Exception as error:  # the runtime has errors of its own for everything
            raise InsituError(f"{self.path} cannot be computed on {parts[0].shape}: {_reason(error)}") from error
        out = np.concatenate(found)
        if out.ndim > 2:
            out = out.reshape(len(out), *([side for side in out.shape[1:] if side != 1] or [1]))
        if out.ndim != 2 or out.dtype.kind != "f":
            raise InsituError(
                f"{self.path} gives {out.dtype} of shape {out.shape}, not numbers (n, dim); choose another output of "
                f"{', '.join(model.outputs)}"
            )
        return out.astype(np.float64)

    def _model(self) -> _Model:
        model = _loaded(str(self.path), self.digest())
        if self.output is not None and self.output not in model.outputs:
            raise InsituError(f"{self.path} has no output {self.output!r}; it has {', '.join(model.outputs)}")
        return model

    def _picture_shape(self) -> tuple[bool, tuple[int, int, int]]:
        """Return whether channels come first, and height, width and channels of a picture for the model."""
        shape = list(self._model().given.shape)
        first, last = (len(shape) == 4 and shape[place] in (1, 3) for place in (1, 3))
        if len(shape) != 4 or not (first or last):
            raise InsituError(f"{self.path} takes {_spelled(shape)}, no pictures; pictures have 1 or 3 channels")
        sides = shape[2:] if first else shape[1:3]
        fixed = [side if isinstance(side, int) and side > 0 else self.size for side in sides]
        if None in fixed:
            raise InsituError(f"{self.path} leaves the size of a picture open, {_spelled(shape)}; give size=")
        if self.size is not None and fixed != [self.size, self.size]:
            raise InsituError(f"{self.path} takes pictures of {fixed[0]} × {fixed[1]}, not {self.size}; omit size")
        return first, (int(fixed[0] or 0), int(fixed[1] or 0), int(shape[1] if first else shape[3]))


@lru_cache(maxsize=4)
def _loaded(path: str, digest: str) -> _Model:
    with _extras.extra(EXTRA, NAME):
        import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4  # what is wrong is raised
    try:
        # from bytes, so that a model cannot name other files
        session = onnxruntime.InferenceSession(Path(path).read_bytes(), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise InsituError(f"{path} is no ONNX model that can be loaded: {_reason(error)}") from error
    inputs, outputs = session.get_inputs(), tuple(each.name for each in session.get_outputs())
    if len(inputs) != 1:
        names = ", ".join(each.name for each in inputs) or "none"
        raise InsituError(f"{path} has {len(inputs)} inputs ({names}); an encoder has one: export the model with one")
    if inputs[0].type not in (*TYPES, BYTES):
        raise InsituError(f"{path} takes {inputs[0].type}; an encoder takes floats or bytes: export it so")
    first = [*inputs[0].shape, 0][0]
    if isinstance(first, int) and first != 1:
        raise InsituError(f"{path} takes {_spelled(inputs[0].shape)}, not (n, ...) with n 1 or dynamic: export it so")
    span = session.get_modelmeta().custom_metadata_map.get("Image.NominalPixelRange", "Normalized_0_1")
    if span not in RANGES:
        raise InsituError(f"{path} has pixels of {span}, which is not known; give mean and std")
    return _Model(session, inputs[0], outputs, span)


@lru_cache(maxsize=32)
def _dim(encoder: Onnx, digest: str, shape: tuple[int, ...]) -> int:
    return int(encoder.vectors([np.zeros(shape, np.uint8)]).shape[1])


def _fits(shape: tuple[int, ...], expected: Sequence[Any]) -> bool:
    return len(shape) == len(expected) and all(
        not isinstance(want, int) or want == have for want, have in zip(expected, shape, strict=True)
    )


def _spelled(shape: Sequence[Any]) -> str:
    return f"({', '.join('?' if each is None else str(each) for each in shape)})"


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
