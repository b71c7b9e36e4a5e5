"""CORe50 NICv2-391, learned by quantised CWR* over a frozen 1-bit backbone; not verified on the real archive.

Vorabbi, Maltoni and Santi, arXiv 2308.15308, with the 391 batches of Lomonaco et al. (2020), which hold new classes and
new images of known ones. With a float MobileNetV1, CWR* is published at 56.99 +- 0.91 percent.
"""

from __future__ import annotations

from dataclasses import replace

from insitu.experiments import vorabbi2023_cifar10_nc as new_classes
from insitu.learners.cwr_star import CwrStar
from insitu.scenarios.class_stream import ClassStream

EXPERIMENT = replace(
    new_classes.EXPERIMENT,
    scenario=ClassStream(data_set="core50", kind="nicv2"),
    learner=CwrStar(outputs=50),
    baseline=CwrStar(forward_bits=0, update_bits=0, outputs=50),
    sweep=(),
    verified="the loader and the lists are tested on a fixture in the official layout, not on the real archive",
)

QUICK = replace(EXPERIMENT, seeds=1)
