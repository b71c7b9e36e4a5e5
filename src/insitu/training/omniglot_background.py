"""Omniglot backbone of 964 background characters only, 1 million weights, 32 pixels; evaluation characters are unseen.

The recipe is that of ``omniglot``, shorter and with less warping, and nothing was chosen by results.
"""

from __future__ import annotations

from dataclasses import replace

from insitu.backbones.resnet12 import ResNet12
from insitu.data.omniglot_background import OmniglotBackground
from insitu.training import omniglot
from insitu.training.backbone_jobs import BackboneJob

JOB = BackboneJob(
    data_set=OmniglotBackground(),
    backbone=ResNet12(widths=(32, 64, 128, 128), dim=512, channels=1),
    pretrain=replace(omniglot.JOB.pretrain, epochs=24, cut=10, tail=4, warp=0.12, rotations=0.5),
    image_size=32,
    examples=2,
)
