"""The published architecture and size on miniImageNet: ResNet-12 of 64 to 640 filters, 84 pixels. Not run here.

C-FSCIL (Hersche et al., CVPR 2022) as its code has it: 12.4 million weights, whole images of 84 pixels, and stage 2,
episodes of 60 ways with its own loss over all layers. Far too slow for a processor: for those who have a CUDA device.
Own choices are those of ``pretrain``.
"""

from __future__ import annotations

from insitu.backbones.resnet12 import ResNet12
from insitu.data.miniimagenet import MiniImageNet
from insitu.training.backbone_jobs import BackboneJob
from insitu.training.metalearn import Metalearn
from insitu.training.pretrain import Pretrain

JOB = BackboneJob(
    data_set=MiniImageNet(),
    backbone=ResNet12(),
    pretrain=Pretrain(epochs=120, first_size=84, last_size=84, area=0.35, colours=0.4, mix=0.3, rotations=0.25),
    metalearn=Metalearn(layers="all", loss="softabs", size=84),
    mirror=True,
    image_size=84,
)
