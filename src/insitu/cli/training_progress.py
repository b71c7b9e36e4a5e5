"""What one sees while a backbone trains: a bar with speed, loss and time left, or plain lines in a log."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from insitu.report import formatting


class Step(Protocol):
    """What a training says of itself (``insitu.training.pretrain.Progress``)."""

    @property
    def step(self) -> int: ...  # noqa: D102
    @property
    def steps(self) -> int: ...  # noqa: D102
    @property
    def epoch(self) -> float: ...  # noqa: D102
    @property
    def loss(self) -> float: ...  # noqa: D102
    @property
    def accuracy(self) -> float: ...  # noqa: D102
    @property
    def images_per_s(self) -> float: ...  # noqa: D102
    @property
    def left_s(self) -> float: ...  # noqa: D102


@runtime_checkable
class Phase(Protocol):
    """What the training of spiking networks says of itself (``insitu.training.eprop.Progress``)."""

    @property
    def step(self) -> int: ...  # noqa: D102
    @property
    def steps(self) -> int: ...  # noqa: D102
    @property
    def phase(self) -> str: ...  # noqa: D102
    @property
    def loss(self) -> float: ...  # noqa: D102
    @property
    def about(self) -> str: ...  # noqa: D102
    @property
    def iterations_per_s(self) -> float: ...  # noqa: D102
    @property
    def left_s(self) -> float: ...  # noqa: D102


def watcher(name: str, console: Console) -> Plain | Display:
    """Return the display that suits ``console``."""
    return Display(name, console) if console.is_terminal else Plain(name, console)


def line(progress: Step | Phase) -> str:
    """Write a step in words."""
    left = f"{formatting.duration(progress.left_s)} left"
    if isinstance(progress, Phase):
        about = f"{progress.phase}  loss {progress.loss:.4f}  {progress.about}"
        return f"{about}  {progress.iterations_per_s:.1f} iterations/s  {left}"
    return (
        f"epoch {progress.epoch:.2f}  loss {progress.loss:.3f}  accuracy {100 * progress.accuracy:.1f} %  "
        f"{progress.images_per_s:.0f} images/s  {left}"
    )


class Plain:
    """One line per report of the training."""

    def __init__(self, name: str, console: Console) -> None:
        self.name, self.console, self.stage, self.last = name, console, 1, 0

    def __enter__(self) -> Plain:
        """Say what starts: reading images can take a while."""
        self.console.print(f"{self.name}: reading what it is trained on")
        return self

    def __exit__(self, *_: object) -> None:
        """Say nothing."""

    def step(self, progress: Step | Phase) -> None:
        """Print one line; steps that begin anew are the next stage."""
        self.stage += progress.step < self.last
        self.last = progress.step
        self.console.print(
            f"stage {self.stage}  step {progress.step}/{progress.steps}  {line(progress)}",
            soft_wrap=True,
            highlight=False,
        )


class Display:
    """One bar per stage."""

    def __init__(self, name: str, console: Console) -> None:
        self.name = name
        self.bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(complete_style="cyan", finished_style="cyan"),
            TaskProgressColumn(),
            TextColumn("[dim]{task.fields[about]}"),
            console=console,
        )
        self.task = self.bars.add_task(f"{name}: reading what it is trained on", total=None, about="")
        self.stage, self.last = 1, 0

    def __enter__(self) -> Display:
        """Start to draw."""
        self.bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the bars as they are."""
        self.bars.stop()

    def step(self, progress: Step | Phase) -> None:
        """Move the bar; steps that begin anew are the next stage, with a bar of its own."""
        if progress.step < self.last:
            self.stage += 1
            self.task = self.bars.add_task("", about="")
        self.last = progress.step
        title = f"{self.name}, stage {self.stage}"
        total, done = progress.steps, progress.step
        self.bars.update(self.task, total=total, completed=done, description=title, about=line(progress))
