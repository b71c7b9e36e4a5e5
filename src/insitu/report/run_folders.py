"""Where the report of a run goes: every composition has a folder of its own, and no report replaces another's.

``runs/NAME`` is for the experiment as its file has it, ``runs/NAME-CHANGES`` for a changed one. A folder that the user
names is taken as it is, unless it holds the report of another composition: then a folder below it is taken.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from insitu.core import read_text
from insitu.report.document import Report

LONGEST = 80  # characters of a folder's name that say what was changed


@dataclass(frozen=True)
class Identity:
    """What makes one run another than a second of the same experiment; code and number of seeds do not."""

    experiment: str
    quick: bool
    changes: tuple[tuple[str, str], ...]  # field and what it was changed to
    inputs: str  # digest of the user's own files
    swept: bool

    @staticmethod
    def of(report: Report) -> Identity:
        """Return the identity of what a report is about; raise ``KeyError`` or ``TypeError`` where it is no report."""
        changes = tuple((str(each["field"]), str(each["after"])) for each in report["changes"])
        name, quick = str(report["experiment"]), bool(report["quick"])
        return Identity(name, quick, changes, str(report.get("inputs", "")), bool(report.get("sweep")))

    def name(self, sweeps: bool) -> str:
        """Return a folder's name: readable, and another one for another run; ``sweeps`` is whether it could sweep."""
        start = self.experiment + "-quick" * self.quick
        said = [f"{field.replace('_', '-')}-{after}" for field, after in self.changes]
        text = "-".join([start, *said, *(["no-sweep"] if sweeps and not self.swept else [])])
        safe = re.sub(r"[^\w.+-]+", "_", text, flags=re.ASCII)
        if safe != text or len(safe) > len(start) + LONGEST or self.inputs:
            digest = hashlib.blake2b(f"{text}\0{self.inputs}".encode(), digest_size=4).hexdigest()
            safe = f"{safe[: len(start) + LONGEST]}-{digest}"
        return safe


def place(home: Path, identity: Identity, name: str, seeds: int) -> tuple[Path, Path]:
    """Return the folder of a composition, which keeps its seeds, and that of its report: mostly both are ``home``.

    Where ``home`` holds the report of another composition, it is the folder ``name`` below it. A report of fewer
    ``seeds`` than the one that is there gets a folder below that of the composition.
    """
    held = _seeds(home)
    if held is not None and held[0] != identity:
        home = home / name
        held = _seeds(home)
    more = held is not None and held[0] == identity and held[1] > seeds
    return home, home / f"first-{seeds}-seeds" if more else home


def _seeds(folder: Path) -> tuple[Identity, int] | None:
    """Return what the report in ``folder`` is about and of how many seeds; None where there is no whole report."""
    try:
        held = json.loads(read_text(folder / "report.json"))
        return Identity.of(held), len(held["seeds"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
