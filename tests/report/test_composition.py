"""The key of finished seeds: another composition, data, code or weights, another key; what changes no row, the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import insitu
from insitu.experiments import Experiment
from insitu.experiments.vorabbi2023_cifar10_nc import EXPERIMENT
from insitu.learners.cwr_star import CwrStar
from insitu.report.composition import key
from insitu.scenarios.arm_trajectories import ArmTrajectories
from insitu.scenarios.class_stream import ClassStream


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small tree in place of the package's own files."""
    root = tmp_path / "insitu"
    for name in ("__init__.py", "run.py", "learners/cwr.py", "weights/net.safetensors", "report/html_page.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("as it was")
    monkeypatch.setattr(insitu, "__file__", str(root / "__init__.py"))
    monkeypatch.setenv("INSITU_CACHE", str(tmp_path / "cache"))
    return root


@pytest.mark.parametrize("name", ["run.py", "learners/cwr.py", "weights/net.safetensors"])
def test_other_code_or_weights_give_another_key(package: Path, name: str) -> None:
    before = key(EXPERIMENT, "data")
    assert key(EXPERIMENT, "data") == before
    (package / name).write_text("as it is")
    assert key(EXPERIMENT, "data") != before


def test_a_file_added_moved_or_taken_away_gives_another_key(package: Path) -> None:
    keys = [key(EXPERIMENT, "data")]
    (package / "learners" / "new.py").write_text("as it was")
    keys.append(key(EXPERIMENT, "data"))
    (package / "learners" / "new.py").rename(package / "learners" / "newer.py")
    keys.append(key(EXPERIMENT, "data"))
    (package / "run.py").unlink()
    keys.append(key(EXPERIMENT, "data"))
    assert len(set(keys)) == 4


def test_what_computes_nothing_changes_no_key(package: Path) -> None:
    before = key(EXPERIMENT, "data")
    for room in ("cli", "report", "service"):
        (package / room).mkdir(exist_ok=True)
        (package / room / "page.py").write_text("as it is")
    (package / "learners" / "__pycache__").mkdir()
    (package / "learners" / "__pycache__" / "cwr.pyc").write_text("compiled")
    described = replace(EXPERIMENT, seeds=1, claims=(), paper="another", verified="not", names=("a", "b"))
    assert key(described, "data") == before


CHANGES = [
    {"learner": CwrStar(learning_rate=0.05)},
    {"baseline": CwrStar()},
    {"scenario": ClassStream(kind="ni")},
    {"ages_s": (1.0,)},
    {"data": "package"},
    {"sweep": ()},
]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.usefixtures("package")
def test_another_composition_gives_another_key(change: dict[str, object]) -> None:
    other: Experiment = replace(EXPERIMENT, **change)  # type: ignore[arg-type]
    assert key(other, "data") != key(EXPERIMENT, "data")
    assert key(EXPERIMENT, "other data") != key(EXPERIMENT, "data")


@pytest.mark.usefixtures("package")
def test_weights_trained_here_belong_to_the_key(tmp_path: Path) -> None:
    own = replace(EXPERIMENT, scenario=ClassStream(backbone="mine"))
    file = tmp_path / "cache" / "training" / "mine" / "mine.safetensors"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"first")
    before, others = key(own, "data"), key(EXPERIMENT, "data")
    file.write_bytes(b"again")
    assert key(own, "data") != before
    assert key(EXPERIMENT, "data") == others


@pytest.mark.usefixtures("package")
def test_the_users_own_files_belong_to_the_key(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    own = replace(EXPERIMENT, scenario=ArmTrajectories(file=file))
    file.write_text("q1,q2\n0,0\n")
    before = key(own, "data")
    file.write_text("q1,q2\n0,1\n")
    assert key(own, "data") != before
