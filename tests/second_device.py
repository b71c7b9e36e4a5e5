"""A second device on a machine without one: tensors that compute on the processor, and refuse to meet its tensors.

Within ``SecondDevice()`` whatever is moved to or made on the device ``meta`` becomes a ``Held``: a tensor that says
``meta`` and holds real numbers. An operation that mixes both kinds fails, as it does on CUDA, but for numbers without
axes, indices and copies, which CUDA takes from the processor too. So a whole training runs, with the bits of the
processor. Modules move parameters in place if ``torch.__future__.set_swap_module_params_on_conversion`` is set.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

SECOND = torch.device("meta")
aten = torch.ops.aten
CROSSING = (aten._to_copy, aten.copy_, aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_)


class Held(Tensor):
    """A tensor of the second device."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> Held:
        out: Held = torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls, held.shape, held.stride(), held.storage_offset(), dtype=held.dtype, device=SECOND
        )
        out.held = held
        return out

    def __repr__(self, **_: Any) -> str:
        return f"Held({self.held})"

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return computed(func, args, kwargs or {})


class SecondDevice(TorchDispatchMode):
    """Within this context ``meta`` is a device that holds numbers."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return computed(func, args, kwargs or {})


def computed(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    given = [value for value in tree_flatten((args, kwargs))[0] if isinstance(value, Tensor)]
    second = [value for value in given if isinstance(value, Held)]
    first = [value for value in given if not isinstance(value, Held) and value.ndim]
    if second and first and func.overloadpacket not in CROSSING:
        shapes = [tuple(value.shape) for value in first]
        raise RuntimeError(f"{func} got tensors of two devices; on the processor are those of shape {shapes}")
    target = kwargs.get("device")
    if target is not None and torch.device(target).type == SECOND.type:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    inner = tree_map(lambda value: value.held if isinstance(value, Held) else value, (args, kwargs))
    found = func(*inner[0], **inner[1])
    for number, each in enumerate(func._schema.arguments):
        if each.alias_info is not None and each.alias_info.is_write:  # in place: the result is what was given
            return args[number] if number < len(args) else kwargs[each.name]
    on_second = bool(second) if target is None else torch.device(target).type == SECOND.type
    return tree_map(lambda value: Held(value) if isinstance(value, Tensor) and on_second else value, found)
