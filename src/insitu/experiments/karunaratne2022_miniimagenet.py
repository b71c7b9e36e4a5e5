"""miniImageNet, 60 old classes and 8 sessions of 5 new ones from 5 shots, superposed in phase-change memory.

Karunaratne et al., In-memory Realization of In-situ Few-shot Continual Learning with a Dynamically Evolving Explicit
Memory, ESSCIRC 2022 (arXiv 2207.06810). Published: the core is 1.28 to 2.5 points below full-precision software.

Variants: prototypes of new classes moved towards base prototypes, with a share and a sharpness chosen on base classes
(``training/base_mixing.py``); the paper's own write, one pulse per bipolar component and shot into one pair of devices,
with columns scaled by what the array itself shows; that scaling with the default write; and a linear head fitted jointly
to all classes, every class with the same weight, which keeps all examples (own choice of what imbalance-aware joint
training, arXiv 2503.10003, is on a frozen backbone).
"""

from __future__ import annotations

from dataclasses import replace

from insitu import metrics
from insitu.experiments import Claim, Experiment, Variant
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.learners.logistic import Logistic
from insitu.learners.nearest_mean import NearestMean
from insitu.scenarios.few_shot_sessions import FewShotSessions
from insitu.substrates.crossbar import Crossbar

FRESH_S, DAY_S, YEAR_S = 60.0, 86_400.0, 31_557_600.0
CORE = Crossbar(compensation="column")
MIX = {"base_mix": 0.4, "base_sharpness": 8.0}  # chosen by ``training/base_mixing.py``
MIXED, MIXED_PCM, PAPER, JOINT = "moved, float", "moved, PCM", "paper's write, PCM", "joint head, float"

EXPERIMENT = Experiment(
    paper="Karunaratne et al., ESSCIRC 2022, arXiv 2207.06810",
    scenario=FewShotSessions(data_set="miniimagenet"),
    learner=ExplicitMemory(CORE),
    baseline=NearestMean(),
    ages_s=(FRESH_S, DAY_S, YEAR_S),
    variants=(
        Variant(MIXED, NearestMean(**MIX)),
        Variant(MIXED_PCM, ExplicitMemory(CORE, **MIX)),
        Variant("scaled by itself, PCM", ExplicitMemory(CORE, calibrate=False)),
        Variant(PAPER, ExplicitMemory(replace(CORE, pairs=1), support="bipolar", pulses=1, calibrate=False)),
        Variant(JOINT, Logistic()),
    ),
    claims=(
        Claim(
            "PCM below float, mean of the nine sessions",
            published="1.28 to 2.5",
            measure=metrics.mean_gap("overall", FRESH_S, FRESH_S),
            at_most=1.28,
            where="headline of the paper",
        ),
        Claim(
            "PCM below float, novel classes at session 8",
            published="not published",
            measure=metrics.last_gap("novel", FRESH_S),
            at_most=2.0,
            where="own target",
        ),
        Claim(
            "PCM one day after writing below float, mean of sessions",
            published="not published",
            measure=metrics.mean_gap("overall", DAY_S, FRESH_S),
            at_most=2.5,
            where="own target",
        ),
        Claim(
            "PCM one year after writing below float, mean of sessions",
            published="not published",
            measure=metrics.mean_gap("overall", YEAR_S, FRESH_S),
            at_most=4.0,
            where="own target",
        ),
        Claim(
            "float, session 0",
            published="76.40 (C-FSCIL, 84 px, ResNet-12 of 12 M weights)",
            measure=metrics.at_session("baseline", "overall", 0, FRESH_S),
            at_least=66.0,
            where="Hersche et al., CVPR 2022",
            unit="%",
        ),
        Claim(
            "float, session 8",
            published="51.41 (C-FSCIL)",
            measure=metrics.at_session("baseline", "overall", -1, FRESH_S),
            at_least=43.0,
            where="Hersche et al., CVPR 2022",
            unit="%",
        ),
        Claim(
            "float, novel classes at session 8",
            published="about 28 to 31",
            measure=metrics.at_session("baseline", "novel", -1, FRESH_S),
            at_least=20.0,
            where="later papers on the same protocol",
            unit="%",
        ),
    ),
)

QUICK = replace(EXPERIMENT, seeds=2)
