"""Training state on disk: written completely or not at all, refused where it belongs to another run."""

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
# fields as checkpoints named them before version 0.2; none of the old names has another meaning today
FORMER_FIELDS = {
    "rate": "learning_rate",
    "batch": "batch_size",
    "at_once": "batch_size",
    "decay": "weight_decay",
    "turns": "rotations",
}
FORMER_FIELD = re.compile(rf"'({'|'.join(FORMER_FIELDS)})':")


def save(path: Path, description: str, state: dict[str, Any]) -> None:
    """Write ``state`` of the run described by ``description`` (architecture and recipe, as text).

    Raises ``InsituError`` where the network holds NaN or infinity: such a state would replace the last good one.
    """
    if odd := [name for name, value in state["network"].items() if not torch.isfinite(value).all()]:
        raise diverged(path, state["step"], f"{odd[0]} holds NaN or infinity")
    buffer = io.BytesIO()
    torch.save({"what": description, **state}, buffer)
    # torch's own writer reports a full disk as a fault of its format
    write_whole(path, lambda file: file.write_bytes(buffer.getbuffer()))


def diverged(path: Path, step: int, why: str) -> InsituError:
    """Return the error that says at which step the training diverged, and which state is left."""
    left = f"the last good state is {path}; delete it and" if path.exists() else "nothing was saved yet;"
    return InsituError(f"training diverged at step {step}: {why}; {left} start again with a lower learning rate")


def load(path: Path, description: str) -> dict[str, Any] | None:
    """Return the state stored at ``path``, or None where there is none.

    Raises ``InsituError`` where the file is damaged or was written by a run with another description.
    """
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        given = _present_names(str(state.pop("what")))
        if missing := {"network", "optimiser", "step"} - state.keys():
            raise ValueError(f"it holds no {sorted(missing)[0]}")
    except DAMAGE as error:
        reason = str(error).partition("\n")[0].partition(". ")[0][:150] or type(error).__name__
        raise InsituError(f"{path} is not a complete checkpoint ({reason}); delete it to start again") from error
    if given != description:
        there, here = _difference(given, description)
        raise InsituError(
            f"{path} was written by another run (there: {there}; here: {here}): "
            "choose another folder, or delete it to start again"
        )
    return state


def _present_names(description: str) -> str:
    """Return a description of any version with the field names of this one."""
    return FORMER_FIELD.sub(lambda match: f"'{FORMER_FIELDS[match[1]]}':", description)


def _difference(there: str, here: str) -> tuple[str, str]:
    """Return the first item in which two descriptions of runs differ."""
    pairs = zip_longest(ITEM.findall(there), ITEM.findall(here), fillvalue="nothing")
    return next(((a, b) for a, b in pairs if a != b), (there, here))
