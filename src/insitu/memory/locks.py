"""Locks of memories without a file: one thread at a time changes a memory; a forked child gets new, free locks.

A lock that another thread holds at the time of a fork would never be released in the child, which lacks that thread.
"""

from __future__ import annotations

import os
import threading
from weakref import WeakKeyDictionary

_guard = threading.Lock()  # held while a lock is created
_locks: WeakKeyDictionary[object, threading.RLock] = WeakKeyDictionary()


def lock_of(memory: object) -> threading.RLock:
    """Return the lock to hold while ``memory`` changes."""
    with _guard:
        return _locks.setdefault(memory, threading.RLock())


def _reset_in_child() -> None:
    global _guard, _locks
    _guard, _locks = threading.Lock(), WeakKeyDictionary()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_reset_in_child)
