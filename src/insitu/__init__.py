"""Machines that learn a new thing from a handful of examples, on the device, in the memory itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from insitu.memory import Memory

__all__ = ["Memory"]


def __getattr__(name: str) -> Any:
    # torch and scikit-learn take seconds to import, which a command that lists parts need not wait for
    if name == "Memory":
        from insitu.memory import Memory

        return Memory
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
