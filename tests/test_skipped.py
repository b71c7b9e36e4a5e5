"""The last line of a run names what was skipped and how to have it; where nothing was, it is pytest's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import pytest

@pytest.mark.parametrize("n", [1, 2])
def test_page(n):
    pytest.skip("the page needs chromium (apt-get install chromium)")

def test_images():
    pytest.importorskip("no_such_library", reason="pip install no-such-library")

def test_plain():
    pass
"""


RUNS = [([], True), (["-k", "plain"], False), (["-q"], True), (["-x"], True), (["-n", "2"], True)]


@pytest.mark.parametrize(("words", "last"), RUNS)
def test_the_last_line_says_what_was_skipped(tmp_path: Path, words: list[str], last: bool) -> None:
    (tmp_path / "test_some.py").write_text(TESTS)
    (tmp_path / "conftest.py").write_text("from skipped import pytest_sessionfinish\n")
    paths = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words, str(tmp_path)]
    ran = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, check=False, env=os.environ | {"PYTHONPATH": paths}
    )
    said = ran.stdout.splitlines()[-1]
    wanted = "3 skipped: 2 × the page needs chromium (apt-get install chromium); 1 × pip install no-such-library"
    assert (said == wanted) is last, ran.stdout + ran.stderr
    assert ran.returncode == 0
