"""Binary backbones for keywords added on the device: spoken digits of four speakers, on ten, nine and six words."""

from __future__ import annotations

from insitu.backbones.binary_resnet import BinaryResnet
from insitu.data.spoken_digits import SpokenDigits
from insitu.training.keyword_jobs import KeywordJob
from insitu.training.pretrain import Pretrain

JOB = KeywordJob(
    data_set=SpokenDigits(),
    backbone=BinaryResnet(widths=(24, 48, 96, 96), depths=(1, 1, 1, 2)),
    image_size=24,
    pretrain=Pretrain(
        epochs=30,
        batch_size=64,
        optimiser="adam",
        learning_rate=3e-3,
        weight_decay=0.0,
        first_size=24,
        last_size=24,
        area=0.6,
        warp=0.1,
        mix=0.2,
        flip=False,
        bfloat16=False,
    ),
)
