"""Progress of a run: bars and a growing table in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from insitu.experiments import Experiment
from insitu.metrics import Row
from insitu.report import formatting
from insitu.report.seed_cache import Seed, Watcher

KEPT_LINES = 8  # lines of the growing table: the last four seeds of two arms


def watcher(name: str, experiment: Experiment, console: Console) -> Plain | Display:
    """Return the display that suits ``console``, of the headline of the experiment's protocol."""
    return (Display if console.is_terminal else Plain)(name, experiment, console)


class Plain(Watcher):
    """One line per finished seed and arm, for logs."""

    def __init__(self, name: str, experiment: Experiment, console: Console) -> None:
        self.name, self.experiment, self.console = name, experiment, console
        self.started, self.arm = 0.0, Series(experiment)

    def __enter__(self) -> Plain:
        """Print what starts."""
        protocol = self.experiment.scenario.protocol
        steps = f"{protocol.step} by {protocol.step}"
        count = self.experiment.seeds
        self._say(f"{self.name}: {count} seed{'s' * (count > 1)}; {protocol.headline}, {steps}")
        return self

    def __exit__(self, *_: object) -> None:
        """Print nothing."""

    def begin(self, seed: int) -> None:
        """Start the clock."""
        self.started, self.arm = time.monotonic(), Series(self.experiment)

    def row(self, row: Row) -> None:
        """Print a line when the next arm begins."""
        if self.arm.add(row):
            self._line(self.arm)
            self.arm = Series(self.experiment)
            self.arm.add(row)

    def end(self, seed: Seed, reused: bool) -> None:
        """Print the last arm, or that the seed was reused."""
        if reused:
            self._say(f"seed {seed.number}: found finished, not computed again")
        else:
            self._line(self.arm)

    def _line(self, arm: Series) -> None:
        spent = f"({time.monotonic() - self.started:.1f} s)"
        self._say(f"{arm.name}: {' '.join(arm.values)} {spent}")

    def _say(self, text: str) -> None:
        self.console.print(text, soft_wrap=True, highlight=False, markup=False)


class Series:
    """The headline of one seed and arm, session by session, at the first age."""

    def __init__(self, experiment: Experiment) -> None:
        self.measure = experiment.scenario.protocol.columns[0]
        self.names = dict(zip(formatting.ARMS, experiment.names, strict=True))
        self.label, self.values = ("", ""), list[str]()  # seed and arm
        self.sessions: set[int] = set()

    def add(self, row: Row) -> bool:
        """Add the row; return True, adding nothing, where it belongs to another seed or arm."""
        label = str(row["seed"]), str(row["arm"])
        if self.label not in (("", ""), label):
            return True
        self.label = label
        session = int(row["session"])
        if session not in self.sessions:
            self.sessions.add(session)
            self.values.append(f"{float(row[self.measure.name]):.{self.measure.digits}f}")
        return False

    @property
    def name(self) -> str:
        """Seed and arm, as the experiment calls it; '' before the first row."""
        seed, arm = self.label
        return f"seed {seed} {self.names.get(arm, arm)}" if seed else ""


class Display(Watcher):
    """Two bars (seeds, rows of this seed) above the latest values of the headline."""

    def __init__(self, name: str, experiment: Experiment, console: Console) -> None:
        self.experiment = experiment
        self.bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None, complete_style="cyan", finished_style="cyan"),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            expand=True,
        )
        self.seeds: TaskID = self.bars.add_task(name, total=experiment.seeds)
        self.rows: TaskID = self.bars.add_task("rows of this seed", total=None)
        self.arms = [Series(experiment)]
        self.live = Live(self._view(), console=console, refresh_per_second=8, transient=True)

    def __enter__(self) -> Display:
        """Start drawing."""
        self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the display; the tables of the report follow."""
        self.live.stop()

    def begin(self, seed: int) -> None:
        """Reset the lower bar; after the first seed its length is known."""
        task = next(task for task in self.bars.tasks if task.id == self.rows)
        self.bars.reset(self.rows, total=task.completed or None, description=f"seed {seed}")

    def row(self, row: Row) -> None:
        """Advance the lower bar and add the value to the table."""
        if self.arms[-1].add(row):
            self.arms = [*self.arms[1 - KEPT_LINES :], Series(self.experiment)]
            self.arms[-1].add(row)
        self.bars.advance(self.rows)
        self.live.update(self._view())

    def end(self, seed: Seed, reused: bool) -> None:
        """Advance the upper bar."""
        self.bars.advance(self.seeds)
        if reused:
            self.bars.update(self.rows, description=f"seed {seed.number} was finished")
        self.live.update(self._view())

    def _view(self) -> Group:
        sessions = max(len(arm.values) for arm in self.arms)
        table = Table(box=None, padding=(0, 1, 0, 0), show_header=False, pad_edge=False)
        table.add_column()
        for _ in range(sessions):
            table.add_column(justify="right", no_wrap=True)
        table.add_row(self.experiment.scenario.protocol.step, *map(str, range(sessions)), style="dim")
        for arm in self.arms:
            style = "dim" if arm.label[1] == "baseline" else ""
            table.add_row(escape(arm.name), *arm.values, *[""] * (sessions - len(arm.values)), style=style)
        return Group(self.bars, table)
