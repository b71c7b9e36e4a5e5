"""Training state on disk, outside the repository: written whole, refused where it belongs to another run."""

from __future__ import annotations

import io
import pickle
import re
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch

from insitu.core import InsituError, write_whole

# what reading a file that is cut short, or no checkpoint at all, can raise
DAMAGE = (OSError, RuntimeError, ValueError, TypeError, AttributeError, LookupError, EOFError, pickle.PickleError)
# a shape, a field with its value, or a word
ITEM = re.compile(r"\([^)]*\)|'\w+': [^,}]*|\d+ images|\w+")


def save(path: Path, what: str, state: dict[str, Any]) -> None:
    """Write ``state`` of the run described by ``what`` (architecture and recipe, as text).

    Raises ``InsituError`` where the network holds NaN or infinity: such a state would spoil the last good one.
    """
    if odd := [name for name, value in state["network"].items() if not torch.isfinite(value).all()]:
        raise diverged(path, state["step"], f"{odd[0]} holds NaN or infinity")
    buffer = io.BytesIO()
    torch.save({"what": what, **state}, buffer)
    # torch's own writer reports a full disk as a fault of its format
    write_whole(path, lambda file: file.write_bytes(buffer.getbuffer()))


def diverged(path: Path, step: int, why: str) -> InsituError:
    """Return the error that says at which step numbers went astray, and what is left."""
    left = f"the last good state is {path}; delete it and" if path.exists() else "nothing was saved yet;"
    return InsituError(f"training diverged at step {step}: {why}; {left} start anew with a lower rate")


def load(path: Path, what: str) -> dict[str, Any] | None:
    """Return the state stored at ``path``, or None where there is none.

    Raises ``InsituError`` where the file is damaged or was written by a run with another description.
    """
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, weights_only=True)
        given = state.pop("what")
        if missing := {"network", "optimiser", "step"} - state.keys():
            raise ValueError(f"no {sorted(missing)[0]} in it")
    except DAMAGE as error:
        reason = str(error).partition("\n")[0].partition(". ")[0][:150] or type(error).__name__
        raise InsituError(f"{path} is not a whole checkpoint ({reason}); delete it to start anew") from error
    if given != what:
        there, here = _difference(str(given), what)
        raise InsituError(
            f"{path} was written by another run (there: {there}; here: {here}): "
            "choose another folder, or delete it to start anew"
        )
    return state


def _difference(there: str, here: str) -> tuple[str, str]:
    """Return the first item in which two descriptions of runs differ."""
    pairs = zip_longest(ITEM.findall(there), ITEM.findall(here), fillvalue="nothing")
    return next(((a, b) for a, b in pairs if a != b), (there, here))
