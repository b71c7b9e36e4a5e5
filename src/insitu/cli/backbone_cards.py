"""Cards of the backbones that come with the package and encode images, read without importing torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import insitu
from insitu.core import read_text

FOLDER = Path(insitu.__file__).parent / "weights"


def shipped() -> dict[str, dict[str, Any]]:
    """Return the cards of backbones whose base classes come with them, by name."""
    stems = sorted(file.name.removesuffix(".embeddings.npz") for file in FOLDER.glob("*.embeddings.npz"))
    return {name: json.loads(read_text(FOLDER / f"{name}.json")) for name in stems}


def summary(card: dict[str, Any]) -> str:
    """Return one line on a backbone."""
    return f"images of {card['image_size']} pixels through a {card['architecture']}, trained on {card['data']}"
