"""CIFAR-100 backbone: 60 base classes, two million weights, 32 pixels. Not shipped: not trained on the real archive."""

from __future__ import annotations

from insitu.backbones.resnet12 import ResNet12
from insitu.data.cifar100 import Cifar100
from insitu.training.backbone_jobs import BackboneJob
from insitu.training.pretrain import Pretrain

JOB = BackboneJob(
    data_set=Cifar100(),
    backbone=ResNet12(widths=(32, 64, 128, 256), dim=512),
    pretrain=Pretrain(epochs=60, first_size=24, last_size=32, area=0.35, colours=0.2, mix=0.3),
    mirror=True,
    image_size=32,
)
