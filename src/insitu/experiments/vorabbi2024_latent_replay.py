"""CIFAR-10 as 5 experiences of 2 new classes: replay of 1-bit latents against CWR* alone, over a 1-bit backbone.

Vorabbi et al., arXiv 2401.09916: 300 latents of 4 x 4 x 512 bits take 300 KiB, 1/32 of what they take in float, and the
last binary block is trained too, by quantised back-propagation. Its table of accuracies could not be read.
"""

from __future__ import annotations

from dataclasses import replace

from insitu import metrics
from insitu.experiments import Claim, Experiment
from insitu.learners.cwr_star import CwrStar
from insitu.learners.latent_replay import LatentReplay
from insitu.scenarios.class_stream import ClassStream

AGE_S = 60.0

EXPERIMENT = Experiment(
    paper="Vorabbi et al., arXiv 2401.09916",
    scenario=ClassStream(data_set="cifar10", kind="nc", experiences=5, give="latents"),
    learner=LatentReplay(),
    baseline=CwrStar(),
    names=("CWR* alone", "latent replay"),
    seeds=5,
    data="images",
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
            "memory of the replayed latents, as a share of float32 latents",
            published="1/32",
            measure=metrics.share_of("spent_replay_bytes", "spent_replay_float_bytes"),
            at_most=1 / 30,
            where="headline of the paper",
            unit="",
        ),
    ),
)

QUICK = replace(EXPERIMENT, data="package", seeds=1)
