"""CIFAR-10 as 10 experiences of 500 new images of each class: replay of 1-bit latents against CWR* alone.

Vorabbi et al., arXiv 2401.09916; judged like the stream of new classes. All classes are known after the first
experience, and the store keeps equal shares of what every experience brought.
"""

from __future__ import annotations

from dataclasses import replace

from insitu import metrics
from insitu.experiments import Claim
from insitu.experiments import vorabbi2024_latent_replay as new_classes
from insitu.scenarios.class_stream import ClassStream

EXPERIMENT = replace(
    new_classes.EXPERIMENT,
    scenario=ClassStream(data_set="cifar10", kind="ni", experiences=10, give="latents"),
    claims=(
        Claim(
            "latent replay above CWR* alone, after the last experience",
            published="gains, table not readable",
            measure=metrics.last_gain("overall", new_classes.AGE_S),
            at_least=0.0,
            where="own target",
        ),
    ),
)

QUICK = replace(EXPERIMENT, data="package", seeds=1)
