"""Which trained backbones there are, and of which architecture: read from their cards, before any weights are."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

from insitu import catalog
from insitu.backbones import _shipped
from insitu.core import InsituError, cache_folder, read_text

BINARY = ("binary-resnet", "quicknet")  # architectures of 1-bit weights and activations


def check(name: str, architectures: Collection[str]) -> None:
    """Raise ``InsituError`` where backbone ``name`` is not there or not of ``architectures``; say which are."""
    stem, fit = _shipped.stem(name), ", ".join(known(architectures)) or "none yet"
    if (found := _architecture(stem)) and found not in architectures:
        raise InsituError(
            f"backbone {name} is of {found}, but this needs {' or '.join(sorted(architectures))}; those are: {fit}"
        )


def known(architectures: Collection[str]) -> list[str]:
    """Return the names of the trained backbones of these architectures, shipped or trained here."""
    trained = [folder / f"{folder.name}.json" for folder in (cache_folder() / "training").glob("*")]
    cards = [*_shipped.FOLDER.glob("*.json"), *(card for card in trained if card.exists())]
    return sorted({card.stem for card in cards if _architecture(card.with_suffix("")) in architectures})


def _architecture(stem: Path) -> str:
    """Return the architecture as the card of ``stem`` names it; '' where there is no such card."""
    try:
        return catalog.dashed(str(json.loads(read_text(stem.with_suffix(".json")))["architecture"]))
    except (OSError, ValueError, KeyError, TypeError):
        return ""
