"""CIFAR-10 as 5 experiences of 2 new classes, learned by quantised CWR* over a frozen 1-bit backbone.

Vorabbi, Maltoni and Santi, arXiv 2308.15308. Its accuracies could not be read, and backbones differ, so what is judged
is the quantised head against the float one on the same features.
"""

from __future__ import annotations

from dataclasses import replace

from insitu import metrics
from insitu.experiments import Claim, Experiment
from insitu.learners.cwr_star import CwrStar
from insitu.scenarios.class_stream import ClassStream

AGE_S = 60.0
RATE = 0.04  # own choice, on a tenth of the training images held out, since our features are not the paper's

EXPERIMENT = Experiment(
    paper="Vorabbi, Maltoni and Santi, arXiv 2308.15308",
    scenario=ClassStream(data_set="cifar10", kind="nc", experiences=5),
    learner=CwrStar(learning_rate=RATE),
    baseline=CwrStar(forward_bits=0, update_bits=0, learning_rate=RATE),
    names=("float CWR*", "quantised CWR*"),
    sweep=(("forward_bits", (2, 4, 6, 8, 16)), ("update_bits", (2, 4, 6, 8, 16))),
    data="images",
    ages_s=(AGE_S,),
    claims=(
        Claim(
            "quantised below float CWR*, after the last experience",
            published="not readable",
            measure=metrics.last_gap("overall", AGE_S),
            at_most=0.5,
            where="own target",
        ),
    ),
)

QUICK = replace(EXPERIMENT, data="package", seeds=2, sweep=())
