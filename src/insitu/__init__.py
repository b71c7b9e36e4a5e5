"""Few-shot and continual learning in simulated in-memory hardware.

``Memory`` learns classes from a few examples each; ``run.rows`` computes a published experiment. Devices, substrates,
encoders, learners, scenarios, backbones and data sets are here by the names of their classes, so a new part is too.
Names are imported when they are used: torch and scikit-learn take seconds, which a command that lists parts can spare.
``__init__.pyi`` gives type checkers the same names; ``make format`` writes it.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

__version__ = "0.2.0"  # pyproject.toml takes it from here

_HOMES = {
    "InsituError": "core",
    "Memory": "memory",
    "ShardedMemory": "memory.sharded",
    "at": "placement",
    "place": "placement",
    "run": "",
}
_ROOMS = (
    "backbones",
    "data",
    "devices",
    "encoders",
    "learners",
    "scenarios",
    "substrates",
)  # whose parts are public names
_PROGRAMS = ("cli", "service")  # to be started, not imported


def _parts() -> dict[str, Any]:
    from insitu import catalog

    return {part.symbol: part for room in _ROOMS for part in catalog.parts(room)}


def _modules() -> set[str]:
    return {each.name for each in iter_modules(__path__) if not each.name.startswith("_")} - set(_PROGRAMS)


def _public() -> list[str]:
    return sorted({*_HOMES, *_parts(), "__version__"})


def __dir__() -> list[str]:
    return sorted({*_public(), *_modules()})


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return _public()
    if home := _HOMES.get(name):
        value = getattr(import_module(f"insitu.{home}"), name)
    elif name in _modules():
        value = import_module(f"insitu.{name}")
    elif not name.startswith("_") and (part := _parts().get(name)):
        from insitu import catalog

        value = catalog.load(part)
    else:
        raise AttributeError(f"module 'insitu' has no attribute {name!r}")
    globals()[name] = value  # found without this function from now on
    return value
