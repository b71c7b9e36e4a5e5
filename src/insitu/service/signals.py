"""SIGINT and SIGTERM: a defined exit code whenever they arrive, also twice.

Before the server runs, a signal ends the process with 128 plus its number. While it runs, the server handles signals.
Once the process is ending, further signals are ignored: the system's own handler would kill it halfway.
"""

from __future__ import annotations

import atexit
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def exit_on_signals() -> Iterator[None]:
    """Let signals end the process within the block; afterwards, the former handlers are restored."""
    if threading.current_thread() is not threading.main_thread():  # where Python allows no handlers
        yield
        return
    before = {number: signal.signal(number, _exit) for number in SIGNALS}
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGTERM) is not _ignore:
            for number, handler in before.items():
                signal.signal(number, handler)


def set_handler(handler: Callable[[int, FrameType | None], Any] | signal.Handlers) -> None:
    """Handle signals with ``handler`` from now on."""
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            signal.signal(number, handler)


def ignore_signals() -> None:
    """Ignore signals from now on, since the process is ending."""
    # not SIG_IGN at once: Python would warn about a pending signal without a handler
    set_handler(_ignore)
    atexit.register(set_handler, signal.SIG_IGN)  # which the interpreter does not reset when it shuts down


def _ignore(number: int, frame: FrameType | None) -> None:
    pass


def _exit(number: int, frame: FrameType | None) -> None:
    ignore_signals()
    if number == signal.SIGINT:
        raise KeyboardInterrupt  # the command line has an exit code and a message for it
    raise SystemExit(128 + number)
