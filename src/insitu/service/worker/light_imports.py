"""Keeps libraries that no memory uses out of the worker: together they take a second and 60 MiB.

scikit-learn imports ``scipy.stats`` for two functions, and pandas, where it is installed, for tables, which do not come
over HTTP.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any


def install() -> None:
    """Have ``scipy.stats`` imported when something of it is used, and pandas not at all."""
    sys.modules["pandas"] = None  # type: ignore[assignment]  # an import of it raises ImportError
    _defer("scipy.stats")


def _defer(name: str) -> None:
    parent, _, own_name = name.rpartition(".")
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
    setattr(importlib.import_module(parent), own_name, stub)
