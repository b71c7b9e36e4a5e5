"""Progress over items with the time left: a bar in a terminal, now and then a line elsewhere; both on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from insitu.report import formatting

EVERY_S = 5.0  # between two lines
Update = Callable[[int, int], None]


@contextmanager
def shown(what: str) -> Iterator[Update]:
    """Yield a function that takes the number of items done and their total; ``what`` is a verb such as encoding."""
    with ExitStack() as stack:
        yield _bar(what, stack) if sys.stderr.isatty() else _lines(what)


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


def _lines(what: str) -> Update:
    started = last = time.monotonic()

    def update(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= EVERY_S and 0 < done < total:
            last, left_s = now, (now - started) / done * (total - done)
            print(f"{what} {done}/{total}, {formatting.duration(left_s)} left", file=sys.stderr)

    return update
