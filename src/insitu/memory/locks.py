"""Locks of memories in no file: one thread at a time changes a memory, and a forked child starts with locks of its own.

A lock that another thread holds at the moment of a fork is never released in the child, which has no such thread.
"""

from __future__ import annotations

import os
import threading
from weakref import WeakKeyDictionary

_guard = threading.Lock()  # while a memory gets its lock
_locks: WeakKeyDictionary[object, threading.RLock] = WeakKeyDictionary()


def turn_of(memory: object) -> threading.RLock:
    """Return the lock that is held while something happens to ``memory``."""
    with _guard:
        return _locks.setdefault(memory, threading.RLock())


def _in_child() -> None:
    global _guard, _locks  # the old ones may be in the hands of a thread that is not here
    _guard, _locks = threading.Lock(), WeakKeyDictionary()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_in_child)
