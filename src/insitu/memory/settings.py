"""The settings of a memory: the substrate, the backbone, the number of rows of the array."""

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
from insitu.memory.operations import Operations
from insitu.memory.space import Space, space_of_base
from insitu.substrates import Substrate
from insitu.substrates.crossbar import Crossbar

MOST_ROWS = 2**16  # 256 tiles; a typo in ``dim`` should raise instead of exhausting the machine's memory
ROOMS = ("substrates", "devices")  # whose parts name a substrate


@dataclass(frozen=True)
class Settings:
    """Checked settings; they do not change while the memory exists."""

    substrate: Substrate
    backbone: str | None
    dim: int  # rows of the array

    def learner(self) -> ExplicitMemory:
        """Return the explicit memory on this substrate."""
        device = getattr(self.substrate, "device", None)
        # a substrate without devices, and devices that cannot be pulsed, are programmed
        pulsed = device is not None and device.crystallises
        return ExplicitMemory(self.substrate, dim=self.dim, support="magnitude" if pulsed else "program")

    def operations(self) -> Operations:
        """Return the operations on a model with these settings."""
        fixed_space = None if self.backbone is None else _backbone_space(self.backbone, self.dim)
        return Operations(self.learner(), self.dim, fixed_space)

    def vectors(self, x: NDArray[Any]) -> NDArray[np.float64]:
        """Return X as vectors (n, features); with a backbone, X is images (n, h, w, c) uint8."""
        return x.astype(np.float64) if self.backbone is None else images.activations(self.backbone, x)

    def fingerprint(self) -> str:
        """Return a short hash of the backbone's weights, or ''."""
        return images.fingerprint(self.backbone) if self.backbone is not None else ""

    def encoder(self) -> str:
        """Return the backbone and the hash of its weights, or ''."""
        return "" if self.backbone is None else f"{self.backbone} {self.fingerprint()}"

    def check_encoder(self, encoder: str) -> None:
        """Raise ``InsituError`` where a memory was fitted with another encoder; '' is unknown and passes."""
        if encoder and encoder != self.encoder():
            raise InsituError(
                f"the memory was fitted on activations of {encoder}, which differ from those of "
                f"{self.encoder() or 'no backbone'}; fit a new memory"
            )


def settings_from(parameters: dict[str, Any]) -> Settings:
    """Return the checked settings among a memory's parameters."""
    return make_settings(parameters["substrate"], parameters["backbone"], parameters["dim"])


def make_settings(substrate: Substrate | str | None, backbone: str | None, dim: int) -> Settings:
    """Check a memory's parameters and return them as settings."""
    if isinstance(substrate, str):
        substrate = substrate_named(substrate)
    elif substrate is None:
        substrate = Crossbar(compensation="column")
    if not isinstance(substrate, Substrate):
        raise InsituError(
            f"substrate is a Substrate, the name of one or of a device, or None; got {type(substrate).__name__}"
        )
    if backbone is not None and not isinstance(backbone, str):
        raise InsituError(
            "backbone is the name of a network for images, such as 'omniglot', or None; "
            f"got {type(backbone).__name__}; for a network of your own, pass its outputs as X without a backbone"
        )
    if backbone is not None:
        images.check_name(backbone)
    if not isinstance(dim, int | np.integer) or isinstance(dim, bool) or not 1 <= dim <= MOST_ROWS:
        raise InsituError(f"dim is an integer number of rows from 1 to {MOST_ROWS}; got {dim!r}"[:200])
    return Settings(substrate, backbone, int(dim))


def substrate_named(name: str) -> Substrate:
    """Return the substrate ``name``, or a drift-compensated crossbar of the device ``name``."""
    parts = {part.name: part for room in ROOMS for part in catalog.parts(room)}
    part = parts.get(catalog.dashed(name))
    if part is None:
        known = [f"{room} {', '.join(part.name for part in parts.values() if part.room == room)}" for room in ROOMS]
        advice = catalog.suggest(catalog.dashed(name), [*parts]) or "give one of these"
        raise InsituError(f"nothing called {name!r} among {' and '.join(known)}; {advice}")
    if part.room == "devices":
        return Crossbar(catalog.load(part)(), compensation="column")
    substrate: Substrate = catalog.load(part)()
    return Crossbar(compensation="column") if isinstance(substrate, Crossbar) else substrate


@cache
def _backbone_space(backbone: str, dim: int) -> Space | None:
    base = images.base(backbone)
    return None if base is None else space_of_base(base, dim)
