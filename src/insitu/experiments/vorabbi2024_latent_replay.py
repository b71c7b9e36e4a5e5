"""CIFAR-10 as 5 experiences of 2 new classes: replay of 1-bit latents against CWR* alone, over a 1-bit backbone.

Vorabbi et al., arXiv 2401.09916: 300 latents of 4 x 4 x 512 bits take 300 KiB, 1/32 of what they take in float, and the
last binary block is trained too, by quantised back-propagation. Its table of accuracies could not be read.
"""

from __future__ import annotations

from dataclasses import replace

from insitu import metrics
from insitu.experiments import Claim, Experiment, Variant
from insitu.experiments.vorabbi2023_cifar10_nc import RATE
from insitu.learners.cwr_star import CwrStar
from insitu.learners.latent_replay import LatentReplay
from insitu.scenarios.class_stream import ClassStream

AGE_S = 60.0
FROZEN = "tail frozen"
LAST = 4  # number of the last experience

EXPERIMENT = Experiment(
    paper="Vorabbi et al., arXiv 2401.09916",
    scenario=ClassStream(data_set="cifar10", kind="nc", experiences=5, give="latents"),
    learner=LatentReplay(),
    baseline=CwrStar(learning_rate=RATE),
    names=("CWR* alone", "latent replay"),
    seeds=5,
    data="images",
    variants=(Variant(FROZEN, LatentReplay(tail_learning_rate=0.0, noise=0.0)),),
    ages_s=(AGE_S,),
    claims=(
        Claim(
            "latent replay above CWR* alone, after the last experience",
            published="gains, table not readable",
            measure=metrics.last_gain("overall", AGE_S),
            at_least=5.0,
            where="own target",
        ),
        Claim(
            "trained tail above the same learner with the tail frozen, after the last experience",
            published="gains, table not readable",
            measure=metrics.gap_between("learner", FROZEN, LAST, AGE_S, AGE_S),
            at_least=1.5,
            where="own target",
        ),
        Claim(
            "memory of 300 replayed latents; a thirtieth of it in float32 is 320",
            published="300 (9.4 MiB in float32)",
            measure=metrics.last_count("spent_replay_bytes", per=1024.0),
            at_most=320.0,
            where="headline of the paper",
            unit="KiB",
        ),
    ),
)

QUICK = replace(EXPERIMENT, data="package", seeds=1)
