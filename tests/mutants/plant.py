"""One planted change, and what becomes of it: applied to a copy of the tree, never to the tree itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("src", "tests", "docs", "README.md", "pyproject.toml")
LIMIT_S = 900  # a change may well make a test hang: that is noticed too
FAILED = 1  # pytest's exit code; 2 to 5 say that there was nothing to run


@dataclass(frozen=True)
class Mutant:
    """A change that some test has to notice: in ``file``, ``old`` (once) becomes ``new``."""

    what: str
    file: str  # below src/insitu
    old: str
    new: str
    tests: tuple[str, ...]  # below tests: files, or files::names


@contextmanager
def copy() -> Iterator[Path]:
    """Yield a copy of the tree that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        for name in COPIED:
            source, target = ROOT / name, Path(folder) / name
            if source.is_dir():
                shutil.copytree(source, target)  # with compiled loops, which know their source by its time and size
            else:
                shutil.copy2(source, target)
        yield Path(folder)


def fault(mutant: Mutant, tree: Path) -> str:
    """Return why a mutant cannot be planted; '' where it can."""
    file = tree / "src" / "insitu" / mutant.file
    if not file.is_file():
        return f"there is no {mutant.file}"
    count = file.read_text(encoding="utf-8").count(mutant.old)
    missing = [each for each in mutant.tests if not (tree / "tests" / each.partition("::")[0]).exists()]
    if count != 1:
        return f"the old text is in {mutant.file} {count} times, not once"
    return f"there is no tests/{missing[0]}" if missing else ""


def killed(mutant: Mutant, tree: Path) -> tuple[bool, str]:
    """Return whether the mutant's tests notice it, and the last line of pytest."""
    file = tree / "src" / "insitu" / mutant.file
    before = file.read_bytes()
    try:
        file.write_text(file.read_text(encoding="utf-8").replace(mutant.old, mutant.new), encoding="utf-8")
        code, said = run(mutant.tests, tree)
    finally:
        file.write_bytes(before)
    return code == FAILED, said


def run(tests: tuple[str, ...], tree: Path) -> tuple[int, str]:
    """Run tests of a tree up to the first that fails; return pytest's exit code and its last line."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        *(f"tests/{each}" for each in tests),
    ]
    paths = os.pathsep.join([str(tree / "src"), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        return FAILED, f"no end within {LIMIT_S} s"
    return done.returncode, (done.stdout.strip() or done.stderr.strip() or "nothing was said").splitlines()[-1]
