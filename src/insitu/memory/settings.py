"""The settings of a memory: the substrate, the encoder, the number of rows of the array."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu import catalog, encoders
from insitu.core import InsituError, stored_fields
from insitu.encoders import Encoder, Kind
from insitu.encoders.trained_backbone import TrainedBackbone
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.memory import images
from insitu.memory.operations import Operations
from insitu.memory.space import Space, space_of_base
from insitu.substrates import Substrate
from insitu.substrates.crossbar import Crossbar

ROUNDS = 8  # of reading and pulsing; a full cell takes some eight SET pulses from RESET
MOST_ROWS = 2**16  # 256 tiles; a typo in ``dim`` should raise instead of exhausting the machine's memory
ROOMS = ("substrates", "devices")  # whose parts name a substrate


@dataclass(frozen=True)
class Settings:
    """Checked settings; they do not change while the memory exists."""

    substrate: Substrate
    encoder: Encoder | None
    dim: int  # rows of the array

    def learner(self) -> ExplicitMemory:
        """Return the explicit memory on this substrate."""
        device = getattr(self.substrate, "device", None)
        # a substrate without devices, and devices that cannot be pulsed, are programmed
        pulsed = device is not None and device.crystallises
        if pulsed:
            return ExplicitMemory(self.substrate, dim=self.dim, rounds=ROUNDS)
        return ExplicitMemory(self.substrate, dim=self.dim, support="program")

    def operations(self) -> Operations:
        """Return the operations on a model with these settings."""
        return self._operations

    @cached_property
    def _operations(self) -> Operations:
        fixed_space = _backbone_space(self.encoder, self.dim) if isinstance(self.encoder, TrainedBackbone) else None
        return Operations(self.learner(), self.dim, fixed_space)

    @property
    def kind(self) -> Kind:
        """What X holds."""
        return "vectors" if self.encoder is None else self.encoder.kind

    @property
    def keeps_images(self) -> bool:
        """Whether the journal holds images, which other weights can encode, and not vectors."""
        return isinstance(self.encoder, TrainedBackbone)

    def journaled(self, x: Any) -> NDArray[Any]:
        """Return items X as the journal holds them: images (n, h, w, c) uint8 of a backbone, else their vectors."""
        if isinstance(self.encoder, TrainedBackbone):
            return images.as_images(self.encoder, x)
        assert self.encoder is not None
        return self.encoder.encode(x)

    def vectors(self, x: NDArray[Any]) -> NDArray[np.float64]:
        """Return vectors (n, features) of X as the journal holds it."""
        if isinstance(self.encoder, TrainedBackbone):
            return self.encoder.activations(x)
        return x.astype(np.float64, copy=False)

    def fingerprint(self) -> str:
        """Return the digest of the encoder, or ''."""
        return "" if self.encoder is None else self.encoder.digest()

    def identity(self) -> str:
        """Return the name of the encoder and its digest, or ''."""
        return "" if self.encoder is None else f"{Path(self.encoder.name).name} {self.fingerprint()}"

    def check_encoder(self, encoder: str) -> None:
        """Raise ``InsituError`` where a memory was fitted with another encoder; '' is unknown and passes."""
        if encoder and encoder != self.identity():
            raise InsituError(
                f"the memory was fitted on vectors of {encoder}, which differ from those of "
                f"{self.identity() or 'no encoder'}; give the encoder it was fitted with, or fit a new memory"
            )

    def __getstate__(self) -> dict[str, Any]:
        return stored_fields(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = current_names(state)
        self.__dict__.update(state | {"encoder": encoders.find(state["encoder"])})  # a name in version 0.2


def current_names(stored: dict[str, Any]) -> dict[str, Any]:
    """Return stored parameters under their present names: versions up to 0.2 called the encoder ``backbone``."""
    return {"encoder" if name == "backbone" else name: value for name, value in stored.items()}


def settings_from(parameters: dict[str, Any]) -> Settings:
    """Return the checked settings among a memory's parameters."""
    return make_settings(parameters["substrate"], parameters["encoder"], parameters["dim"])


def make_settings(substrate: Substrate | str | None, encoder: Any, dim: int) -> Settings:
    """Check a memory's parameters and return them as settings."""
    if isinstance(substrate, str):
        substrate = substrate_named(substrate)
    elif substrate is None:
        substrate = Crossbar(compensation="column")
    if not isinstance(substrate, Substrate):
        raise InsituError(
            f"substrate is a Substrate, the name of one or of a device, or None; got {type(substrate).__name__}"
        )
    found = encoders.find(encoder)
    if not isinstance(dim, int | np.integer) or isinstance(dim, bool) or not 1 <= dim <= MOST_ROWS:
        raise InsituError(f"dim is an integer number of rows from 1 to {MOST_ROWS}; got {dim!r}"[:200])
    return Settings(substrate, found, int(dim))


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
def _backbone_space(encoder: TrainedBackbone, dim: int) -> Space | None:
    base = images.base(encoder)
    return None if base is None else space_of_base(base, dim)
