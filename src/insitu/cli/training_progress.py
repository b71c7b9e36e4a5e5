"""Progress of a training: a bar with loss, speed and time left in a terminal, plain lines in a log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bars

from insitu.report import formatting

if TYPE_CHECKING:
    from insitu.training.loop import Progress


def display(name: str, console: Console) -> Plain | Live:
    """Return the display that suits ``console``."""
    return Live(name, console) if console.is_terminal else Plain(name, console)


def line(progress: Progress) -> str:
    """Return a report in words."""
    report = progress.report
    parts = [
        report.phase,
        f"loss {progress.loss:.4f}",
        "" if progress.accuracy is None else f"accuracy {100 * progress.accuracy:.1f} %",
        "" if report.held_out is None else f"on held-out classes {100 * report.held_out:.1f} %",
        report.note,
        f"{progress.per_s:.{0 if progress.per_s >= 10 else 1}f} {progress.unit}/s",
        f"{formatting.duration(progress.left_s)} left",
    ]
    return "  ".join(part for part in parts if part)


class Plain:
    """One line per report of the training."""

    def __init__(self, name: str, console: Console) -> None:
        self.name, self.console, self.stage, self.last = name, console, 1, 0

    def __enter__(self) -> Plain:
        """Print what starts: reading images can take a while."""
        self.console.print(f"{self.name}: reading the training data")
        return self

    def __exit__(self, *_: object) -> None:
        """Print nothing."""

    def update(self, progress: Progress) -> None:
        """Print one line; a step below the last belongs to the next stage."""
        self.stage += progress.step < self.last
        self.last = progress.step
        self.console.print(
            f"stage {self.stage}  step {progress.step}/{progress.steps}  {line(progress)}",
            soft_wrap=True,
            highlight=False,
        )


class Live:
    """One bar per stage."""

    def __init__(self, name: str, console: Console) -> None:
        self.name = name
        self.bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(complete_style="cyan", finished_style="cyan"),
            TaskProgressColumn(),
            TextColumn("[dim]{task.fields[about]}"),
            console=console,
        )
        self.task = self.bars.add_task(f"{name}: reading the training data", total=None, about="")
        self.stage, self.last = 1, 0

    def __enter__(self) -> Live:
        """Start to draw."""
        self.bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the bars as they are."""
        self.bars.stop()

    def update(self, progress: Progress) -> None:
        """Move the bar; a step below the last belongs to the next stage, which gets a bar of its own."""
        if progress.step < self.last:
            self.stage += 1
            self.task = self.bars.add_task("", about="")
        self.last = progress.step
        title = f"{self.name}, stage {self.stage}"
        total, done = progress.steps, progress.step
        self.bars.update(self.task, total=total, completed=done, description=title, about=line(progress))
