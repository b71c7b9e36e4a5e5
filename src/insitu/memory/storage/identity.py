"""Whether a memory is still what was opened: by this very process, and the same files under the same names."""

from __future__ import annotations

import os
from pathlib import Path

from insitu.core import InsituError

BESIDE = ("", "-wal", "-shm", "-lock")  # the file, and those that SQLite and the lock keep next to it


class Identity:
    """The process, and the device and inode of each file, when it was made."""

    def __init__(self, path: Path, files: bool) -> None:
        self.path = path
        self._process = os.getpid()
        self._marks = {name: _mark(path, name) for name in BESIDE if files}

    @property
    def forked(self) -> bool:
        """Whether this process is a fork of the one that opened the memory."""
        return os.getpid() != self._process

    def check_process(self) -> None:
        """Raise ``InsituError`` in a forked child: two processes that write by one connection destroy the file."""
        if self.forked:
            raise InsituError(
                f"{self.path} was opened by process {self._process}, of which this one is a fork: here it can only "
                "predict; open the memory in a process that is started afresh (multiprocessing's 'spawn')"
            )

    @property
    def orphaned(self) -> bool:
        """Whether the main file is no longer there under its name, but the lock still is."""
        return bool(self._marks) and not self._same("") and self._same("-lock")

    def remove_logs(self) -> None:
        """Delete the log of a file that is gone, which a new file of that name would take for its own."""
        for name in ("-wal", "-shm"):
            if self._same(name):
                Path(f"{self.path}{name}").unlink(missing_ok=True)

    def _same(self, name: str) -> bool:
        return _mark(self.path, name) == self._marks[name]

    def check_files(self) -> None:
        """Raise ``InsituError`` where a file was deleted, moved or replaced: what is written would be kept nowhere."""
        for name, mark in self._marks.items():
            now = _mark(self.path, name)
            if now != mark:
                what = "deleted or moved" if now is None else "replaced by another file"
                raise InsituError(
                    f"{self.path}{name} was {what} while the memory was open, so that nothing more can be kept in it; "
                    "save what was taught with replay(path=...) into a new file and open that"
                )


def check_single_name(path: Path) -> None:
    """Raise ``InsituError`` for a file with several hard links: SQLite finds its log by the name of the file."""
    if path.stat().st_nlink > 1:
        raise InsituError(
            f"{path} is a hard link to a file with another name too; two names of one memory damage it: "
            "delete one of the links, or make a copy with 'cp' of the closed file and use that"
        )


def _mark(path: Path, name: str) -> tuple[int, int] | None:
    try:
        found = os.stat(f"{path}{name}")  # noqa: PTH116  # a name with an ending, not another path
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
