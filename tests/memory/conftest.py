"""A stored memory that has learned a little."""

from __future__ import annotations

from pathlib import Path

import pytest
from points import some

from insitu import Memory


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a memory.insitu"


@pytest.fixture
def taught(path: Path) -> Path:
    with Memory.open(path, dim=64, who="ann") as memory:
        memory.fit(*some([0, 1, 2]))
        memory.partial_fit(*some([3], 2))
        memory.forget("class 1").age(100)
    return path
