"""Imports point only downwards: what the design draws as rooms above rooms, read from the source text and enforced."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SRC = Path(__file__).resolve().parents[1] / "src" / "insitu"

# From the bottom up. A room imports itself and rooms of lower floors; rooms of one floor do not know each other.
FLOORS = (
    {"core", "rows", "hardware"},  # errors, seeded generators, whole files; shared blocks of rows; cited figures
    # names of parts; counts of what hardware does; measures; fast loops; a board at a serial port; cpu or cuda; where
    # the tasks of a sweep are computed
    {"catalog", "ledger", "metrics", "kernels", "board", "compute_device", "engines"},
    {"devices", "data"},  # one cell; files of images
    {"substrates", "backbones"},  # matrices in cells; networks
    {"placement", "protocols"},  # networks whose layers are matrices in cells; what is learned and how it is scored
    {"learners", "encoders"},  # fast learning; items of a user as vectors
    {"scenarios", "memory"},  # examples and time, in the learners' nouns; the user's own memory
    {
        "training",
        "planning",
    },  # slow preparation of what is shipped: networks, embeddings; memories too large to simulate
    {"experiments"},  # published tables as compositions
    {"run"},  # the loop
    {"report", "service", "export"},  # rows as tables, figures and files; a memory over HTTP; what is learned, as C
    {"cli"},  # the command line
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}


def rooms_imported(file: Path) -> Iterator[tuple[int, str]]:
    """Yield line number and room of every import of this package in ``file``, those within functions included."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno}: write the whole name of what is imported"
            # `from insitu import metrics` names its room behind the import
            whole = node.module == "insitu"
            names = [f"insitu.{alias.name}" for alias in node.names] if whole else [node.module or ""]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] == "insitu" and len(parts) > 1 and not parts[1].startswith("__"):
                yield node.lineno, parts[1]


def room_of(file: Path) -> str:
    return file.relative_to(SRC).parts[0].removesuffix(".py")


FILES = sorted(file for file in SRC.rglob("*.py") if not room_of(file).startswith("__"))


def test_every_room_has_a_floor() -> None:
    homeless = {room_of(file) for file in FILES} - set(FLOOR_OF)
    assert not homeless, f"give {sorted(homeless)} a floor in {Path(__file__).name} and a line in docs/map.md"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SRC)))
def test_imports_point_downwards(file: Path) -> None:
    here = room_of(file)
    upwards = [
        f"line {line}: {here} imports {room}"
        for line, room in rooms_imported(file)
        if room != here and FLOOR_OF[room] >= FLOOR_OF[here]
    ]
    assert not upwards, f"{file.relative_to(SRC)} imports upwards or sideways; move what is shared to a lower room"
