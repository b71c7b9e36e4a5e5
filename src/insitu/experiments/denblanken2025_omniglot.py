"""Omniglot, 250 new characters learned one after the other from ten drawings each, in phase-change memory.

den Blanken and Frenkel (arXiv 2505.24852) teach a 40 nm chip, Chameleon, in this way: 82.2 % at the end. The chip reads
drawings as sequences and encodes them itself; here the images are encoded in float by a backbone that was trained on
background characters alone, and only the memory is on devices.
"""

from __future__ import annotations

from dataclasses import replace

from insitu import metrics
from insitu.experiments import Claim, Experiment
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.learners.nearest_mean import NearestMean
from insitu.scenarios.one_after_another import OneAfterAnother
from insitu.substrates.crossbar import Crossbar

FRESH_S = 60.0

EXPERIMENT = Experiment(
    paper="den Blanken and Frenkel, Chameleon, arXiv 2505.24852 (2025)",
    scenario=OneAfterAnother(),
    learner=ExplicitMemory(substrate=Crossbar(compensation="column")),
    baseline=NearestMean(),
    ages_s=(FRESH_S,),
    claims=(
        Claim(
            "PCM, all characters at the end",
            published="82.2 (digital chip, encoder included)",
            measure=metrics.at_session("learner", "overall", -1, FRESH_S),
            at_least=82.2,
            where="abstract",
            unit="%",
        ),
        Claim(
            "float, all characters at the end",
            published="not published",
            measure=metrics.at_session("baseline", "overall", -1, FRESH_S),
            unit="%",
        ),
        Claim(
            "PCM below float at the end",
            published="not published",
            measure=metrics.last_gap("overall", FRESH_S),
        ),
    ),
)

QUICK = replace(EXPERIMENT, seeds=1)
