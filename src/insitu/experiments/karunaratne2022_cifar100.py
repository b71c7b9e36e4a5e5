"""CIFAR-100, 60 old classes and 8 sessions of 5 new ones from 5 shots, superposed in phase-change memory.

Karunaratne et al., ESSCIRC 2022 (arXiv 2207.06810), the same code as for miniImageNet. Not verified on the real
archive, which was not available: fetch it (``insitu data get cifar100``), train the backbone
(``insitu train cifar100``) and run with ``--data images``.
"""

from __future__ import annotations

from dataclasses import replace

from insitu import metrics
from insitu.experiments import Claim, Experiment
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.learners.nearest_mean import NearestMean
from insitu.scenarios.few_shot_sessions import FewShotSessions
from insitu.substrates.crossbar import Crossbar

FRESH_S = 60.0

EXPERIMENT = Experiment(
    paper="Karunaratne et al., ESSCIRC 2022, arXiv 2207.06810",
    scenario=FewShotSessions(data_set="cifar100"),
    learner=ExplicitMemory(substrate=Crossbar(compensation="column")),
    baseline=NearestMean(),
    data="images",
    ages_s=(FRESH_S,),
    verified="not verified on the real archive",
    claims=(
        Claim(
            "PCM below float, mean of the nine sessions",
            published="1.28 to 2.5",
            measure=metrics.mean_gap("overall", FRESH_S, FRESH_S),
            at_most=1.28,
            where="headline of the paper",
        ),
        Claim(
            "float, session 8",
            published="50.23 (C-FSCIL)",
            measure=metrics.at_session("baseline", "overall", -1, FRESH_S),
            where="Hersche et al., CVPR 2022",
            unit="%",
        ),
    ),
)

QUICK = replace(EXPERIMENT, seeds=1)
