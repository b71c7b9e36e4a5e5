"""Get a data set from its official source, or list the folders that are searched for data sets.

usage: insitu data get NAME
       insitu data path

'get' downloads with checksum, progress and resume; 'path' lists the folders that are searched, first match wins
(INSITU_DATA, then the user's cache).
"""

from __future__ import annotations

from insitu.core import InsituError


def main(args: list[str]) -> int:
    """Fetch a data set, or print the folders that are searched."""
    from insitu.data import download

    match args:
        case ["path"]:
            print("\n".join(download.where()))
        case ["get", name]:
            print(download.fetch(name))
        case _:
            raise InsituError(
                f"data takes 'get NAME' or 'path', got {' '.join(args) or 'nothing'}; see 'insitu data --help'"
            )
    return 0
