"""How long a meta-trained network holds in devices: Omniglot tasks from one second to ten years after it was written.

The age is the time from writing convolutions and head to the first step on a task, as in
``ortner2025_omniglot_devices``; what a step programs is as young as the task. Without compensation of drift,
with one factor for all columns, with a factor per column, and with a network that is written again each month or year;
and an explicit memory behind the same convolutions. Published for a chip as old as it was (Ortner, Petschenig et al.,
2025); years extrapolate power laws that were fitted to hours and months.
"""

from __future__ import annotations

from dataclasses import replace

from insitu import metrics
from insitu.experiments import Claim, Experiment, Variant
from insitu.experiments.ortner2025_omniglot import PCM, STEPS
from insitu.experiments.retention import AGES_S, MONTH_S, SECOND_S, YEAR_S
from insitu.learners.maml import Maml
from insitu.learners.refreshed_maml import RefreshedMaml
from insitu.learners.task_memory import TaskMemory
from insitu.scenarios.episodes import Episodes
from insitu.substrates.digital import Digital

COLUMN = replace(PCM, compensation="column")
DRIFTING = Maml(substrate=replace(PCM, compensation="none"))

EXPERIMENT = Experiment(
    paper="",
    scenario=Episodes(tasks=100, drawn_for="all-seeds"),
    learner=Maml(substrate=COLUMN),
    baseline=Maml(substrate=Digital()),
    names=("float", "factor per column"),
    data="images",
    ages_s=AGES_S,
    variants=(
        Variant("uncompensated", DRIFTING),
        Variant("one factor", Maml(substrate=replace(PCM, compensation="global"))),
        Variant("written again monthly", RefreshedMaml(DRIFTING, MONTH_S)),
        Variant("per column and yearly", RefreshedMaml(Maml(substrate=COLUMN), YEAR_S)),
        Variant("memory, per column", TaskMemory(substrate=COLUMN)),
    ),
    claims=tuple(
        Claim(
            f"{what}, ten years old, below float after four steps",
            published="not published",
            measure=metrics.gap_between("baseline", arm, STEPS, AGES_S[-1], SECOND_S),
        )
        for what, arm in (("factor per column", "learner"), ("uncompensated", "uncompensated"))
    ),
)

QUICK = replace(EXPERIMENT, data="package", seeds=1, ages_s=(SECOND_S, MONTH_S, AGES_S[-1]))
