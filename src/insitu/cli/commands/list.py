"""List all parts, room by room: experiments, learners, devices ...

usage: insitu list [ROOM]

A part is a file of its room; among the encoders are also the backbones that come with the package. 'insitu show NAME'
describes one, 'insitu show encoders/NAME' such a backbone.
"""

from __future__ import annotations

import sys
from itertools import groupby
from shutil import get_terminal_size

from insitu import catalog
from insitu.cli import backbone_cards
from insitu.core import InsituError


def main(args: list[str]) -> int:
    """Print the parts of all rooms, or of the one given."""
    if len(args) > 1:
        raise InsituError(f"list takes one room at most, got {' '.join(args)}; rooms are {', '.join(catalog.ROOMS)}")
    if args and args[0].startswith("-"):
        raise InsituError(f"list does not know {args[0]}; it takes one room at most: {', '.join(catalog.ROOMS)}")
    found = catalog.parts(args[0] if args else None)
    cards = backbone_cards.shipped()
    width = max((len(name) for name in [*(part.name for part in found), *cards]), default=0)
    columns = get_terminal_size().columns if sys.stdout.isatty() else 10_000
    for number, (room, members) in enumerate(groupby(found, key=lambda part: part.room)):
        print(f"{chr(10) if number else ''}{room}")
        lines = [(part.name, part.summary) for part in members]
        if room == "encoders":
            lines += [(name, backbone_cards.summary(card)) for name, card in cards.items()]
        for name, text in lines:
            line = f"  {name:{width}}  {text}"
            print(line if len(line) <= columns else line[: max(columns - 2, width + 20)].rstrip() + " …")
    return 0
