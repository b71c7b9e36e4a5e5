"""Names of memories in a folder, as they appear in paths of files and URLs."""

from __future__ import annotations

import re
from pathlib import Path

SUFFIX = ".insitu"
PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
ALLOWED = "letters, digits, - and _, the first a letter or a digit, 64 at most"  # what PATTERN says, in words
_NAME = re.compile(PATTERN)


def is_name(text: str) -> bool:
    """Return whether a memory may have this name."""
    return _NAME.fullmatch(text) is not None


def names_in(folder: Path) -> list[str]:
    """Return the names of the memories in a folder, sorted."""
    return sorted(file.stem for file in folder.glob(f"*{SUFFIX}") if is_name(file.stem) and file.is_file())
