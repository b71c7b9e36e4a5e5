"""A job from images to shipped files: it goes through every stage, resumes, and never sees a novel or test image."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from coloured import TINY, coloured
from insitu import catalog
from insitu.backbones import trained, weights_file
from insitu.backbones.conv4 import Conv4
from insitu.core import InsituError
from insitu.data import DataSet, FewShotImages
from insitu.scenarios import embeddings
from insitu.scenarios.few_shot_sessions import FewShotSessions
from insitu.training import backbone_jobs
from insitu.training.backbone_jobs import BackboneJob
from insitu.training.metalearn import Metalearn
from insitu.training.pretrain import Pretrain

BASE = np.arange(4).repeat(12)
SHOTS = np.arange(4, 8).repeat(3)  # two sessions of two classes
TESTS = np.arange(8).repeat(4)
JOBS = [part for part in catalog.parts("training") if isinstance(catalog.load(part), BackboneJob)]


@dataclass(frozen=True)
class Coloured(DataSet):
    """Four old and four new classes of coloured noise."""

    novel_seed: int = 0  # of every image that training must not see

    def read(self) -> FewShotImages:
        base, shots, tests = coloured(BASE), coloured(SHOTS, self.novel_seed + 1), coloured(TESTS, self.novel_seed + 2)
        pixels, labels = np.concatenate([base.pixels, shots.pixels]), np.concatenate([BASE, SHOTS])
        session = np.where(labels < 4, 0, (labels - 4) // 2 + 1)
        return FewShotImages(replace(base, pixels=pixels, labels=labels), session, tests)


JOB = BackboneJob(
    Coloured(),
    TINY,
    pretrain=Pretrain(batch_size=8, rotations=0.2),
    refine=Pretrain(batch_size=8, seed=1),
    metalearn=Metalearn(ways=3, support=2, query=3, size=16),
    mirror=True,
    examples=5,
).quick()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("job")
    lines = list(JOB.train("coloured", out))
    assert [(line.step, line.steps) for line in lines] == [(12, 12), (12, 12), (20, 20)]  # how stages end
    return out


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    embeddings.load.cache_clear()
    yield
    embeddings.load.cache_clear()


def test_a_quick_job_writes_the_three_files(made: Path) -> None:
    assert sorted(path.name for path in made.iterdir()) == [
        "checkpoints",
        "coloured.embeddings.npz",
        "coloured.json",
        "coloured.safetensors",
    ]


def test_the_card_says_how_the_weights_came_about(made: Path) -> None:
    card = json.loads((made / "coloured.json").read_text())
    assert card["record"]["widths"] == list(TINY.widths)
    assert (card["image_size"], card["examples"], card["mirror"]) == (16, 5, True)
    assert card["data"] == "coloured: 48 images of 4 base classes, no other image was seen"
    assert [card["recipe"][stage]["epochs"] for stage in ("pretrain", "refine")] == [2, 2]
    assert card["recipe"]["refine"]["seed"] == 1
    assert card["recipe"]["metalearn"]["episodes"] == 20
    assert card["torch"] == torch.__version__
    assert card["commit"]
    assert "accuracy" not in card  # of tests, by which nothing is to be chosen


def test_a_scenario_runs_on_what_a_job_wrote(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trained, "FOLDER", made)
    sessions = list(FewShotSessions("coloured", shots=3).sessions("package", 0))
    assert [len(session.test) for session in sessions] == [16, 24, 32]
    base = FewShotSessions("coloured").base("package")
    assert base.means.shape == (4, TINY.widths[-1])
    assert len(base.examples) == 4 * 5
    network, _, _ = weights_file.load(made / "coloured")
    assert torch.equal(base.weight, network.project.weight)


def test_the_same_call_trains_nothing_again(made: Path) -> None:
    before = {path: path.read_bytes() for path in made.glob("checkpoints/*")}
    weights = (made / "coloured.safetensors").read_bytes()
    assert list(JOB.train("coloured", made)) == []
    assert {path: path.read_bytes() for path in made.glob("checkpoints/*")} == before
    assert (made / "coloured.safetensors").read_bytes() == weights


def test_no_novel_and_no_test_image_is_ever_seen(made: Path, tmp_path: Path) -> None:
    other = replace(JOB, data_set=Coloured(novel_seed=50))
    list(other.train("coloured", tmp_path))
    assert (tmp_path / "coloured.safetensors").read_bytes() == (made / "coloured.safetensors").read_bytes()
    with np.load(tmp_path / "coloured.embeddings.npz") as new, np.load(made / "coloured.embeddings.npz") as old:
        same = {name: np.array_equal(new[name], old[name]) for name in ("means", "examples", "shots", "test")}
    assert same == {"means": True, "examples": True, "shots": False, "test": False}


def test_a_stopped_job_writes_no_weights_and_goes_on(made: Path, tmp_path: Path) -> None:
    for asked in (3, 12 + 2, 12 + 8):  # in each stage; a stage that is over asks once
        count = iter(range(1, 100))
        list(JOB.train("coloured", tmp_path, stop=lambda asked=asked, count=count: next(count) >= asked))  # type: ignore[misc]
        assert not (tmp_path / "coloured.safetensors").exists()
    list(JOB.train("coloured", tmp_path))
    assert (tmp_path / "coloured.safetensors").read_bytes() == (made / "coloured.safetensors").read_bytes()


def test_stages_that_a_job_leaves_out_are_named_in_the_card(tmp_path: Path) -> None:
    one = replace(JOB, refine=None, metalearn=None, pretrain=replace(JOB.pretrain, epochs=1))
    list(one.train("coloured", tmp_path))
    assert json.loads((tmp_path / "coloured.json").read_text())["recipe"]["metalearn"] is None


def test_part_of_the_base_can_be_held_out() -> None:
    images = Coloured().read()
    some = backbone_jobs.base_part(images, replace(JOB, base_images=5, base_classes=3))
    assert np.bincount(some.labels).tolist() == [5, 5, 5]
    assert np.array_equal(some.pixels[:5], images.train.pixels[:5])
    everything = backbone_jobs.base_part(images, replace(JOB, base_images=0))
    assert np.array_equal(everything.labels, BASE)


@pytest.mark.parametrize("part", JOBS, ids=lambda part: part.name)
def test_every_shipped_job_has_a_quick_variant(part: catalog.Part) -> None:
    job = catalog.load(part)
    quick = job.quick()
    assert quick.pretrain.length == 2
    assert quick.backbone == job.backbone
    assert 0 < quick.base_images <= 20


def test_images_of_another_kind_than_the_backbone_takes_are_refused(tmp_path: Path) -> None:
    grey = replace(JOB, backbone=replace(TINY, channels=1))
    with pytest.raises(InsituError, match=r"resnet12 takes images \(n, 1, h, w\)"):
        list(grey.train("coloured", tmp_path))


def test_a_backbone_that_serves_something_else_is_refused() -> None:
    with pytest.raises(InsituError, match="serves images; Conv4 serves tasks: take another backbone"):
        replace(JOB, backbone=Conv4())


@pytest.mark.usefixtures("fakes")
def test_a_backbone_of_one_file_goes_from_images_to_a_scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = catalog.load(catalog.find("fake-cnn", "backbones"))(filters=6)
    list(replace(JOB, backbone=record, refine=None, metalearn=None).train("coloured", tmp_path))
    monkeypatch.setattr(trained, "FOLDER", tmp_path)
    base = FewShotSessions("coloured").base("package")
    assert base.means.shape == (4, 6)
    assert torch.equal(base.weight, torch.eye(6))  # it has no last layer: the memory holds the activations
    with pytest.raises(InsituError, match="FakeCnnModule has no last linear layer 'project'; take layers all"):
        list(replace(JOB, backbone=record, refine=None).train("coloured", tmp_path))
