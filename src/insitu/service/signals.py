"""SIGINT and SIGTERM of the service: a defined exit code whenever they come, also twice.

Before the server runs, a signal ends the process with 128 plus its number. While it runs, the server decides. After
the first signal that ends the process, further ones are ignored, since the process is ending and would otherwise be
killed halfway by the system's own handler.
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
def orderly() -> Iterator[None]:
    """While this lasts, signals end the process in order; afterwards they do what they did, unless one came."""
    if threading.current_thread() is not threading.main_thread():  # where Python allows no handlers
        yield
        return
    before = {number: signal.signal(number, _leave) for number in SIGNALS}
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGTERM) is not _nothing:
            for number, handler in before.items():
                signal.signal(number, handler)


def handled_by(handler: Callable[[int, FrameType | None], Any] | signal.Handlers) -> None:
    """Let ``handler`` decide from now on."""
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            signal.signal(number, handler)


def ignored() -> None:
    """Let no signal end the process any more: it is ending."""
    # not SIG_IGN at once: Python would complain of a signal that has come but was not handled yet
    handled_by(_nothing)
    atexit.register(handled_by, signal.SIG_IGN)  # what the interpreter leaves alone when it shuts down


def _nothing(number: int, frame: FrameType | None) -> None:
    pass


def _leave(number: int, frame: FrameType | None) -> None:
    ignored()
    if number == signal.SIGINT:
        raise KeyboardInterrupt  # the command line has a code and a sentence for it
    raise SystemExit(128 + number)
