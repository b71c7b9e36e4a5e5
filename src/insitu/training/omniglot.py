"""Omniglot backbone that comes with the package: 1200 base characters only, 1.5 million weights, 32 pixels."""

from __future__ import annotations

from insitu.backbones.resnet12 import ResNet12
from insitu.data.omniglot import Omniglot
from insitu.training.backbone_jobs import BackboneJob
from insitu.training.pretrain import Pretrain

JOB = BackboneJob(
    data_set=Omniglot(),
    backbone=ResNet12(widths=(32, 64, 128, 192), dim=512, channels=1),
    # a mirrored or strongly cropped character is another character; a rotated one is a new class
    pretrain=Pretrain(
        epochs=100,
        batch_size=64,
        first_size=28,
        last_size=28,
        area=0.75,
        warp=0.18,
        colours=0.0,
        mix=0.0,
        rotations=0.5,
        flip=False,
    ),
    image_size=32,
    examples=2,
)
