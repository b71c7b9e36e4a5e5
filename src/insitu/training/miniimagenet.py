"""miniImageNet backbone that comes with the package: 60 base classes only, two million weights, images at 48 pixels."""

from __future__ import annotations

from insitu.backbones.resnet12 import ResNet12
from insitu.data.miniimagenet import MiniImageNet
from insitu.training.backbone_jobs import BackboneJob
from insitu.training.pretrain import Pretrain

JOB = BackboneJob(
    data_set=MiniImageNet(),
    backbone=ResNet12(widths=(32, 64, 128, 256), dim=512),
    pretrain=Pretrain(epochs=52, cut=24, tail=18, first_size=28, last_size=40, area=0.35, colours=0.2, mix=0.3),
    mirror=True,
    image_size=48,
)
