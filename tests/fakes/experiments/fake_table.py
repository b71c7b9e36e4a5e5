"""A table of a paper that does not exist: blobs learned by a noisy memory.

It stands in for a real experiment where only the command line is tested.
"""

from __future__ import annotations

from dataclasses import replace

from insitu.learners.noisy_mean import Held, NoisyMean
from insitu.scenarios.gaussian_stream import GaussianStream

from insitu import metrics
from insitu.experiments import Claim, Experiment

MINUTE = 60.0

EXPERIMENT = Experiment(
    paper="Nobody, Journal of Nothing, 2022",
    scenario=GaussianStream(steps=3),
    learner=NoisyMean(noise=0.3, held=Held(adc_bits=8)),
    baseline=NoisyMean(),
    seeds=3,
    ages_s=(MINUTE, 86400.0),
    verified="the archive is made up",
    claims=(
        Claim("gap", "1.3 to 2.5", metrics.mean_gap("overall", MINUTE, MINUTE), at_most=50.0, where="abstract"),
        Claim("end", "51.4", metrics.at_session("baseline", "overall", -1, MINUTE), at_least=100.5, where="table 2"),
        Claim("ten years", "not published", metrics.mean_gap("overall", 3e8, MINUTE), at_most=4.0, where="own target"),
        Claim("drop", "26.2", metrics.drop("learner", MINUTE)),
    ),
)
QUICK = replace(EXPERIMENT, seeds=1, scenario=GaussianStream(steps=1), ages_s=(MINUTE,))
