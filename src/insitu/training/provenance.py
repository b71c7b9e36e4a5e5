"""What the card of every trained backbone states about its making: date, commit, version of torch."""

from __future__ import annotations

import subprocess
from datetime import date
from pathlib import Path

import torch


def provenance() -> dict[str, str]:
    """Return the entries of a card."""
    return {"trained": date.today().isoformat(), "commit": _commit(), "torch": torch.__version__}


def _commit() -> str:
    """Return the commit of the checkout this runs from, or 'unknown' in an installed package."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=Path(__file__).parent,
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
