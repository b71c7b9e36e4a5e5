"""Quantised CWR* as C: its constants and working space, and the hand-written sources next to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError
from insitu.export.arrays import constants
from insitu.export.folder import comment, sizes_of_buffers, write_part
from insitu.learners.integer_cwr import MOST_BATCH, Factor, IntegerHead

FILES = ("insitu_head.h", "insitu_head.c", "insitu_internal.h", "insitu.h")


def export_head(head: IntegerHead, folder: Path, batch: int = 50) -> list[Path]:
    """Write the folder of C sources for mini-batches of up to ``batch`` examples; return its files."""
    if not 1 <= batch <= MOST_BATCH:
        raise InsituError(f"a mini-batch has 1..{MOST_BATCH} examples; got {batch}")
    capacity, features = head.weight.shape
    sizes = {"HEAD_FEATURES": features, "HEAD_CAPACITY": capacity, "BATCH": batch}
    return write_part(folder, FILES, {"head.c": head_source(head, batch), "head.h": sizes_of_buffers(sizes)})


def head_source(head: IntegerHead, batch: int) -> str:
    """Return ``head.c``."""
    capacity, features = head.weight.shape
    by, classes = head.by, int(np.flatnonzero(head.past).max(initial=-1)) + 1
    parts: dict[str, NDArray[Any]] = {
        "weight": head.weight[:classes].astype(np.int16),
        "past": head.past[:classes].astype(np.uint32),
    }
    factors = ", ".join(map(_factor, (by.input, by.logit, by.probability, by.gradient, by.update)))
    return "\n".join(
        [
            comment(
                f"a head of {features} inputs that knows {int((head.past > 0).sum())} classes and has room for "
                f"{capacity}, for mini-batches of up to {batch}"
            ),
            '#include "insitu_head.h"\n',
            *(constants(name, values) for name, values in parts.items()),
            "static const insitu_head_model model = {",
            f"    {capacity}, {features}, {batch}, {by.zero}, {by.p_zero}, {factors},",
            f"    {by.error}, {by.one}, {classes}, weight, past}};\n",
            f"static int16_t held[{capacity * features}], trained[{capacity * features}], errors[{batch * capacity}];",
            f"static uint32_t seen[{capacity}], powers[{capacity}];",
            f"static int8_t forward[{capacity * features}];",
            f"static int32_t sums[{features}];\n",
            "insitu_head insitu_exported_head = {",
            "    &model, held, seen, trained, forward, errors, sums, powers, 0, 0, 0};\n",
        ]
    )


def _factor(factor: Factor) -> str:
    return f"{{{factor.m}u, {factor.s}}}"
