"""Where data sets, caches and checkpoints are looked for: ``INSITU_DATA`` first, then the user's cache."""

from __future__ import annotations

import os
from pathlib import Path

from insitu.core import InsituError


def cache_folder() -> Path:
    """Return the folder for derived files: ``INSITU_CACHE``, else ``insitu`` in the user's cache folder."""
    given = os.environ.get("INSITU_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(given).expanduser() if given else Path(base).expanduser() / "insitu"


def data_folders() -> list[Path]:
    """Return the folders in which data sets are looked for, first match wins."""
    given = os.environ.get("INSITU_DATA")
    return [*([Path(given).expanduser()] if given else []), cache_folder() / "data"]


def find(data_set: str, names: tuple[str, ...]) -> Path:
    """Return the first existing file or folder called one of ``names``; raise ``InsituError`` telling where to put it."""
    for folder in data_folders():
        for name in names:
            if (folder / name).exists():
                return folder / name
    raise InsituError(
        f"{data_set} is not on this machine: no {' or '.join(names)} in "
        f"{' or '.join(str(folder) for folder in data_folders())}; "
        f"see 'insitu data path', or set INSITU_DATA to the folder that holds it"
    )
