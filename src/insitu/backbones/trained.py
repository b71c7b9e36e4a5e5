"""Which trained backbones there are, where their files are, and what each serves; cards are read, no weights."""

from __future__ import annotations

from pathlib import Path

from insitu.backbones import weights_file
from insitu.core import InsituError, cache_folder

FOLDER = Path(__file__).resolve().parents[1] / "weights"  # of those that come with the package


def stem(name: str) -> Path:
    """Return where backbone ``name`` is: in the package, else where ``insitu train`` writes it."""
    trained = cache_folder() / "training" / name / name
    for place in (FOLDER / name, trained):
        if place.with_suffix(".safetensors").exists():
            return place
    raise InsituError(f"no backbone {name} comes with the package or is in {trained.parent}; see 'insitu train {name}'")


def check(name: str, use: str) -> None:
    """Raise ``InsituError`` where backbone ``name`` does not exist or does not serve ``use``; list those that do."""
    record, card = weights_file.read_card(stem(name))
    if use not in record.serves:
        fit = ", ".join(known(use)) or "none yet"
        raise InsituError(
            f"backbone {name} is a {card['architecture']}, which serves {' and '.join(record.serves)}, not {use}; "
            f"those that do: {fit}"
        )


def known(use: str) -> list[str]:
    """Return the names of the trained backbones that serve ``use``, shipped or trained on this machine."""
    folders = (cache_folder() / "training").glob("*")
    stems = [*(card.with_suffix("") for card in FOLDER.glob("*.json")), *(folder / folder.name for folder in folders)]
    return sorted({each.name for each in stems if use in _serves(each)})


def _serves(stem: Path) -> tuple[str, ...]:
    try:
        return weights_file.read_card(stem)[0].serves
    except InsituError:  # no card, or one of a class that is not installed: it serves nothing here
        return ()
