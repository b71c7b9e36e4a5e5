"""CIFAR-10 as 10 experiences of 500 new images of each class, learned by quantised CWR* over a frozen 1-bit backbone.

Vorabbi, Maltoni and Santi, arXiv 2308.15308; judged like the stream of new classes.
"""

from __future__ import annotations

from dataclasses import replace

from insitu.experiments import vorabbi2023_cifar10_nc as new_classes
from insitu.scenarios.class_stream import ClassStream

EXPERIMENT = replace(new_classes.EXPERIMENT, scenario=ClassStream(data_set="cifar10", kind="ni", experiences=10))

QUICK = replace(EXPERIMENT, data="package", seeds=2, sweep=())
