"""Replay on another substrate, export, import, and the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from insitu import Memory
from insitu.cli.main import main
from insitu.core import InsituError
from insitu.memory.storage import interchange, maintenance

X, Y = load_digits(return_X_y=True)
NAMES = np.array([f"digit {number}" for number in Y])
ASKED = slice(1000, 1400)


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("taught") / "digits.insitu"
    other = Memory("digital", dim=256).fit(X[500:560], NAMES[500:560])
    with Memory.open(path, dim=256, who="ann") as memory:
        memory.partial_fit(X[:100], NAMES[:100])
        memory.age(60)
        for start in range(100, 160, 20):
            memory.partial_fit(X[start : start + 20], NAMES[start : start + 20])
        memory.merge(other).forget("digit 3").age(3600)
    return path


def answers(memory: Memory) -> NDArray[np.float64]:
    return memory.predict_proba(X[ASKED])


def accuracy(memory: Memory) -> float:
    known = Y[ASKED] != 3
    return float(memory.score(X[ASKED][known], NAMES[ASKED][known]))


@pytest.mark.parametrize("substrate", ["digital", "pcm-hermes2022", "ideal"])
def test_a_replay_on_another_substrate_keeps_classes_and_accuracy(taught: Path, tmp_path: Path, substrate: str) -> None:
    with Memory.open(taught, readonly=True) as memory:
        expected = accuracy(memory)
        assert expected > 0.85
        copy = memory.replay(substrate)
        assert list(copy.classes_) == list(memory.classes_)
        assert abs(accuracy(copy) - expected) < 0.03
        assert copy.now_s_ == memory.now_s_
        with memory.replay(substrate, tmp_path / "new.insitu") as kept:
            assert np.array_equal(answers(kept), answers(copy))
        with pytest.raises(InsituError, match="already exists"):
            memory.replay(substrate, tmp_path / "new.insitu")


def test_an_import_is_what_was_exported_to_the_last_device(taught: Path, tmp_path: Path) -> None:
    interchange.export_memory(taught, tmp_path / "out")
    copied = tmp_path / "copy.insitu"
    interchange.import_memory(tmp_path / "out", copied).close()
    assert maintenance.verify(copied) == maintenance.verify(taught)
    with Memory.open(taught, readonly=True) as one, Memory.open(copied) as two:
        assert np.array_equal(answers(one), answers(two))
        assert one.cost() == two.cost()
        two.partial_fit(X[:1], ["new"])
        assert two._store is not None
        assert next(two._store.journal()).who == "ann"


def test_the_export_can_be_used_without_this_library(taught: Path, tmp_path: Path) -> None:
    arrays, card = interchange.export_memory(taught, tmp_path / "out")
    held, told = safetensors.numpy.load_file(arrays), json.loads(card.read_text())
    labels = [each["label"] for each in told["classes"]]
    z = (X[ASKED] - held["space/shift"]) / held["space/scale"]
    vectors = z @ held["space/weight"].T + held["space/bias"]
    guess = np.array(labels)[(vectors @ held["classes/prototypes"].T).argmax(1)]
    known = Y[ASKED] != 3
    with Memory.open(taught, readonly=True) as memory:
        assert abs((guess == NAMES[ASKED])[known].mean() - accuracy(memory)) < 0.03
    first = told["events"][0]
    assert (first["kind"], first["who"], first["labels"]) == ("learn", "ann", NAMES[:100].tolist())
    assert np.array_equal(held[first["arrays"]["x"]], X[:100])


def test_an_export_that_is_not_whole_is_refused(taught: Path, tmp_path: Path) -> None:
    arrays, card = interchange.export_memory(taught, tmp_path / "out")
    whole, told = arrays.read_bytes(), json.loads(card.read_text())
    for wrong in (
        {**told, "version": 99},
        {**told, "format": "other"},
        {**told, "events": [{"kind": "learn"}]},
        {**told, "state": {"record": "subprocess:Popen", "fields": {}}},
        {**told, "state": {"record": "insitu.core:generator", "fields": {}}},
    ):
        card.write_text(json.dumps(wrong))
        with pytest.raises(InsituError):
            interchange.import_memory(tmp_path / "out", tmp_path / "copy.insitu")
        assert not (tmp_path / "copy.insitu").exists()
    card.write_text(json.dumps(told))
    arrays.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InsituError, match="damaged"):
        interchange.import_memory(tmp_path / "out", tmp_path / "copy.insitu")


def test_the_command_does_all_of_it(taught: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copied, out = str(tmp_path / "copy.insitu"), str(tmp_path / "out")
    for args in (
        ["verify", str(taught)],
        ["export", str(taught), out],
        ["import", copied, out, "--substrate", "digital"],
        ["forget", copied, "digit 4", "digit 5"],
        ["import", str(tmp_path / "again.insitu"), out, "--replay"],
        ["info", copied],
    ):
        assert main(["memory", *args]) == 0
    said = capsys.readouterr().out
    for words in ("intact", "substrates/digital", "digit 6 (", "3 forget", "by ann", "3660 s"):
        assert words in said
    assert "digit 4 (" not in said
    assert main(["memory", "info", copied, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [each["label"] for each in told["classes"]] == [f"digit {number}" for number in (0, 1, 2, 6, 7, 8, 9)]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([], "takes verify"),
        (["verify"], "insitu memory verify PATH; got insitu memory verify"),
        (["verify", "nowhere.insitu"], "there is no memory"),
        (["forget", "nowhere.insitu", "a"], "there is no memory"),
        (["import", "new.insitu", "nowhere"], "without suffix"),
        (["import", "new.insitu", "nowhere", "--colour"], "takes --substrate"),
    ],
)
def test_the_command_says_what_is_wrong(
    args: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["memory", *args]) in (1, 2)
    said = capsys.readouterr().err
    assert words in said
    assert len(said.splitlines()) == 1
    assert not list(tmp_path.iterdir())
