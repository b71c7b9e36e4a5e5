"""Short tasks of a few classes and shots in vectors of a frozen backbone, each learned by a memory without classes.

Examples hold many tasks of equal size, all with all ways: x is (tasks, n, features) float32, and labels are (tasks, n)
int64 from 0 to ways - 1. The classes of the base prepare a learner, which does not know them afterwards.

Rows, one for all tasks: ``classes``, the ways of a task; ``overall``, the mean accuracy over tasks in percent;
``interval``, half of its 95 % interval over tasks; ``tasks``; and the learner's own totals, divided by the tasks.
"""

from __future__ import annotations

from insitu.core import InsituError
from insitu.protocols import Column, Examples, Inputs, Protocol
from insitu.protocols.episodes import score
from insitu.protocols.few_shot_sessions import FewShotBase
from insitu.protocols.tasks import task_learner, ways_in
from insitu.protocols.vectors import check_queries, described


def check_tasks(examples: Examples, features: int) -> int:
    """Return the ways of tasks; raise ``InsituError`` unless x is (tasks, n, features), with labels of all ways."""
    if getattr(examples.x, "ndim", 0) != 3:
        raise InsituError(f"x of tasks is float32 (tasks, n, {features}); got {described(examples.x)}; reshape it")
    check_queries(examples.x.flatten(0, 1), features)
    return ways_in(examples)


PROTOCOL = Protocol(
    name="few_shot_tasks",
    title="few-shot tasks",
    step="step",
    base=FewShotBase,
    inputs=(Inputs.FEATURES,),
    columns=(Column("overall", "accuracy", gap=True),),
    headline="overall accuracy in percent",
    continues=False,
    score=score,
    verbs=(task_learner,),
)
