"""A torch module or any function of your own, for pictures or for rows of numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from insitu.core import InsituError
from insitu.encoders import Encoder, _items, _pictures

_digests: WeakKeyDictionary[nn.Module, tuple[object, str]] = WeakKeyDictionary()  # by versions of its tensors


@dataclass(frozen=True)
class FunctionEncoder(Encoder):
    """Items through a function of a batch, (n, ...) to (n, dim). A torch module gets float32 tensors, in eval mode.

    Of ``vectors``, an item is a row of numbers of any shape. Of ``images``, the middle of each picture is scaled to
    ``size``, and the function gets float32 (n, 3, size, size): pixels less ``mean``, divided by ``std``.

    The digest covers fields, and the weights of a module; a change of any other function is not seen, so give it
    another ``label`` then. A memory in a file needs the same function again when it is opened.
    """

    function: Callable[[Any], Any]
    label: str = ""  # name that is stored in the file of a memory; by default that of the function or class
    kind: Literal["vectors", "images"] = "vectors"  # what an item is: a row of numbers, or a picture
    size: int | None = None  # pixels per side that pictures are scaled to
    mean: tuple[float, ...] = (0.0,)  # of each channel, or of all, 0 to 255, subtracted from pixels
    std: tuple[float, ...] = (255.0,)  # of each channel, or of all, 0 to 255, that pixels are divided by
    dim: int | None = None  # components of a vector, where that is to be checked

    cached: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise InsituError(f"function is a torch module or a function; got {type(self.function).__name__}")
        if self.kind not in ("vectors", "images") or (self.size is None) != (self.kind == "vectors"):
            raise InsituError(f"kind is vectors, or images with a size; got {self.kind} and size {self.size}")
        _pictures.check_scale(self.mean, self.std)

    @property
    def name(self) -> str:
        """See ``Encoder.name``."""
        return self.label or str(getattr(self.function, "__qualname__", type(self.function).__qualname__))

    def digest(self) -> str:
        """See ``Encoder.digest``."""
        fields = repr((self.name, self.kind, self.size, self.mean, self.std))
        if isinstance(self.function, nn.Module):
            return _module_digest(fields, self.function)
        return hashlib.blake2b(fields.encode(), digest_size=6).hexdigest()

    def read(self, item: Any) -> NDArray[Any]:
        """Return a row as an array of numbers, or a picture as (size, size, 3)."""
        if self.size is not None:
            return _pictures.middle(_pictures.with_channels(_pictures.pixels(item), 3), (self.size, self.size))
        row = np.asarray(item)
        if row.dtype.kind not in "fiub" or not row.size:
            raise InsituError(f"a row for encoder {self.name} is numbers; got {row.dtype} of shape {row.shape}")
        return row

    def vectors(self, inputs: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
        """See ``Encoder.vectors``."""
        batch = _items.stacked(inputs)
        if self.size is not None:
            batch = np.ascontiguousarray(_pictures.scaled(batch, self.mean, self.std).transpose(0, 3, 1, 2))
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


def _module_digest(fields: str, module: nn.Module) -> str:
    tensors = {key: value for key, value in module.state_dict(keep_vars=True).items() if isinstance(value, Tensor)}
    # the version of a tensor counts changes in place, so that weights are hashed once and not for every query
    state = (fields, *((key, value.data_ptr(), value._version) for key, value in tensors.items()))
    known = _digests.get(module)
    if known is not None and known[0] == state:
        return known[1]
    out = hashlib.blake2b(f"{fields} {type(module).__qualname__}".encode(), digest_size=6)
    for key, value in tensors.items():
        out.update(f"{key} {value.dtype} {tuple(value.shape)}".encode())
        out.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    _digests[module] = (state, out.hexdigest())
    return out.hexdigest()
