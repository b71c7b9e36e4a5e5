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
from insitu.memory import images
from insitu.memory.operations import Verbs
from insitu.memory.space import Space, of_base
from insitu.substrates import Substrate
from insitu.substrates.crossbar import Crossbar

MOST_ROWS = 2**16  # 256 tiles high; without a bound, a slip of the pen ends in the system's own lack of memory
ROOMS = ("substrates", "devices")  # where the names of substrates come from


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
        return x.astype(np.float64) if self.backbone is None else images.activations(self.backbone, x)

    def fingerprint(self) -> str:
        """Return a short hash of the backbone's weights, or ''."""
        return images.fingerprint(self.backbone) if self.backbone is not None else ""

    def encoder(self) -> str:
        """Return what vectors come from: the backbone and the hash of its weights, or ''."""
        return "" if self.backbone is None else f"{self.backbone} {self.fingerprint()}"

    def check_encoder(self, encoder: str) -> None:
        """Raise ``InsituError`` where a memory was taught through another encoder; '' is one that is not known."""
        if encoder and encoder != self.encoder():
            raise InsituError(
                f"the memory was taught through {encoder}, here is {self.encoder() or 'no backbone'}; teach it again"
            )


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
    if backbone is not None and not isinstance(backbone, str):
        raise InsituError(
            "backbone is the name of a network for images, such as 'omniglot', or None; "
            f"got {type(backbone).__name__}; teach what a network of your own returns as X of a memory without backbone"
        )
    if backbone is not None:
        images.check_name(backbone)
    if not isinstance(dim, int | np.integer) or isinstance(dim, bool) or not 1 <= dim <= MOST_ROWS:
        raise InsituError(f"dim is a whole number of rows from 1 to {MOST_ROWS}; got {dim!r}"[:200])
    return Settings(substrate, backbone, int(dim))


def by_name(name: str) -> Substrate:
    """Return the substrate called ``name``, or a crossbar of the device called ``name``, drift compensated."""
    parts = {part.name: part for room in ROOMS for part in catalog.parts(room)}
    part = parts.get(catalog.dashed(name))
    if part is None:
        there = [f"{room} {', '.join(part.name for part in parts.values() if part.room == room)}" for room in ROOMS]
        close = catalog.suggest(catalog.dashed(name), [*parts]) or "give one of these"
        raise InsituError(f"nothing called {name!r} among {' and '.join(there)}; {close}")
    if part.room == "devices":
        return Crossbar(catalog.load(part)(), compensation="column")
    substrate: Substrate = catalog.load(part)()
    return Crossbar(compensation="column") if isinstance(substrate, Crossbar) else substrate


@cache
def _space_of(backbone: str, dim: int) -> Space | None:
    base = images.base(backbone)
    return None if base is None else of_base(base, dim)
