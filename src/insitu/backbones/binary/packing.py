"""How binary networks are stored: 1-bit weights as bits; what is loaded is the frozen form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from insitu.backbones import Backbone, StateDict
from insitu.backbones.binary.freezing import freeze
from insitu.backbones.binary.frozen import WEIGHT
from insitu.backbones.binary.layers import BinaryConv

COUNTER = "num_batches_tracked"  # of batch norms, used in training only


class SignBits:
    """Signs of 1-bit weights (out, kh, kw, in) as bits, the first lowest, the rest in float32; float twins whole."""

    def pack(self, network: nn.Module) -> dict[str, Tensor]:
        """See ``Storage.pack``."""
        record: Any = network.record
        if not record.binary:
            return StateDict().pack(network)
        signs = _sign_names(network)
        state = {key: value.detach() for key, value in network.state_dict().items() if not key.endswith(COUNTER)}
        return {key: _bits(value) if key in signs else value.float().contiguous() for key, value in state.items()}

    def unpack(self, record: Backbone, tensors: Mapping[str, Tensor]) -> Any:
        """See ``Storage.unpack``; of latent weights only the signs are known."""
        binary: Any = record
        return freeze(training_form(record, tensors)) if binary.binary else StateDict().unpack(record, tensors)


def training_form(record: Backbone, tensors: Mapping[str, Tensor]) -> nn.Module:
    """Return the training form of packed tensors, its latent weights at -0.1 and +0.1."""
    with torch.device("meta"):  # draws nothing, and holds nothing but what is loaded
        module = record.build()
    signs = _sign_names(module)
    state = {}
    for key, value in module.state_dict().items():
        if key.endswith(COUNTER):
            state[key] = torch.zeros((), dtype=value.dtype)
        else:
            state[key] = _unpack_bits(tensors[key], value.shape) if key in signs else tensors[key]
    module.load_state_dict(state, assign=True)
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _sign_names(module: nn.Module) -> set[str]:
    return {f"{name}.weight" for name, layer in module.named_modules() if isinstance(layer, BinaryConv)}


def _bits(weight: Tensor) -> Tensor:
    return torch.from_numpy(np.packbits(weight.permute(0, 2, 3, 1).numpy() >= 0, bitorder="little"))


def _unpack_bits(bits: Tensor, shape: torch.Size) -> Tensor:
    out, inputs, height, width = shape
    signs = np.unpackbits(bits.numpy(), count=shape.numel(), bitorder="little").reshape(out, height, width, inputs)
    return torch.from_numpy((signs.astype(np.float32) * 2 - 1) * np.float32(WEIGHT)).permute(0, 3, 1, 2)
