"""Ctrl-C in two stages: the first press requests a stop after the current step, the second interrupts at once."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def graceful() -> Iterator[Callable[[], bool]]:
    """Yield a function that returns whether Ctrl-C was pressed; the first press in the block interrupts nothing."""
    requested = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if requested.is_set():
            raise KeyboardInterrupt
        requested.set()
        print("\nfinishing this step, then saving; Ctrl-C again stops at once", file=sys.stderr)

    before = signal.signal(signal.SIGINT, on_signal)
    try:
        yield requested.is_set
    finally:
        signal.signal(signal.SIGINT, before)
