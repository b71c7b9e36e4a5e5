"""The log of a shard: records appended and synced to disk before they are acknowledged; a torn tail is cut off."""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError

FORMAT = b"insitu shard 1\n"
HEAD = struct.Struct("<III")  # bytes of the JSON, bytes of the numbers, checksum of both
Floats = NDArray[np.float32]


@dataclass
class Log:
    """An open log; ``records`` reads what is there, then ``append`` adds to it."""

    path: Path
    file: IO[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.file = self.path.open("a+b")
        self.file.seek(0)
        start = self.file.read(len(FORMAT))
        if start and not FORMAT.startswith(start):
            self.file.close()
            raise InsituError(f"{self.path} is not a shard of this version of insitu; choose another folder")
        if start != FORMAT:  # new, or torn within the first line
            self.file.truncate(0)
            self.file.write(FORMAT)
            self._sync()

    def records(self) -> Iterator[tuple[dict[str, Any], Floats]]:
        """Yield every whole record, the oldest first, and cut off what follows."""
        self.file.seek(len(FORMAT))
        whole = len(FORMAT)
        while len(head := self.file.read(HEAD.size)) == HEAD.size:
            sizes = HEAD.unpack(head)
            text, numbers = self.file.read(sizes[0]), self.file.read(sizes[1])
            if len(numbers) < sizes[1] or zlib.crc32(numbers, zlib.crc32(text)) != sizes[2]:
                break
            whole = self.file.tell()
            about = json.loads(text)
            yield about, np.frombuffer(numbers, np.float32).reshape(about["shape"])
        self.file.truncate(whole)

    def append(self, about: dict[str, Any], x: Floats) -> None:
        """Add a record; it is on disk when this returns."""
        text, numbers = json.dumps(about | {"shape": x.shape}).encode(), np.ascontiguousarray(x, np.float32).tobytes()
        self.file.write(HEAD.pack(len(text), len(numbers), zlib.crc32(numbers, zlib.crc32(text))) + text + numbers)
        self._sync()

    def _sync(self) -> None:
        self.file.flush()
        os.fsync(self.file.fileno())
