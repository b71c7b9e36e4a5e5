"""Parts made for these tests only, found beside the real ones."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from insitu import catalog

FAKES = Path(__file__).parent / "fakes"


def with_fakes(patch: pytest.MonkeyPatch) -> None:
    """Add the parts of ``fakes`` to the rooms until the patch is undone."""
    patch.setattr(catalog, "ROOTS", [*catalog.ROOTS, FAKES])
    for folder in FAKES.iterdir():
        room = importlib.import_module(f"insitu.{folder.name}")
        patch.setattr(room, "__path__", [*room.__path__, str(folder)])


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> Path:
    with_fakes(monkeypatch)
    return FAKES
