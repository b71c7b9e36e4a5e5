"""Events as rows of the journal, and digests that tell a row or a part that is not as it was written."""

from __future__ import annotations

import datetime
import json
import zlib
from hashlib import blake2b
from typing import Any

import numpy as np
import safetensors.numpy

from insitu.memory.event import Event

LEVEL = 1  # of compression: conductances hardly shrink, all else does at once
DIGEST = 16  # bytes
JOURNAL = (int, str, str, str, str, float, bytes, bytes)  # types of a row of the journal, with its digest


def row_of(number: int, event: Event, who: str) -> tuple[Any, ...]:
    """Return the row of the journal that holds an event."""
    arrays = {name: np.ascontiguousarray(array) for name, array in event.arrays.items()}
    data = zlib.compress(safetensors.numpy.save(arrays), LEVEL) if arrays else b""
    labels = json.dumps(event.labels, ensure_ascii=False)
    return (number, event.kind, event.at or now(), event.who or who, labels, event.seconds, data)


def typed(row: tuple[Any, ...], kinds: tuple[type, ...]) -> tuple[Any, ...]:
    """Return a row; raise ``ValueError`` where a column is of another type, which its digest would not show."""
    found = tuple(type(each) for each in row)
    if found != kinds:
        raise ValueError(f"a row of {', '.join(kind.__name__ for kind in found)}")
    return row


def event_of(row: tuple[Any, ...]) -> Event:
    """Return the event that a row of the journal holds."""
    _, kind, at, who, labels, seconds, data = row
    arrays = safetensors.numpy.load(zlib.decompress(data)) if data else {}
    return Event(kind, json.loads(labels), arrays, seconds, at, who)


def chained(before: bytes, row: tuple[Any, ...]) -> bytes:
    """Digest of a row of the journal and of all before it."""
    return digest_of(before, *(str(each) if not isinstance(each, bytes) else each for each in row))


def digest_of(*pieces: str | bytes) -> bytes:
    """Return one digest over several pieces, each with its length."""
    made = blake2b(digest_size=DIGEST)
    for piece in pieces:
        data = piece.encode() if isinstance(piece, str) else piece
        made.update(len(data).to_bytes(8, "little"))  # so that no two rows spell the same bytes
        made.update(data)
    return made.digest()


def now() -> str:
    """Return the present time in UTC, to milliseconds, as ISO 8601."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
