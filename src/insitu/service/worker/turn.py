"""Whose turn it is to compute: threads of one interpreter that compute at the same time slow each other down.

A query in PyTorch gives up the interpreter at every operation, and waits for milliseconds to get it back while another
thread runs Python code. So queries and changes take turns; a query waits for a long change only so long.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Turn:
    """A lock that threads get alternately, and that a thread lends to others while it waits for the disk."""

    def __init__(self) -> None:
        self._next, self._turn = threading.Lock(), threading.Lock()
        self._local = threading.local()

    @contextmanager
    def taken(self, patience_s: float) -> Iterator[None]:
        """Take the turn for the block; without it after ``patience_s``."""
        self._local.held = self._acquire(patience_s)
        try:
            yield
        finally:
            if self._local.held:
                self._turn.release()

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Let other threads compute within the block."""
        if not getattr(self._local, "held", False):
            yield
            return
        self._turn.release()
        try:
            yield
        finally:
            self._local.held = False
            self._local.held = self._acquire(1.0)

    def _acquire(self, patience_s: float) -> bool:
        until = time.monotonic() + patience_s
        if not self._next.acquire(timeout=patience_s):  # held while waiting, so that nobody gets two turns in a row
            return False
        try:
            return self._turn.acquire(timeout=max(0.0, until - time.monotonic()))
        finally:
            self._next.release()
