"""What a memory is made with: the substrate, the backbone, the rows of the array."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu import catalog
from insitu.core import InsituError
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.memory import _images
from insitu.memory._model import Verbs
from insitu.memory._space import Space, of_base
from insitu.substrates import Substrate
from insitu.substrates.crossbar import Crossbar


@dataclass(frozen=True)
class Settings:
    """Does not change while the memory lives."""

    substrate: Substrate
    backbone: str | None
    dim: int

    def learner(self) -> ExplicitMemory:
        """Return the explicit memory on this substrate."""
        device = getattr(self.substrate, "device", None)
        # numbers are written as they are; a device that cannot be pulsed is programmed
        pulsed = device is not None and device.crystallises
        return ExplicitMemory(self.substrate, dim=self.dim, support="magnitude" if pulsed else "program")

    def verbs(self) -> Verbs:
        """Return what a model of this memory is changed and asked with."""
        fixed = None if self.backbone is None else _space_of(self.backbone, self.dim)
        return Verbs(self.learner(), self.dim, fixed)

    def vectors(self, x: NDArray[Any]) -> NDArray[np.float64]:
        """Return vectors (n, features) of what was given: vectors, or images (n, h, w, c) uint8."""
        return x.astype(np.float64) if self.backbone is None else _images.activations(self.backbone, x)

    def fingerprint(self) -> str:
        """Return a short hash of the backbone's weights, or ''."""
        return _images.fingerprint(self.backbone) if self.backbone is not None else ""


def settings_from(parameters: dict[str, Any]) -> Settings:
    """Return the settings in a memory's parameters; those that are no setting are left aside."""
    return settings_of(parameters["substrate"], parameters["backbone"], parameters["dim"])


def settings_of(substrate: Substrate | str | None, backbone: str | None, dim: int) -> Settings:
    """Return checked settings of a memory's parameters."""
    if isinstance(substrate, str):
        substrate = by_name(substrate)
    elif substrate is None:
        substrate = Crossbar(compensation="column")
    if not isinstance(substrate, Substrate):
        raise InsituError(
            f"substrate is a Substrate, the name of one or of a device, or None; got {type(substrate).__name__}"
        )
    if not isinstance(dim, int | np.integer) or dim < 1:
        raise InsituError(f"dim is a whole number of rows from 1; got {dim!r}")
    return Settings(substrate, backbone, int(dim))


def by_name(name: str) -> Substrate:
    """Return the substrate called ``name``, or a crossbar of the device called ``name``, drift compensated."""
    part = next((part for part in catalog.parts("devices") if part.name == catalog.dashed(name)), None)
    if part is not None:
        return Crossbar(catalog.load(part)(), compensation="column")
    substrate: Substrate = catalog.load(catalog.find(name, "substrates"))()
    return Crossbar(compensation="column") if isinstance(substrate, Crossbar) else substrate


@cache
def _space_of(backbone: str, dim: int) -> Space | None:
    base = _images.base(backbone)
    return None if base is None else of_base(base, dim)
