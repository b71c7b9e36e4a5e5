"""miniImageNet few-shot sessions in phase-change memory over the signs of a 1-bit backbone; not published.

The explicit memory of Karunaratne et al. (ESSCIRC 2022) over the binary network of Vorabbi et al.: a vector is 512
bits, so a shot is one bipolar pattern of SET pulses and a query is a pattern of full pulses, and nothing is lost
between bits and cells. The baseline takes the same bits; the loss of accuracy to float features is not judged here.
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
    paper="own combination: Karunaratne et al., ESSCIRC 2022, and Vorabbi et al., arXiv 2308.15308",
    scenario=FewShotSessions(data_set="miniimagenet", backbone="binary"),
    learner=ExplicitMemory(
        substrate=Crossbar(compensation="column"), projection="identity", support="bipolar", pulses=1
    ),
    baseline=NearestMean(projection="identity"),
    names=("exact", "device"),
    ages_s=(FRESH_S,),
    claims=(
        Claim(
            "PCM below exact numbers, mean of the nine sessions",
            published="not published (1.28 to 2.5 over a float backbone)",
            measure=metrics.mean_gap("overall", FRESH_S, FRESH_S),
            at_most=1.28,
            where="own target",
        ),
    ),
)

QUICK = replace(EXPERIMENT, seeds=2)
