"""miniImageNet backbone that comes with the package: 60 base classes only, 3.7 million weights, images at 92 pixels.

Own choice: squares of two by two pixels become channels before the first block, so that the blocks work on 46 pixels.
"""

from __future__ import annotations

from insitu.backbones.resnet12 import ResNet12
from insitu.data.miniimagenet import MiniImageNet
from insitu.training.backbone_jobs import BackboneJob
from insitu.training.pretrain import Pretrain

JOB = BackboneJob(
    data_set=MiniImageNet(),
    backbone=ResNet12(widths=(48, 96, 192, 320), dim=512, stem=2),
    pretrain=Pretrain(epochs=80, first_size=48, last_size=80, area=0.3, colours=0.2, mix=0.3),
    mirror=True,
    image_size=92,
)
