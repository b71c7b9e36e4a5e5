"""Progress over items with the time left: a bar in a terminal, now and then a line elsewhere; both on stderr."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from insitu.report import formatting

EVERY_S, SHARE = 5.0, 0.05  # least time between two lines, and its share in the time since the start
SILENT_S = 60.0  # after which a line says that nothing has finished, and again after twice, four times as long
Update = Callable[[int, int], None]


@contextmanager
def shown(what: str) -> Iterator[Update]:
    """Yield a function that takes the number of items done and their total; ``what`` is a verb such as encoding."""
    with ExitStack() as stack:
        yield _bar(what, stack) if sys.stderr.isatty() else _Lines(what, stack)


def _bar(what: str, stack: ExitStack) -> Update:
    """Return a function that draws a bar from its first call on."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bars = Progress(*columns, console=Console(stderr=True), transient=True)

    def update(done: int, total: int) -> None:
        if not bars.tasks:
            stack.enter_context(bars)
            bars.add_task(what)
        bars.update(bars.task_ids[0], completed=done, total=total)

    return update


class _Lines:
    """Prints a line after an item where the last one is some time ago, and where no item finishes for long."""

    def __init__(self, what: str, stack: ExitStack) -> None:
        self.what = what
        self.started = self.last = time.monotonic()
        self.done = self.total = 0
        self.ended = threading.Event()
        stack.callback(self.ended.set)

    def __call__(self, done: int, total: int) -> None:
        if not self.total:
            threading.Thread(target=self._watch, daemon=True).start()
        self.done, self.total = done, total
        now = time.monotonic()
        passed_s = now - self.started
        if now - self.last >= max(EVERY_S, SHARE * passed_s) and 0 < done < total:
            self._print(now, f"{formatting.duration(passed_s / done * (total - done))} left")

    def _watch(self) -> None:
        silent_s = SILENT_S
        while not self.ended.wait(SILENT_S / 4):
            now = time.monotonic()
            if now - self.last >= silent_s:
                silent_s *= 2
                after = formatting.duration(now - self.started)
                self._print(now, f"{after} so far" if self.done else f"none finished after {after}")

    def _print(self, now: float, text: str) -> None:
        self.last = now
        print(f"{self.what} {self.done}/{self.total}, {text}", file=sys.stderr)
