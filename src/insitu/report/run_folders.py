"""The folder of a run: every composition has one of its own, and no report replaces that of another composition.

``runs/NAME`` is for the experiment as its file has it, ``runs/NAME-CHANGES`` for a changed one. A folder that the user
names is used as it is, unless it holds the report of another composition: then a folder below it is used.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from insitu.core import read_text
from insitu.report.formatting import Report

LONGEST = 80  # characters of a folder's name that say what was changed


@dataclass(frozen=True)
class Identity:
    """What distinguishes runs of one experiment; code and number of seeds do not."""

    experiment: str
    quick: bool
    changes: tuple[tuple[str, str], ...]  # field and what it was changed to
    inputs: str  # digest of the user's own files
    swept: bool

    @staticmethod
    def of(report: Report) -> Identity:
        """Return the identity of a report's run; raise ``KeyError`` or ``TypeError`` where it is no report."""
        changes = tuple((str(each["field"]), str(each["after"])) for each in report["changes"])
        name, quick = str(report["experiment"]), bool(report["quick"])
        return Identity(name, quick, changes, str(report.get("inputs", "")), bool(report.get("sweep")))

    def name(self, sweeps: bool) -> str:
        """Return a readable folder name, unique to the run; ``sweeps`` tells whether the experiment has a sweep."""
        start = self.experiment + "-quick" * self.quick
        said = [f"{field.replace('_', '-')}-{after}" for field, after in self.changes]
        text = "-".join([start, *said, *(["no-sweep"] if sweeps and not self.swept else [])])
        safe = re.sub(r"[^\w.+-]+", "_", text, flags=re.ASCII)
        if safe != text or len(safe) > len(start) + LONGEST or self.inputs:
            digest = hashlib.blake2b(f"{text}\0{self.inputs}".encode(), digest_size=4).hexdigest()
            safe = f"{safe[: len(start) + LONGEST]}-{digest}"
        return safe


def place(home: Path, identity: Identity, name: str, seeds: int) -> tuple[Path, Path]:
    """Return the folder of a composition, which keeps its seeds, and that of its report; mostly both are ``home``.

    Where ``home`` holds the report of another composition, both are the folder ``name`` below it. A report of fewer
    ``seeds`` than the existing one goes into a folder below that of the composition.
    """
    held = _seeds(home)
    if held is not None and held[0] != identity:
        home = home / name
        held = _seeds(home)
    more = held is not None and held[0] == identity and held[1] > seeds
    return home, home / f"first-{seeds}-seeds" if more else home


def _seeds(folder: Path) -> tuple[Identity, int] | None:
    """Return the identity and the number of seeds of the report in ``folder``; None where there is no valid one."""
    try:
        held = json.loads(read_text(folder / "report.json"))
        return Identity.of(held), len(held["seeds"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
