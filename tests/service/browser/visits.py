"""Opening the page of a server, and teaching the first set of examples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from served import Server

Visit = Callable[..., Any]
STILL = {"reduced_motion": "reduce"}


def opened(visit: Visit, server: Server, **context: Any) -> Any:
    page = visit(server.address, **context)
    page.wait_for_selector("#bench:not([hidden])")
    return page


def with_examples(page: Any) -> list[str]:
    """Teach the first set of examples by one click; return the names of its classes."""
    page.click("#sets button >> nth=0")
    page.wait_for_selector("#tried:not([hidden])")
    return [str(name) for name in page.locator("#classes h3").all_inner_texts()]
