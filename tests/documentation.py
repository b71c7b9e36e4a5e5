"""The examples in README.md and docs/: each block of Python that a block of its printed output follows.

python tests/documentation.py             # says which outputs differ
python tests/documentation.py --update    # writes what the examples print now into the pages
"""

from __future__ import annotations

import contextlib
import difflib
import io
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLE = re.compile(r"^```python\n(?P<code>.*?)^```\n```text\n(?P<printed>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """One block and what the page says it prints."""

    page: Path
    line: int
    code: str
    printed: str

    def __str__(self) -> str:
        """Name it as an editor finds it."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    def run(self) -> str:
        """Return what the block prints, run in an empty folder."""
        out = io.StringIO()
        before = Path.cwd()
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(out):
            os.chdir(folder)
            try:
                exec(compile(self.code, str(self), "exec"), {"__name__": "__main__"})  # noqa: S102  # of our own pages
            finally:
                os.chdir(before)
        return out.getvalue()


def examples(page: Path) -> Iterator[Example]:
    """Yield the examples of a page."""
    text = page.read_text(encoding="utf-8")
    for found in EXAMPLE.finditer(text):
        yield Example(page, text.count("\n", 0, found.start()) + 1, found["code"], found["printed"])


def updated(page: Path) -> str:
    """Return the text of a page with what its examples print now."""
    text = page.read_text(encoding="utf-8")
    for example in examples(page):
        blocks = f"```python\n{example.code}```\n```text\n"
        text = text.replace(f"{blocks}{example.printed}```", f"{blocks}{example.run()}```")
    return text


def main(update: bool) -> int:
    """Update the pages, or print how they differ from what their examples print; return 1 where they differ."""
    import torch

    torch.set_num_threads(1)  # as in the tests: sums of floats depend on it
    changed = 0
    for page in PAGES:
        before, after = page.read_text(encoding="utf-8"), updated(page)
        if before == after:
            continue
        changed = 1
        name = str(page.relative_to(ROOT))
        sys.stdout.writelines(difflib.unified_diff(before.splitlines(True), after.splitlines(True), name, name, n=1))
        if update:
            page.write_text(after, encoding="utf-8")
    return changed and not update


if __name__ == "__main__":
    sys.exit(main("--update" in sys.argv[1:]))
