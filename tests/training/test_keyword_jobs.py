"""The job behind added words: a backbone for every division, trained on its base words and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coloured import TINY, coloured
from insitu.backbones import weights_file
from insitu.backbones.binary_resnet import BinaryResnet
from insitu.backbones.inputs import to_batch
from insitu.core import InsituError
from insitu.data import DataSet, FewShotImages
from insitu.scenarios import latents
from insitu.scenarios.added_words import added_words
from insitu.training import keyword_jobs
from insitu.training.keyword_jobs import KeywordJob
from insitu.training.pretrain import Pretrain, Pretraining

LABELS = np.arange(9).repeat(6)


@dataclass(frozen=True)
class Words(DataSet):
    """Nine words in six recordings each."""

    terms = "none"

    def read(self) -> FewShotImages:
        return FewShotImages.split(coloured(LABELS), coloured(LABELS, 1))


JOB = KeywordJob(
    Words(),
    BinaryResnet(widths=(4, 8, 8, 8), depths=(1, 1, 1, 2)),
    Pretrain(batch_size=8, first_size=16, last_size=16, bfloat16=False),
).quick()


def test_each_backbone_hears_its_base_words_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = []

    class Watched(Pretraining):
        def __init__(self, recipe: Pretrain, network: Any, data: Any) -> None:
            heard.append(data)
            super().__init__(recipe, network, data)

    monkeypatch.setattr(keyword_jobs, "Pretraining", Watched)
    list(replace(JOB, base_images=4).train("words", tmp_path))
    pixels = coloured(LABELS).pixels
    for data, added in zip(heard, (0, 1, 4), strict=True):
        base = np.setdiff1d(np.arange(9), added_words(9, added, 0))
        assert data.names == tuple(f"class {c}" for c in base)
        assert np.bincount(data.labels).tolist() == [4] * len(base)
        assert np.array_equal(data.pixels[data.labels == 2], pixels[base[2] == LABELS][:4])
        network, card, _ = weights_file.load(tmp_path / f"words_{added}_0")
        assert f"{4 * len(base)} recordings of {', '.join(data.names)}; no other" in card["data"]
        assert latents.base(tmp_path / f"words_{added}_0").calibration.shape == (4 * len(base), 8)
        assert network.features(to_batch(pixels[:2], 16)).shape == (2, 8)


def test_a_stopped_job_ends_with_the_same_weights(tmp_path: Path) -> None:
    list(JOB.train("words", tmp_path / "whole"))
    answers = iter([False] * 15 + [True] * 2)
    list(JOB.train("words", tmp_path / "stopped", stop=lambda: next(answers)))
    list(JOB.train("words", tmp_path / "stopped"))
    files = sorted(file.name for file in (tmp_path / "whole").glob("*.safetensors"))
    assert len(files) == 3
    for name in files:
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "stopped" / name).read_bytes()


def test_a_backbone_without_latents_is_refused() -> None:
    with pytest.raises(InsituError, match=r"trains a backbone of 1-bit latents .binary_resnet.; got ResNet12"):
        replace(JOB, backbone=TINY)
