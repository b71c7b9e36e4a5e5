"""Training state on disk, outside the repository: written whole, refused where it belongs to another run."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from insitu.core import InsituError, write_whole


def save(path: Path, what: str, state: dict[str, Any]) -> None:
    """Write ``state`` of the run described by ``what`` (architecture and recipe, as text)."""
    write_whole(path, lambda file: torch.save({"what": what, **state}, file))


def load(path: Path, what: str) -> dict[str, Any] | None:
    """Return the state stored at ``path``, or None where there is none.

    Raises ``InsituError`` where the file is damaged or was written by a run with another description.
    """
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, weights_only=True)
        given = state.pop("what")
    except (OSError, RuntimeError, KeyError, EOFError, AttributeError, pickle.UnpicklingError) as error:
        raise InsituError(f"{path} is not a whole checkpoint ({error}); delete it to start anew") from error
    if given != what:
        raise InsituError(
            f"{path} was written by another run:\n  there: {given}\n  here:  {what}\n"
            "choose another folder, or delete it to start anew"
        )
    return state
