"""The log of a shard: records appended and synced to disk before they are acknowledged; a torn tail is cut off."""

from __future__ import annotations

import json
import mmap
import os
import re
import struct
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError
from insitu.memory.storage.connections import WriterLock
from insitu.memory.storage.paths import sync_folder

FORMAT = b"insitu shard 1\n"
HEAD = struct.Struct("<III")  # bytes of the JSON, bytes of the numbers, checksum of both
START = b'{"event"'  # of the JSON of every record; within it, quotes are escaped
LONGEST = 2**32 - 1  # bytes of the numbers of a record
NAME = re.compile(r"shard-\d+-of-(\d+)")
LOCK_S = 60.0  # within which a process that was killed has released its lock
Floats = NDArray[np.float32]


def shards_in(folder: Path) -> int | None:
    """Return the number of shards of the memory in a folder, or None where there is none."""
    return min((int(named[1]) for file in folder.glob("shard-*") if (named := NAME.fullmatch(file.name))), default=None)


def shard_files(folder: Path, shards: int) -> list[Path]:
    """Return the files of the shards of a memory; raise ``InsituError`` where only some of those taught are there."""
    files = [folder / f"shard-{number}-of-{shards}" for number in range(shards)]
    missing = [file.name for file in files if not file.exists()]
    if missing and any(file.exists() and file.stat().st_size > len(FORMAT) for file in files):
        raise InsituError(
            f"{folder} lacks {', '.join(missing[:3])}, whose classes are in no other file; restore a backup"
        )
    return files


@dataclass
class Log:
    """An open log, which one process at a time writes; ``records`` reads what is there, then ``append`` adds to it."""

    path: Path
    file: IO[bytes] = field(init=False)
    lock: WriterLock = field(init=False)

    def __post_init__(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.lock = _locked(self.path)  # a process that Ray has replaced may be alive on a node that Ray has lost
        self.file = self.path.open("a+b", buffering=0)
        self.file.seek(0)
        start = self.file.read(len(FORMAT))
        if start and not FORMAT.startswith(start):
            self.close()
            raise InsituError(f"{self.path} is not a shard of this version of insitu; choose another folder")
        if start != FORMAT:  # new, or torn within the first line
            self.file.truncate(0)
            self._write(FORMAT)
            sync_folder(self.path)

    def records(self) -> Iterator[tuple[dict[str, Any], Floats]]:
        """Yield every whole record, the oldest first, and cut off one that was being written.

        Raises ``InsituError`` where a record is damaged that others follow: those had been acknowledged.
        """
        whole, size = len(FORMAT), self.path.stat().st_size
        with self.path.open("rb") as file:
            file.seek(whole)
            while whole + HEAD.size <= size:
                text_size, numbers_size, checksum = HEAD.unpack(file.read(HEAD.size))
                end = whole + HEAD.size + text_size + numbers_size
                if not text_size or end > size:
                    break
                text, numbers = file.read(text_size), file.read(numbers_size)
                if zlib.crc32(numbers, zlib.crc32(text)) != checksum:
                    break
                about = json.loads(text)
                yield about, np.frombuffer(numbers, np.float32).reshape(about["shape"])
                whole = end
            if whole < size:
                with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                    if data.find(START, whole + HEAD.size + 1) >= 0:
                        raise InsituError(f"{self.path} is damaged at byte {whole}; restore it from a copy")
        self.file.truncate(whole)

    def append(self, about: dict[str, Any], x: Floats) -> None:
        """Add a record; it is on disk when this returns, and not in the log where this raises."""
        text, numbers = json.dumps(about | {"shape": x.shape}).encode(), np.ascontiguousarray(x, np.float32).tobytes()
        if len(numbers) > LONGEST:
            raise InsituError(f"one call teaches at most 4 GiB to a shard; got {len(numbers) / 2**30:.1f}; divide it")
        self._write(HEAD.pack(len(text), len(numbers), zlib.crc32(numbers, zlib.crc32(text))) + text + numbers)

    def close(self) -> None:
        """Close the log."""
        self.file.close()
        self.lock.release()

    def _write(self, data: bytes) -> None:
        before, rest = os.fstat(self.file.fileno()).st_size, memoryview(data)
        try:
            while rest:
                rest = rest[self.file.write(rest) :]
            os.fsync(self.file.fileno())
        except OSError:
            self.file.truncate(before)  # or the next record would follow half of this one
            raise


def _locked(path: Path) -> WriterLock:
    deadline = time.monotonic() + LOCK_S
    while True:
        try:
            return WriterLock(path)
        except InsituError as error:
            if time.monotonic() > deadline:
                raise InsituError(f"{path} is written by another process; close the memory that has it open") from error
            time.sleep(0.1)
