"""Networks that turn an input into a vector, and the contract by which they are built, stored and loaded."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor, nn


class Storage(Protocol):
    """How the tensors of a weights file follow from a network, and a network from these."""

    def pack(self, network: nn.Module) -> dict[str, Tensor]:
        """Return the tensors that the weights file holds."""

    def unpack(self, record: Backbone, tensors: Mapping[str, Tensor]) -> Any:
        """Return the network of ``record`` that the tensors came from, for inference only.

        Raises ``ValueError``, ``LookupError`` or ``RuntimeError`` where they are not of this record.
        """


@dataclass(frozen=True)
class StateDict:
    """The network's state, its numbers as ``dtype``."""

    dtype: torch.dtype = torch.float32

    def pack(self, network: nn.Module) -> dict[str, Tensor]:
        """See ``Storage.pack``."""
        return {name: _as(self.dtype, value.detach()).contiguous() for name, value in network.state_dict().items()}

    def unpack(self, record: Backbone, tensors: Mapping[str, Tensor]) -> Any:
        """See ``Storage.unpack``."""
        network = record.build()
        expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
        given = {name: tuple(value.shape) for name, value in tensors.items()}
        if odd := sorted(name for name in expected.keys() | given.keys() if expected.get(name) != given.get(name)):
            raise ValueError(f"{odd[0]} is {given.get(odd[0], 'missing')}, expected {expected.get(odd[0], 'nothing')}")
        network.load_state_dict({name: _as(torch.float32, value) for name, value in tensors.items()})
        return network.eval()


class Backbone(ABC):
    """A network as a frozen record of its sizes; a subclass is one file of this room and usable by its name.

    ``build`` returns a module with the attribute ``record``. One that serves ``images`` has ``features(x)``, which maps
    images (n, channels, h, w) in [-1, 1] to activations (n, features), and ``forward``, which maps them to the vectors
    that pretraining classifies; where these are the activations behind one linear layer, that is called ``project``.
    """

    storage: ClassVar[Storage] = StateDict()
    former_names: ClassVar[Mapping[str, str]] = {}  # of fields and of tensors in older files, with the present names

    @abstractmethod
    def build(self, seed: int = 0) -> nn.Module:
        """Return the network with weights drawn from ``seed``; the caller's global generator stays as it was."""

    @property
    def serves(self) -> tuple[str, ...]:
        """What the trained network can be used for: ``images``, ``latents`` (1 bit), ``tasks`` or ``movements``."""
        return ("images",)


def _as(dtype: torch.dtype, value: Tensor) -> Tensor:
    return value.to(dtype) if value.is_floating_point() else value
