"""Every kind of export gives a folder that builds, with an example that runs, whatever the order of its parts."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from targets import STRICT
from test_head_bits import LEARNER, STEP, first
from test_network_bits import frozen, images
from test_saving import small_memory

from insitu.export import export_head, export_memory, export_network, export_replay, integer_memory
from insitu.export.folder import EXAMPLES, PARTS, SOURCES
from insitu.export.network import latent_words
from insitu.learners.integer_cwr import IntegerHead, integer_head
from insitu.learners.integer_replay import ReplayBuffer
from insitu.memory import Memory
from insitu.memory.integer_memory import IntegerMemory


def head_of(features: int) -> IntegerHead:
    """Return a head of so many inputs, by repeating those of ``first``."""
    head = integer_head(LEARNER, first(), STEP, capacity=5)
    head.weight = np.resize(head.weight.T, (features, 5)).T.copy()
    return head


def writers(style: str) -> dict[str, Callable[[Path], object]]:
    """Return what writes each part, by its file."""
    network = frozen(style, 20)[1]
    codes = network.codes(images(20))
    memory = integer_memory(Memory("digital", dim=64).fit(codes[-4:], ["x", "y", "x", "y"]), 8, input_step=1.0)
    replay = ReplayBuffer(12, latent_words(network), 4)
    return {
        "model.c": lambda folder: export_memory(memory, folder),
        "network.c": lambda folder: export_network(network, folder),
        "head.c": lambda folder: export_head(head_of(network.last.weight.out), folder, 8),
        "replay.c": lambda folder: export_replay(replay, folder),
    }


def run_example(folder: Path, compiler: str) -> str:
    """Build with warnings as errors and sanitizers, and return what the example prints."""
    flags = "-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"
    subprocess.run(["make", "-s", f"CC={compiler}", f"CFLAGS={flags}"], cwd=folder, check=True)
    return subprocess.run(["./example"], cwd=folder, check=True, capture_output=True, text=True).stdout


KINDS = {  # parts, and what the example prints
    ("model.c",): ["predicted: ", "loaded:", "new: 1 examples"],
    ("network.c",): ["80 features", "     0"],
    ("network.c", "model.c"): ["a bar -: predicted -", "a bar |: predicted |"],
    ("head.c",): ["learned class 4, predicted class 4"],
    ("network.c", "head.c"): ["a bar of class 0: predicted class", "a bar of class 1: predicted class"],
    ("network.c", "head.c", "replay.c"): ["a bar of class 0: predicted class", "a bar of class 1: predicted class"],
    ("network.c", "model.c", "head.c", "replay.c"): ["a bar -: predicted -", "a bar |: predicted |"],
}


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize(
    ("parts", "style"), [*((parts, "reactnet") for parts in KINDS), (("network.c", "model.c"), "quicknet")]
)
def test_every_kind_of_export_builds_and_runs(
    parts: tuple[str, ...], style: str, compiler: str, tmp_path: Path
) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    written = writers(style)
    for part in reversed(parts):
        written[part](tmp_path)
    printed = run_example(tmp_path, compiler)
    # also what the example does not need
    sources = sorted(file.name for file in tmp_path.glob("*.c"))
    subprocess.run([compiler, *STRICT, "-DINSITU_FLOAT", "-c", *sources], cwd=tmp_path, check=True)
    for line in KINDS[parts]:
        assert line in printed
    readme = (tmp_path / "README.md").read_text()
    assert [name for name in PARTS if f"- `{name}`: " in readme] == [name for name in PARTS if name in parts]
    assert "make && ./example" in readme


def test_the_order_of_parts_does_not_matter(tmp_path: Path) -> None:
    written, found = writers("quicknet"), set()
    for number, order in enumerate(permutations(PARTS)):
        for part in order:
            written[part](tmp_path / str(number))
        files = {file.name: file.read_bytes() for file in sorted((tmp_path / str(number)).iterdir())}
        found.add(tuple(sorted(files.items())))
    assert len(found) == 1


def test_every_source_is_of_a_part() -> None:
    examples = {file.name for file in (SOURCES / "examples").glob("*.c")}
    assert examples == set(EXAMPLES)
    assert all(set(needed) <= set(PARTS) for needed in EXAMPLES.values())


def test_the_example_of_a_full_memory_runs(tmp_path: Path) -> None:
    full = IntegerMemory(small_memory().space, 1, 2)
    full.teach(np.zeros(6, np.int16), "a")
    export_memory(full, tmp_path)
    assert "predicted: a" in run_example(tmp_path, "gcc")


def test_parts_of_two_exports_are_refused_by_the_compiler(tmp_path: Path) -> None:
    export_network(frozen("reactnet", 20)[1], tmp_path)
    export_memory(small_memory(), tmp_path)
    made = subprocess.run(["make", "-s"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert made.returncode
    assert "export into an empty folder" in made.stderr
