"""A torch module or any function of the user's own as an encoder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from insitu.core import InsituError
from insitu.encoders import Encoder, Kind

_digests: WeakKeyDictionary[nn.Module, tuple[object, str]] = WeakKeyDictionary()  # by versions of its tensors


@dataclass(frozen=True)
class FunctionEncoder(Encoder):
    """Rows of an array through a function: (n, ...) to (n, dim). A torch module gets float32 tensors, in eval mode.

    The digest covers name and weights of a module; of any other function, only the name can be checked, so give it
    another ``name`` when it changes. A memory in a file needs the same function again when it is opened.
    """

    function: Callable[[Any], Any]
    label: str = ""  # name that is stored in the file of a memory; by default that of the function or class
    dim: int | None = field(default=None)  # components of a vector, where it is to be checked

    kind: ClassVar[Kind] = "vectors"
    cached: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """See ``Encoder.name``."""
        return self.label or str(getattr(self.function, "__qualname__", type(self.function).__qualname__))

    def digest(self) -> str:
        """See ``Encoder.digest``."""
        if isinstance(self.function, nn.Module):
            return _module_digest(self.name, self.function)
        return hashlib.blake2b(self.name.encode(), digest_size=6).hexdigest()

    def read(self, item: Any) -> NDArray[Any]:
        """Return a row as an array of numbers."""
        row = np.asarray(item)
        if row.dtype.kind not in "fiub":
            raise InsituError(f"a row for encoder {self.name} is an array of numbers; got {row.dtype}")
        return row

    def vectors(self, inputs: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
        """See ``Encoder.vectors``."""
        if len({row.shape for row in inputs}) > 1:
            sizes = sorted({row.shape for row in inputs})[:3]
            raise InsituError(f"rows for encoder {self.name} have one shape; got {', '.join(map(str, sizes))}")
        batch: Any = np.stack(inputs)
        try:
            out = _through(self.function, batch) if isinstance(self.function, nn.Module) else self.function(batch)
        except Exception as error:
            message = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            raise InsituError(f"encoder {self.name} failed on a batch of shape {batch.shape} ({message})") from error
        return np.asarray(out.detach().cpu() if isinstance(out, Tensor) else out, np.float64)


def _through(module: nn.Module, batch: NDArray[Any]) -> Tensor:
    place = next(iter(module.parameters()), torch.zeros(()))
    was_training = module.training
    module.eval()
    try:
        with torch.no_grad():
            out: Tensor = module(torch.from_numpy(batch).to(place.device, torch.float32))
    finally:
        module.train(was_training)
    return out


def _module_digest(name: str, module: nn.Module) -> str:
    tensors = {key: value for key, value in module.state_dict(keep_vars=True).items() if isinstance(value, Tensor)}
    # the version of a tensor counts changes in place, so that weights are hashed once and not for every query
    state = (name, *((key, value.data_ptr(), value._version) for key, value in tensors.items()))
    known = _digests.get(module)
    if known is not None and known[0] == state:
        return known[1]
    out = hashlib.blake2b(f"{name} {type(module).__qualname__}".encode(), digest_size=6)
    for key, value in tensors.items():
        out.update(f"{key} {value.dtype} {tuple(value.shape)}".encode())
        out.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    _digests[module] = (state, out.hexdigest())
    return out.hexdigest()
