"""The stub that gives type checkers the public names; ``python tests/public_names.py`` writes it."""

from __future__ import annotations

import sys
from pathlib import Path

import insitu
from insitu import catalog

STUB = Path(insitu.__file__).with_suffix(".pyi")
HEAD = "# Written by tests/public_names.py, which `make format` runs; a test compares it with the names at run time.\n"


def stub() -> str:
    """Return the text of the stub: one import per public name, in the order that ruff wants."""
    homes = [("insitu", name) for name in insitu._modules()]
    homes += [(f"insitu.{home}", name) for name, home in insitu._HOMES.items() if home]
    homes += [(part.module, part.symbol) for room in insitu._ROOMS for part in catalog.parts(room)]
    imports = [f"from {home} import {name} as {name}" for home, name in sorted(homes)]
    return "\n".join([HEAD, *imports, "", "__version__: str", ""])


if __name__ == "__main__":
    STUB.write_text(stub(), encoding="utf-8")
    sys.exit(0)
