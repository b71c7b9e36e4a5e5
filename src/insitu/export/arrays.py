"""C source text of constants."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

TYPES = {
    "i1": "int8_t",
    "u1": "uint8_t",
    "i2": "int16_t",
    "u2": "uint16_t",
    "i4": "int32_t",
    "u4": "uint32_t",
    "i8": "int64_t",
}
WIDTH = 118  # columns of a line


def constants(name: str, values: NDArray[Any]) -> str:
    """Return ``static const`` of an array, flat, in row-major order."""
    if not values.size:
        return f"static const {_type(values)} {name}[1] = {{0}};\n"
    floating = values.dtype.kind == "f"
    words = [f"{float(v)!r}f" if floating else str(v) for v in values.ravel().tolist()]
    if values.dtype == np.uint32:
        words = [f"{word}u" for word in words]
    return f"static const {_type(values)} {name}[{values.size}] = {{\n{_lines(words)}}};\n"


def _type(values: NDArray[Any]) -> str:
    return "float" if values.dtype.kind == "f" else TYPES[values.dtype.str[1:]]


def _lines(words: list[str]) -> str:
    lines, line = [], "   "
    for word in words:
        if len(line) + len(word) + 2 > WIDTH:
            lines.append(line)
            line = "   "
        line += f" {word},"
    return "\n".join([*lines, line]) + "\n"
