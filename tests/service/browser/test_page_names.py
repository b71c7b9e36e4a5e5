"""A memory taught in Python with labels that the page would not create: the page finds, teaches and forgets them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pen import RING, by_mouse, recognised
from served import Server, Starting
from visits import Visit, opened

from insitu import Memory
from insitu.core import generator
from insitu.service import sample_drawings

COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"
NAMES = [DECOMPOSED, " spaces at the ends ", "l" * 80, "plain"]


@pytest.fixture
def taught(tmp_path: Path, chromium: str) -> Iterator[Server]:
    characters = [strokes for each in sample_drawings.SETS.values() for strokes in each.values()][: len(NAMES)]
    images = [sample_drawings.draw(strokes, generator(0, n)) for strokes in characters for n in range(3)]
    with Memory.open(tmp_path / "taught.insitu", encoder="omniglot") as memory:
        memory.fit(np.stack(images), np.repeat(np.array(NAMES, object), 3))
    started = Starting(tmp_path)
    yield Server(started.address())
    started.stop()
    started.stopped()


def test_names_of_a_memory_taught_in_python_are_found(taught: Server, visit: Visit) -> None:
    page = opened(visit, taught)
    page.fill("#name", COMPOSED)
    assert "3 drawings so far" in page.inner_text("#hint")
    page.uncheck("#unknown")
    by_mouse(page, RING)
    recognised(page)
    assert f"among {len(NAMES)} classes" in page.inner_text("#answer-under")
    page.click("#teach-button")
    page.wait_for_selector("#placeholder:not([hidden])")
    assert taught.classes == dict.fromkeys(NAMES, 3) | {DECOMPOSED: 4}
    for left, name in zip((3, 2, 1), NAMES, strict=False):
        page.locator(f"#classes li:has(h3[title='{name}']) button:text-is('Forget')").click()
        page.locator("dialog[open] button").last.click()
        page.locator("#classes li[data-label]").nth(left).wait_for(state="detached")
    assert taught.classes == {"plain": 3}
