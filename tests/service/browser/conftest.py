"""A real server with a new memory and a real browser; skipped with the reason where there is none."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from served import ANSWERS_S, Server, Starting

# the first three are for root in a container; without the others, Chromium looks up hosts that a closed network refuses
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP = {"viewport": {"width": 1280, "height": 800}}


@pytest.fixture(scope="session")
def starting(tmp_path_factory: pytest.TempPathFactory, chromium: str) -> Iterator[tuple[Starting, Starting, Path]]:
    """Both servers, started side by side: one for drawings, one for vectors that requires the token in a file."""
    for extra in ("fastapi", "uvicorn"):
        pytest.importorskip(extra, reason="serving needs the extra 'serve'")
    secret = tmp_path_factory.mktemp("secret") / "token"
    drawings = Starting(tmp_path_factory.mktemp("drawings"))
    vectors = Starting(tmp_path_factory.mktemp("vectors"), "--encoder", "none", "--token-file", str(secret))
    yield drawings, vectors, secret
    for each in (drawings, vectors):
        each.stop()
    for each in (drawings, vectors):
        each.stopped()


@pytest.fixture
def vector_server(starting: tuple[Starting, Starting, Path]) -> Server:
    _, vectors, secret = starting
    return Server(vectors.address(), secret.read_text().strip())


@pytest.fixture
def server(starting: tuple[Starting, Starting, Path]) -> Server:
    """The server for drawings, with a memory that holds no class."""
    found = Server(starting[0].address())
    for label in found.classes:
        found.ask("/api/forget", {"label": label})
    return found


@pytest.fixture(scope="session")
def chromium() -> str:
    pytest.importorskip("playwright.sync_api", reason="the browser test needs playwright")
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("the browser test needs chromium on the PATH (Debian: apt-get install chromium)")
    return found


@pytest.fixture(scope="module")  # while it lives, no other event loop can run in this thread
def browser(chromium: str) -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="the browser test needs playwright")
    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(executable_path=chromium, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open a page in a browser of its own: ``visit(address, expected=..., **context)``.

    At the end its console holds no error and no warning but those that match ``expected``.
    """
    opened: list[tuple[Any, str | None, list[str]]] = []

    def open_page(address: str, expected: str | None = None, **context: Any) -> Any:
        page = browser.new_context(**(DESKTOP | context)).new_page()
        page.set_default_timeout(1000 * ANSWERS_S)
        said: list[str] = []
        page.on("console", lambda m: said.append(f"{m.type}: {m.text}") if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: said.append(f"thrown: {error}"))
        page.on("dialog", lambda dialog: said.append(f"dialog: {dialog.message}"))
        opened.append((page, expected, said))
        page.goto(address)
        return page

    yield open_page
    for page, expected, said in opened:
        page.context.close()
        assert not [line for line in said if expected is None or not re.search(expected, line)]
