"""Small ONNX files, written without the package onnx: a few fields of its protocol buffers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FLOAT, UINT8, INT64 = 1, 2, 7  # types of tensors
Shape = Sequence[int | str]


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def field(number: int, value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def node(kind: str, given: Sequence[str], out: str, **attributes: int | Sequence[int]) -> bytes:
    parts = [field(1, name) for name in given] + [field(2, out), field(4, kind)]
    for name, value in attributes.items():
        numbers = field(3, value) if isinstance(value, int) else b"".join(field(8, each) for each in value)
        parts.append(field(5, field(1, name) + numbers + field(20, 2 if isinstance(value, int) else 7)))
    return field(1, b"".join(parts))


def weights(name: str, values: NDArray[np.float32]) -> bytes:
    dims = b"".join(field(1, side) for side in values.shape)
    return field(5, dims + field(2, FLOAT) + field(8, name) + field(9, values.astype("<f4").tobytes()))


def tensor(number: int, name: str, kind: int, shape: Shape) -> bytes:
    dims = b"".join(field(1, field(1 if isinstance(side, int) else 2, side)) for side in shape)
    return field(number, field(1, name) + field(2, field(1, field(1, kind) + field(2, dims))))


def given(name: str, kind: int, shape: Shape) -> bytes:
    return tensor(11, name, kind, shape)


def result(name: str, shape: Shape) -> bytes:
    return tensor(12, name, FLOAT, shape)


def write(path: Path, *parts: bytes, **metadata: str) -> Path:
    graph = b"".join(parts) + field(2, "g")
    more = b"".join(field(14, field(1, name) + field(2, value)) for name, value in metadata.items())
    path.write_bytes(field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 13)) + more)
    return path


def pooled(path: Path, shape: Shape = ("n", 3, 8, 8), seed: int = 0, kind: int = FLOAT, last: bool = False) -> Path:
    """Write a model that maps the mean of each channel to five numbers; ``last``: channels come last."""
    matrix = np.random.default_rng(seed).normal(size=(3, 5)).astype(np.float32)
    steps = [given("x", kind, shape), node("Cast", ["x"], "f", to=FLOAT)]
    steps.append(node("Transpose", ["f"], "t", perm=[0, 3, 1, 2]) if last else node("Identity", ["f"], "t"))
    steps += [node("GlobalAveragePool", ["t"], "p"), node("Flatten", ["p"], "r"), weights("w", matrix)]
    return write(path, *steps, node("MatMul", ["r", "w"], "y"), result("y", [shape[0], 5]))


def linear(path: Path, shape: Shape = ("n", 4), operation: str = "Identity") -> Path:
    """Write a model that multiplies rows of four numbers by a matrix, then applies an operation."""
    matrix = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
    steps = [given("x", FLOAT, shape), weights("w", matrix), node("MatMul", ["x", "w"], "m")]
    return write(path, *steps, node(operation, ["m"], "y"), result("y", [shape[0], 5]))
