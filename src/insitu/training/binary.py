"""Binary backbone that comes with the package: 60 base classes of miniImageNet only, 6.3 million bits, 32 pixels."""

from __future__ import annotations

from insitu.backbones.binary_resnet import BinaryResnet
from insitu.data.miniimagenet import MiniImageNet
from insitu.training.backbone_jobs import BackboneJob
from insitu.training.pretrain import Pretrain

JOB = BackboneJob(
    data_set=MiniImageNet(),
    backbone=BinaryResnet(),
    pretrain=Pretrain(
        epochs=18,
        cut=12,
        tail=4,
        optimiser="adam",
        learning_rate=2e-3,
        weight_decay=0.0,
        first_size=24,
        last_size=32,
        area=0.35,
        colours=0.2,
        mix=0.2,
    ),
    image_size=32,
    streams=("cifar10",),
)
