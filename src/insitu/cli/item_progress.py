"""Progress over items with the time left: a bar in a terminal, now and then a line elsewhere; both on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from insitu.report import formatting

EVERY_S = 5.0  # between two lines


@contextmanager
def shown(what: str) -> Iterator[Callable[[int, int], None]]:
    """Yield a function that takes the number of items done and their total; ``what`` is a verb such as encoding."""
    if not sys.stderr.isatty():
        yield _lines(what)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def _lines(what: str) -> Callable[[int, int], None]:
    started = last = time.monotonic()

    def update(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= EVERY_S and 0 < done < total:
            last, left_s = now, (now - started) / done * (total - done)
            print(f"{what} {done}/{total}, {formatting.duration(left_s)} left", file=sys.stderr)

    return update
