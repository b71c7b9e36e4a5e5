"""The outer loop of every training: step, report, checkpoint, stop, resume. A stage states what one step does."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from insitu.training import checkpoint


class DivergedError(Exception):
    """Numbers of a step are not finite; the message says which."""


@dataclass(frozen=True)
class Report:
    """What a stage says of itself after a step."""

    phase: str  # the part of the training: "epoch 2.50"
    note: str = ""  # errors on held-out examples, in words
    held_out: float | None = None  # share of right answers on held-out examples


@dataclass(frozen=True)
class Progress:
    """What a training reports after each logging interval; loss, accuracy and speed are means over the interval."""

    step: int
    steps: int
    loss: float
    accuracy: float | None  # share of right answers on the training examples; None where nothing is classified
    per_s: float  # speed, in ``unit`` per second
    unit: str
    left_s: float
    report: Report


class Stage(ABC):
    """One training: its state, its step, and what it reports. ``run`` does the rest.

    Every draw of a step derives from (seed, step), so that a run that was stopped and resumed ends with exactly the
    weights of one that was not.
    """

    description: str  # architecture, recipe and data; a checkpoint of another description is refused
    steps: int
    unit: str = "images"
    per_step: int  # units of one step

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return ``network`` (tensors by name), ``optimiser`` and whatever else a checkpoint has to hold."""

    @abstractmethod
    def restore(self, state: dict[str, Any]) -> None:
        """Set the state to what ``state`` returned, after ``step`` steps."""

    @abstractmethod
    def step(self, done: int) -> tuple[float, float | None]:
        """Update the weights once after ``done`` steps; return the loss and the share of right answers.

        Raises ``DivergedError`` where numbers are not finite.
        """

    @abstractmethod
    def report(self, done: int) -> Report:
        """Return where the training is after ``done`` steps."""

    def saves(self, done: int) -> bool:
        """Return whether a checkpoint is due after ``done`` steps, whatever the time since the last."""
        return done == self.steps

    def reports(self, done: int) -> bool:
        """Return whether a report is due after ``done`` steps, whatever the time since the last."""
        return done == self.steps

    def steps_left(self, done: int) -> float:
        """Return the steps after ``done``, in units of the cost of the present one."""
        return self.steps - done

    def finish(self) -> None:  # noqa: B027  # most stages have nothing to do
        """Leave the network ready to use, after the last step."""


def run(
    stage: Stage,
    file: Path,
    save_s: float = 240.0,
    log_s: float = 15.0,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Progress]:
    """Run a stage to its end; yield progress every ``log_s``, write a checkpoint to ``file`` every ``save_s``.

    A second call with an equal stage continues from the checkpoint. Where ``stop()`` turns true, the state is saved
    and the iterator ends.
    """
    done = 0
    if state := checkpoint.load(file, stage.description):
        done = state["step"]
        stage.restore(state)
    logged = saved = time.monotonic()
    count, loss, right = 0, 0.0, 0.0
    while done < stage.steps:
        try:
            step_loss, step_right = stage.step(done)
        except DivergedError as error:
            raise checkpoint.diverged(file, done, str(error)) from error
        done, count = done + 1, count + 1
        loss, right = loss + step_loss, right + (step_right or 0.0)
        now = time.monotonic()
        stopping = stop()  # queried once, so that the step that ends the run is the one that was saved
        if stage.saves(done) or now - saved > save_s or stopping:
            checkpoint.save(file, stage.description, {**stage.state(), "step": done})
            saved = time.monotonic()
        if stage.reports(done) or now - logged > log_s:
            per_s = count * stage.per_step / max(now - logged, 1e-9)
            left_s = stage.steps_left(done) * stage.per_step / per_s
            accuracy = None if step_right is None else right / count
            yield Progress(done, stage.steps, loss / count, accuracy, per_s, stage.unit, left_s, stage.report(done))
            logged, count, loss, right = time.monotonic(), 0, 0.0, 0.0
        if stopping:
            return
    stage.finish()
