"""Ten characters that the backbone was not trained on, taught by five drawings each on the page, are recognised."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pen import recognised_all, taught_all
from served import Server
from tracing import Stroke, strokes, thinned

from insitu.core import InsituError
from insitu.data.omniglot import BASE, Omniglot

CLASSES, TAUGHT, ASKED = 10, 5, 10


def drawings() -> tuple[list[str], list[list[list[Stroke]]]]:
    """Return names and drawings, as strokes, of characters of the evaluation set that the backbone has not seen."""
    try:
        all_of_them = Omniglot().drawings().images
    except InsituError:
        pytest.skip("INSITU_DATA does not lead to Omniglot")
    seed = np.random.default_rng(0)
    chosen = seed.choice(np.arange(BASE, len(all_of_them.names)), CLASSES, replace=False)
    which = np.array([seed.choice(20, TAUGHT + ASKED, replace=False) for _ in chosen])
    pixels: NDArray[np.uint8] = np.asarray(all_of_them.pixels)[(chosen[:, None] * 20 + which).ravel()]
    lines = [strokes(each) for each in thinned(pixels[..., 0] == 0)]
    each = TAUGHT + ASKED
    return [all_of_them.names[c] for c in chosen], [lines[k * each : (k + 1) * each] for k in range(CLASSES)]


@pytest.mark.images
def test_new_drawings_of_ten_taught_characters_are_recognised(server: Server, visit: Callable[..., Any]) -> None:
    names, drawn = drawings()
    page = visit(server.address, reduced_motion="reduce")
    page.wait_for_selector("#bench:not([hidden])")
    page.uncheck("#unknown")
    for name, lines in zip(names, drawn, strict=True):
        taught_all(page, name, lines[:TAUGHT])
    assert server.classes == dict.fromkeys(names, TAUGHT)
    right = 0
    for name, lines in zip(names, drawn, strict=True):
        right += recognised_all(page, lines[TAUGHT:]).count(name)
    print(f"recognised {right} of {CLASSES * ASKED}")
    assert right >= 0.9 * CLASSES * ASKED
