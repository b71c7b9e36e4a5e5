"""Services over small memories."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="serving needs the extra 'serve'")
pytest.importorskip("uvicorn", reason="serving needs the extra 'serve'")

from asking import Serve, Service

from insitu import Memory


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that serves a memory until the test is over."""
    made: list[Service] = []

    def start(memory: Memory | None = None, **settings: Any) -> Service:
        made.append(Service(memory or Memory(dim=64), **settings))
        return made[-1]

    yield start
    for service in made:
        service.close()


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for the page."""
    (tmp_path / "parts").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>a page</title>")
    (tmp_path / "app.js").write_text("export {};")
    (tmp_path / "parts" / "more.css").write_text("body { color: black }")
    (tmp_path / "secret.py").write_text("not for anyone")
    monkeypatch.setattr("insitu.service.routes.page.FOLDER", tmp_path)
    return tmp_path
