"""Keeps libraries that no memory uses out of the worker: together they take one and a half seconds and 80 MiB.

scikit-learn imports ``scipy.stats`` for two functions, and pandas, where it is installed, for tables, which do not come
over HTTP. PyTorch imports functions for tensors without data, which serve its compiler alone.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

DEFERRED = ("scipy.stats", "torch._meta_registrations")


def install() -> None:
    """Have modules imported when something of them is used, and pandas not at all."""
    sys.modules["pandas"] = None  # type: ignore[assignment]  # an import of it raises ImportError
    for name in DEFERRED:
        _defer(name)


def _defer(name: str) -> None:
    stub = ModuleType(name)

    def load(attribute: str) -> Any:
        if attribute.startswith("__"):  # of the import system
            raise AttributeError(attribute)
        if sys.modules[name] is stub:
            del sys.modules[name]
        return getattr(importlib.import_module(name), attribute)

    stub.__path__ = []
    stub.__getattr__ = load  # type: ignore[method-assign]  # found by name for attributes that are missing
    sys.modules[name] = stub
