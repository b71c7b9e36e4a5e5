"""CORe50 NICv2-391, learned by quantised CWR* over a frozen 1-bit backbone; not verified on the real archive.

Vorabbi, Maltoni and Santi, arXiv 2308.15308, with the 391 batches of Lomonaco et al. (2020), which hold new classes and
new images of known ones. With a float MobileNetV1, CWR* is published at 56.99 +- 0.91 percent.
"""

from __future__ import annotations

from dataclasses import replace

from insitu import metrics
from insitu.experiments import Claim, Experiment
from insitu.learners.cwr_star import CwrStar
from insitu.scenarios.class_stream import ClassStream

AGE_S = 60.0

EXPERIMENT = Experiment(
    paper="Vorabbi, Maltoni and Santi, arXiv 2308.15308; lists of Lomonaco et al., 2020",
    scenario=ClassStream(data_set="core50", kind="nicv2"),
    learner=CwrStar(outputs=50),
    baseline=CwrStar(forward_bits=0, update_bits=0, outputs=50),
    names=("float CWR*", "quantised CWR*"),
    seeds=5,
    data="images",
    ages_s=(AGE_S,),
    verified="the loader and the lists are tested on a fixture in the official layout, not on the real archive",
    claims=(
        Claim(
            "quantised below float CWR*, after the last batch",
            published="not readable",
            measure=metrics.last_gap("overall", AGE_S),
            at_most=0.5,
            where="own target",
        ),
    ),
)

QUICK = replace(EXPERIMENT, seeds=1)
