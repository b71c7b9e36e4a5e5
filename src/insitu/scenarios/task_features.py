"""Features of tasks that come with the package: NAME.episodes.npz next to the meta-trained weights NAME.

The convolutions of these weights computed them in float, so that with them only the head is on a device.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from insitu.backbones import weights_file
from insitu.core import InsituError
from insitu.learners.encoder import exact
from insitu.protocols import Examples
from insitu.scenarios import array_files

Tasks = tuple[Examples, Examples]  # support and queries


def ship(stem: Path, calibration: Examples, tasks: Tasks, note: str, bits: int = 0) -> Path:
    """Write the features of tasks of images, and of calibration tasks, next to the weights ``stem``."""
    network = exact(weights_file.load(stem).network, bits)
    with torch.no_grad():

        def features(examples: Examples) -> Tensor:
            return torch.cat([network(part.double())[0] for part in examples.x.split(64)])

        support, queries = tasks
        parts = {"calibration": calibration, "support": support, "queries": queries}
        arrays = {name: features(part).half().numpy() for name, part in parts.items()}
    labels = {f"{name}_labels": part.labels.to(torch.int8).numpy() for name, part in parts.items()}
    about = {"note": np.array(note), "weights": np.array(weights_file.fingerprint(stem))}
    return array_files.write(file_of(stem), arrays | labels | about)


def load(stem: Path) -> tuple[Examples, Tasks, str]:
    """Return the calibration tasks, the tasks, and one sentence on which they are."""
    names = ("calibration", "support", "queries")
    if not file_of(stem).exists():
        raise InsituError(
            f"there is no {file_of(stem).name}: no features of tasks come with {stem.name}; use --data images"
        )
    arrays = array_files.made_by(stem, file_of(stem), (*names, *(f"{name}_labels" for name in names), "note"))
    known, support, queries = (
        Examples(
            torch.from_numpy(arrays[name].astype(np.float32)),
            torch.from_numpy(arrays[f"{name}_labels"].astype(np.int64)),
        )
        for name in names
    )
    return known, (support, queries), str(arrays["note"])


def check_shape(tasks: Tasks, ways: int, shots: int, queries: int) -> None:
    """Raise ``InsituError`` unless the tasks have this many ways, shots and queries."""
    support, tested = tasks
    present = int(support.labels.max()) + 1
    given = present, support.x.shape[1] // present, tested.x.shape[1] // present
    if given != (ways, shots, queries):
        raise InsituError(
            f"tasks that come with the package have {given[0]} ways, {given[1]} shots and {given[2]} queries per "
            f"class; for {ways}, {shots} and {queries} get the images and use --data images"
        )


def file_of(stem: Path) -> Path:
    """Return the file of the features that belong to these weights."""
    return stem.with_name(f"{stem.name}.episodes.npz")
