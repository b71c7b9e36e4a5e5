"""`insitu device` on the command line, with QEMU's board at a pseudo-terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from emulation import emulated

from insitu.cli.main import main
from insitu.export import integer_memory
from insitu.memory import Memory

pytest.importorskip("serial")
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((12, 6)) + 4 * (np.arange(12) % 3)[:, None], ["tea", "mug", "glass"] * 4


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    memory = Memory("digital", dim=32).fit(X, Y)
    with emulated(tmp_path_factory.mktemp("board"), integer_memory(memory, capacity=6)) as name:
        yield name


def test_a_board_is_taught_queried_and_pulled(
    port: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Memory.open("cups.insitu", substrate="digital", dim=32) as memory:
        memory.fit(X, Y)
    np.savetxt("jugs.csv", RNG.standard_normal((5, 6)) - 9, delimiter=",")
    for words in (
        ["teach", port, "jug", "jugs.csv"],
        ["predict", port, "jugs.csv"],
        ["predict", port],
        ["backup", port, "block.bin"],
        ["forget", port, "jug"],
        ["info", port],
        ["restore", port, "block.bin"],
        ["pull", port, "cups.insitu"],
        ["pull", port, "cups.insitu"],
    ):
        assert main(["device", *words]) == 0
    printed = capsys.readouterr().out
    assert "taught  5 of jug" in printed
    assert printed.count("jug\t") >= 5
    assert "classes 3 of 6" in printed
    assert "pulled  jug: 5 examples" in printed
    assert "pulled  nothing" in printed
    with Memory.open("cups.insitu") as memory:
        assert memory.predict(RNG.standard_normal((2, 6)) - 9).tolist() == ["jug", "jug"]
        memory.partial_fit(X[:1] + 40, ["kettle"])
    np.savetxt("far.csv", np.full((2, 6), [1e9, 0, 0, 0, 0, 0]), delimiter=",")
    assert main(["device", "predict", port, "far.csv"]) == 0
    assert "2 of 2 examples have numbers out of range" in capsys.readouterr().err
    np.savetxt("nan.csv", np.full((1, 6), np.nan), delimiter=",")
    assert main(["device", "teach", port, "mug", "nan.csv"]) == 2
    assert main(["device", "push", port, "cups.insitu"]) == 0
    assert "pushed  kettle: 1 examples" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "device takes info"),
        (["teach", "PORT"], "device takes info"),
        (["info", "PORT", "x"], "device takes info"),
        (["drink", "PORT"], "device takes info"),
        (["info", "/dev/nothing"], "there is no serial port /dev/nothing"),
        (["info", "socket://nohost"], "is socket://host:port"),
        (["forget", "PORT", "tea", "none"], "does not hold none; it holds"),
        (["info", "PORT", "--memory", "m.insitu"], "leave it out of info, or give files"),
        (["teach", "PORT", "tea", "--memory", "m.insitu"], "leave it out of teach, or give files"),
        (["teach", "PORT", "jug", "missing.csv"], "missing.csv"),
        (["restore", "PORT", "missing.bin"], "missing.bin"),
        (["pull", "PORT", "missing.insitu"], "there is no memory at missing.insitu"),
    ],
)
def test_mistakes_are_one_line(words: list[str], message: str, port: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["device", *(port if word == "PORT" else word for word in words)]) != 0
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert main(["device", "info", port]) == 0
    assert "tea: " in capsys.readouterr().out
