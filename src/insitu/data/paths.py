"""The folders that are searched for data sets: ``INSITU_DATA`` first, then the user's cache."""

from __future__ import annotations

import os
from pathlib import Path

from insitu.core import InsituError, cache_folder


def download_folder() -> Path:
    """Return the folder of downloaded archives, which is searched too."""
    return cache_folder() / "data"


def data_folders() -> list[Path]:
    """Return the folders that are searched for data sets, in this order."""
    given = os.environ.get("INSITU_DATA")
    return [*([Path(given).expanduser()] if given else []), download_folder()]


def locate(layouts: tuple[tuple[str, ...], ...], folders: list[Path] | None = None) -> tuple[Path, ...] | None:
    """Return the paths of the first layout of which one folder holds all names; None where there is none."""
    for folder in data_folders() if folders is None else folders:
        for names in layouts:
            if all((folder / name).exists() for name in names):
                return tuple(folder / name for name in names)
    return None


def find(data_set: str, layouts: tuple[tuple[str, ...], ...], folders: list[Path] | None = None) -> tuple[Path, ...]:
    """Return what ``locate`` finds; raise ``InsituError`` with the layouts and the folders where it finds nothing."""
    found = locate(layouts, folders)
    if found is None:
        places = " or ".join(str(folder) for folder in (data_folders() if folders is None else folders))
        raise InsituError(
            f"{data_set} is not on this machine: no {spelled(layouts)} in {places}; "
            "see 'insitu data path', or set INSITU_DATA to the folder that holds it"
        )
    return found


def spelled(layouts: tuple[tuple[str, ...], ...]) -> str:
    """Return layouts as text: ``a.zip, or b with c``."""
    return ", or ".join(" with ".join(names) for names in layouts)
