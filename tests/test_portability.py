"""Rows of experiments do not depend on instruction sets or threads; bench/portability.py compares all experiments."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "bench" / "portability.py"
# explicit memory on a crossbar and in exact numbers; float and quantised heads
EXPERIMENTS = ("binary-backbone-on-pcm-memory", "vorabbi2023-cifar10-nc")


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("portability", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PORTABILITY = script()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("portability")


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_rows_have_the_same_bits_on_avx2_on_older_libraries_and_in_one_thread(name: str, folder: Path) -> None:
    first, *others = PORTABILITY.settings()
    rows = PORTABILITY.run(name, first, folder / first, seeds=1)
    for setting in others:
        assert PORTABILITY.differences(rows, PORTABILITY.run(name, setting, folder / setting, seeds=1), True) == []


def test_what_is_not_printed_is_no_difference_unless_bits_are_asked() -> None:
    row = {"seed": 0, "arm": "learner", "session": 1, "age_s": 60.0, "overall": 50.0, "omega_base": 0.1}
    for key, little, much in (("overall", 50.001, 50.02), ("omega_base", 0.1001, 0.102)):
        assert not PORTABILITY.differences([row], [row | {key: little}])
        assert len(PORTABILITY.differences([row], [row | {key: little}], exact=True)) == 1
        assert len(PORTABILITY.differences([row], [row | {key: much}])) == 1
    assert PORTABILITY.differences([row], [row, row]) == ["1 rows against 2"]


def test_an_experiment_without_its_data_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSITU_DATA", str(tmp_path))
    assert PORTABILITY.run("karunaratne2022-cifar100", "as-it-is", tmp_path) is None
