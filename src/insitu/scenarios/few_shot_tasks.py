"""N-way K-shot tasks of classes outside a backbone's base, in its vectors, for memories that start empty.

By default of the 659 evaluation characters of Omniglot, by a backbone that has seen the 964 background characters
alone (the setting of Karunaratne et al., Nat. Commun. 12, 2468, 2021). Within a task, classes are drawn without
replacement and all images are different.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from insitu.backbones import trained
from insitu.core import InsituError
from insitu.protocols import Protocol, Session, few_shot_tasks
from insitu.protocols.few_shot_sessions import FewShotBase
from insitu.scenarios import Scenario
from insitu.scenarios.checks import check_data_set
from insitu.scenarios.embeddings import Embedded, load
from insitu.scenarios.tasks import check_drawing, check_ways, divided, draw_rows, rows_of_classes, task_generator


@dataclass(frozen=True)
class FewShotTasks(Scenario[FewShotBase]):
    """Short tasks of new classes in vectors of a frozen backbone, many in a batch; each starts without classes."""

    protocol: ClassVar[Protocol] = few_shot_tasks.PROTOCOL

    data_set: str = "omniglot-background"  # name of a data set with classes outside the base
    backbone: str = "omniglot_background"  # name of the backbone that encodes the images, trained on the base alone
    ways: int = 5  # number of classes of a task
    shots: int = 1  # number of examples per class to learn from
    queries: int = 5  # number of examples per class to test
    tasks: int = 1000  # number of tasks
    batch_size: int = 100  # number of tasks that are learned together, in one session
    drawn_for: Literal["each-seed", "all-seeds"] = "each-seed"  # whether every seed draws its own tasks

    def __post_init__(self) -> None:
        counts = {name: getattr(self, name) for name in ("shots", "queries", "tasks", "batch_size")}
        check_drawing(self.ways, self.drawn_for, counts)

    def check(self, data: str) -> None:
        """See ``Scenario.check``."""
        super().check(data)
        check_data_set(self.data_set)
        trained.check(self.backbone, "images")

    def base(self, data: str) -> FewShotBase:
        """Return class means and examples of the base classes, none of which is in a task."""
        return self._embedded(data).base(known=False)

    def sessions(self, data: str, seed: int) -> Iterator[Session]:
        """Yield the tasks, ``batch_size`` in a session."""
        x, labels = self._embedded(data).novel()
        if not len(x):
            raise InsituError(f"{self.data_set} has no classes outside its base; take another data set")
        _, rows, counts = rows_of_classes(labels.numpy())
        check_ways(self.ways, len(rows))
        if self.shots + self.queries > counts.min():
            raise InsituError(
                f"tasks of {self.shots} shots and {self.queries} queries need {self.shots + self.queries} images of a "
                f"class; one has {counts.min()}: take fewer"
            )
        for number, start in enumerate(range(0, self.tasks, self.batch_size)):
            rng = task_generator(seed, self.drawn_for, number)
            shape = min(self.batch_size, self.tasks - start), self.ways, self.shots + self.queries
            drawn, _ = draw_rows(rows, counts, len(rows), shape, rng)
            support, queries = divided(x[drawn], self.shots)
            yield Session(number, 0.0, support, queries)

    def drawn(self, data: str) -> str:
        """See ``Scenario.drawn``: tasks, unless all seeds share them."""
        return "" if self.drawn_for == "all-seeds" else "sets of tasks"

    def describe(self, data: str) -> str:
        """See ``Scenario.describe``."""
        which = ", drawn for each seed" if self.drawn_for == "each-seed" else ""
        shape = f"{self.ways} ways, {self.shots} shots, {self.queries} queries per class"
        return f"{self._embedded(data).note}; {self.tasks} tasks of {shape}{which}"

    def _embedded(self, data: str) -> Embedded:
        return load(self.backbone, self.data_set, data)
