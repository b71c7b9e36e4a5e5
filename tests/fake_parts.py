"""Parts made for these tests only, found beside the real ones."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from insitu import catalog

FAKES = Path(__file__).parent / "fakes"


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> Path:
    show_fakes(monkeypatch)
    return FAKES


def show_fakes(patch: pytest.MonkeyPatch) -> None:
    """Let the catalog find the parts made for tests."""
    patch.setattr(catalog, "ROOTS", [*catalog.ROOTS, FAKES])
    for folder in FAKES.iterdir():
        room = importlib.import_module(f"insitu.{folder.name}")
        patch.setattr(room, "__path__", [*room.__path__, str(folder)])  # tests import the modules by name
