"""How long few-shot classes hold in devices: miniImageNet, a second to ten years after each session was written.

Every cell has its own age: a class of session 1 is seven hours older than one of session 8 when both are tested.
Without compensation of drift, with one factor for all columns, with a factor per column, and with devices that are
written again each day, month or year, at a cost of pulses and of endurance, which the report counts. Not published; the
device models are fitted to drift over hours to months, so that years extrapolate their power laws.
"""

from __future__ import annotations

from dataclasses import replace

from insitu import metrics
from insitu.devices.pcm_hermes2022 import PcmHermes2022
from insitu.devices.rram_wan2022 import RramWan2022
from insitu.experiments import Claim, Experiment, Variant
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.learners.nearest_mean import NearestMean
from insitu.learners.refreshed_memory import RefreshedMemory
from insitu.scenarios.few_shot_sessions import FewShotSessions
from insitu.substrates.crossbar import Crossbar

SECOND_S, MINUTE_S, HOUR_S, DAY_S, MONTH_S, YEAR_S = 1.0, 60.0, 3600.0, 86_400.0, 2_592_000.0, 31_536_000.0
AGES_S = (SECOND_S, MINUTE_S, HOUR_S, DAY_S, MONTH_S, YEAR_S, 10 * YEAR_S)
DRIFTING, COLUMN = ExplicitMemory(Crossbar()), ExplicitMemory(Crossbar(compensation="column"))
HERMES = Crossbar(PcmHermes2022(), pairs=1)
PROGRAMMED = ExplicitMemory(HERMES, support="program")

EXPERIMENT = Experiment(
    paper="",
    scenario=FewShotSessions(data_set="miniimagenet"),
    learner=COLUMN,
    baseline=NearestMean(),
    names=("float", "factor per column"),
    ages_s=AGES_S,
    variants=(
        Variant("uncompensated", DRIFTING),
        Variant("one factor", ExplicitMemory(Crossbar(compensation="global"))),
        Variant("written again daily", RefreshedMemory(DRIFTING, DAY_S)),
        Variant("written again monthly", RefreshedMemory(DRIFTING, MONTH_S)),
        Variant("per column and yearly", RefreshedMemory(COLUMN, YEAR_S)),
        Variant("programmed", PROGRAMMED),
        Variant("programmed, per column", replace(PROGRAMMED, substrate=replace(HERMES, compensation="column"))),
        Variant("resistive, programmed", ExplicitMemory(Crossbar(RramWan2022()), support="program")),
    ),
    claims=tuple(
        Claim(
            f"{what}, ten years old, below float, mean of sessions",
            published="not published",
            measure=metrics.mean_gap("overall", AGES_S[-1], SECOND_S, ("baseline", arm)),
            at_most=at_most,
            where="own target" if at_most else "",
        )
        for what, arm, at_most in (
            ("factor per column", "learner", 1.0),
            ("uncompensated", "uncompensated", None),
            ("written again monthly", "written again monthly", 1.0),
        )
    ),
)

QUICK = replace(
    EXPERIMENT,
    seeds=1,
    ages_s=(SECOND_S, MONTH_S, 10 * YEAR_S),
    variants=(EXPERIMENT.variants[0], EXPERIMENT.variants[3]),
)
