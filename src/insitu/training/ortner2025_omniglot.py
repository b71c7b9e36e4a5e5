"""Meta-trained weights for Omniglot, 5 ways of 5 shots: 964 background characters in four rotations, 85 456 weights."""

from __future__ import annotations

from insitu.backbones.conv4 import Conv4
from insitu.data.omniglot import Omniglot
from insitu.training.maml import MetaTrain
from insitu.training.meta_jobs import MetaJob

# about a quarter of the iterations of the paper, each with twice the tasks: an hour or two of one core
JOB = MetaJob(data_set=Omniglot(), backbone=Conv4(), recipe=MetaTrain(iterations=8000), shipped=250)
