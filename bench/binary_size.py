"""What a binary network takes up, on disk and while it runs, against its float twin."""

from __future__ import annotations

import tempfile
import tracemalloc
import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

from insitu.backbones import weights_file
from insitu.backbones.binary.freezing import freeze
from insitu.backbones.binary.layers import BinaryConv

PIXELS = 32  # per side of the image whose activations are counted


@dataclass(frozen=True)
class Size:
    """Bytes of a frozen network and of its float32 twin; activations are those of one image at their peak."""

    file: int  # the safetensors file, with its header
    twin_file: int  # parameters and running means of the twin
    binary_layers: int  # weights of all 1-bit convolutions
    twin_binary_layers: int
    activations: int
    twin_activations: int
    latent: int  # one latent, packed; in the twin float32
    twin_latent: int


def size(module: nn.Module) -> Size:
    """Measure a binary network in training form: its frozen form, and the twin that ``binary=False`` builds."""
    record: Any = module.record
    twin = replace(record, binary=False).build().eval()
    frozen = freeze(module)
    convs = [layer.weight for layer in module.modules() if isinstance(layer, BinaryConv)]
    image = torch.zeros(1, record.channels, PIXELS, PIXELS)
    with tempfile.TemporaryDirectory() as folder:
        weights_file.save(Path(folder) / "network", module, {})
        file = (Path(folder) / "network.safetensors").stat().st_size
    with torch.inference_mode():
        return Size(
            file=file,
            twin_file=sum(4 * value.numel() for value in twin.state_dict().values() if value.is_floating_point()),
            binary_layers=sum(-(-weight.numel() // 8) for weight in convs),
            twin_binary_layers=sum(4 * weight.numel() for weight in convs),
            activations=peak(lambda: frozen(image)),
            twin_activations=peak(lambda: twin(image)),
            latent=frozen.packed(image).nbytes,
            twin_latent=4 * twin.latent(image).numel(),
        )


def peak(run: Callable[[], object]) -> int:
    """Return the bytes of new NumPy arrays (and Python objects) plus those of new tensors, each at their peak."""
    with _Tensors():
        run()  # what is imported or compiled at the first call is not what a run needs
    tracemalloc.start()
    try:
        with _Tensors() as tensors:
            run()
        _, arrays = tracemalloc.get_traced_memory()
        return arrays + int(tensors.peak)
    finally:
        tracemalloc.stop()


class _Tensors(TorchDispatchMode):
    """Counts the bytes of storages that operations make, until they are freed."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.held = self.peak = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        given = {made._cdata for made in _storages((args, kwargs))}
        for made in _storages(out):
            if made._cdata not in given:
                self.held += made.nbytes()
                weakref.finalize(made, self._free, made.nbytes())
        self.peak = max(self.peak, self.held)
        return out

    def _free(self, count: int) -> None:
        self.held -= count


def _storages(values: Any) -> list[torch.UntypedStorage]:
    return [value.untyped_storage() for value in tree_flatten(values)[0] if isinstance(value, Tensor)]
