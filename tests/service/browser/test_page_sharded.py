"""The page of a sharded memory: it teaches, predicts and forgets, and offers nothing that such a memory lacks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pen import until
from served import Server, Starting
from visits import STILL, Visit, opened

from ray_cluster import two_cores

__all__ = ["two_cores"]  # a fixture
ABSENT = ("undo-change", "machine", "backup", "cost", "unknown-switch", "answer-undo", "status-undo", "unlisted")


@pytest.fixture
def sharded_server(two_cores: str, tmp_path: Path) -> Iterator[Server]:
    starting = Starting(tmp_path, "--engine", "ray", "--shards", "1", "--address", two_cores)
    yield Server(starting.address())
    starting.stop()
    starting.stopped()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_it_offers_what_a_sharded_memory_can_do(sharded_server: Server, visit: Visit) -> None:
    page = opened(visit, sharded_server, **STILL)
    for name, numbers in (("low", "1 0 0"), ("high", "0 0 1"), ("low", "1 0 0.1")):
        page.fill("#numbers", numbers)
        page.fill("#name", name)
        page.click("#teach-button")
        until(page, "document.querySelector('#answer-title').textContent === 'Taught'")
        assert not any(page.is_visible(f"#{each}") for each in ABSENT)
    assert sharded_server.classes == {"low": 2, "high": 1}
    assert page.locator("#classes button:visible").all_inner_texts() == ["Forget", "Forget"]
    page.fill("#numbers", "0 0.1 1")
    until(page, "document.querySelector('#answer-under').textContent === 'most similar of 2 classes'")
    assert page.inner_text("#answer") == "high"
    page.click("#classes button:visible >> nth=0")
    assert "This cannot be undone." in page.inner_text("#confirm-text")
    page.click("#confirm-action")
    until(page, "document.querySelectorAll('#classes li[data-label]').length === 1")
    assert not any(page.is_visible(f"#{each}") for each in ABSENT)
    assert len(sharded_server.classes) == 1
