"""Tens of thousands of small image files read in one pass, in the order in which the archive holds them."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator

from insitu.data._bundle import Bundle, damage_named


def files(bundle: Bundle, ending: str = ".jpg") -> Iterator[tuple[str, bytes]]:
    """Yield names and contents of the files whose names end in ``ending``.

    A packed tar is read forwards, once: looking its members up by name takes a time that grows with their square.
    """
    if bundle.path.is_dir() or not tarfile.is_tarfile(bundle.path):
        for name in bundle.names:
            if name.endswith(ending):
                yield name, bundle.read(name)
        return
    with damage_named(str(bundle.path)), tarfile.open(bundle.path, "r|*") as stream:
        for member in stream:
            if member.isfile() and member.name.endswith(ending):
                file = stream.extractfile(member)
                yield member.name, file.read() if file else b""
