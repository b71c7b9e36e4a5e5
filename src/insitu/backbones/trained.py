"""Which trained backbones there are, where their files are, and what each serves; cards are read, no weights."""

from __future__ import annotations

from pathlib import Path

from insitu.backbones import weights_file
from insitu.core import InsituError, cache_folder, is_path

FOLDER = Path(__file__).resolve().parents[1] / "weights"  # of those that come with the package
WEIGHTS = ".safetensors"


def stem(name: str) -> Path:
    """Return where backbone ``name`` is: in the package, else where ``insitu train`` writes it, or at that path."""
    if is_path(name, WEIGHTS):
        place = Path(name.removesuffix(WEIGHTS)).absolute()  # a memory in a file is opened from other folders too
        if place.with_suffix(WEIGHTS).is_file():
            return place
        raise InsituError(f"there is no backbone at {place}{WEIGHTS}; give the path of one, or the name of a known one")
    for place in (FOLDER / name, _of_training(name)):
        if place.with_suffix(WEIGHTS).exists():
            return place
    where = _of_training(name).parent
    raise InsituError(
        f"no backbone {name} comes with the package or is in {where}; see 'insitu train {name}', or give a path, as "
        f"./{name}{WEIGHTS}"
    )


def hidden(name: str) -> Path | None:
    """Return where ``insitu train`` wrote a backbone that has the name of one of the package, which is used instead."""
    own = _of_training(name)
    both = not is_path(name, WEIGHTS) and all(each.with_suffix(WEIGHTS).exists() for each in (FOLDER / name, own))
    return own.with_suffix(WEIGHTS) if both else None


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


def _of_training(name: str) -> Path:
    return cache_folder() / "training" / name / name


def _serves(stem: Path) -> tuple[str, ...]:
    try:
        return weights_file.read_card(stem)[0].serves
    except InsituError:  # no card, or one of a class that is not installed: it serves nothing here
        return ()
