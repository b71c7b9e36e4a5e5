"""'insitu plan' as a user runs it: a text, the same as JSON, and one line for whatever is wrong."""

from __future__ import annotations

import json

import pytest

from insitu.cli.main import main

SMALL = ["plan", "--classes", "10_000_000", "--dim=64"]


def test_the_text_says_what_a_memory_takes_and_where_simulations_end(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(SMALL) == 0
    said = capsys.readouterr().out
    for phrase in ("tiles of 256 x 256", "write one class", "search, one query", "random classes", "omniglot classes"):
        assert phrase in said
    assert said.count("extrapolated: simulated to") == 3
    assert "those of phase-change cells" not in said
    assert "1 chip of 64" not in said


def test_one_chip_is_no_plural(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--classes", "20", "--dim", "16"]) == 0
    assert "1, or 1 chip of 64\n" in capsys.readouterr().out


def test_json_holds_the_plan(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SMALL, "--json", "--device", "rram-wan2022", "--shots", "2"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["classes"], made["rows"], made["shots"], made["device"]) == (10**7, 64, 2, "rram-wan2022")
    assert made["tiles"] == 39_063
    assert {"embedding", "percent", "beyond"} == set(made["accuracy"][0])


def test_energies_of_other_cells_are_said_to_be_those_of_phase_change(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--classes", "20", "--dim", "16", "--device", "rram-wan2022"]) == 0
    assert "those of phase-change cells" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], "plan takes --classes, from 2 to 1_000_000_000_000; got none"),
        (["--classes", "0"], "from 2 to 1_000_000_000_000; got 0"),
        (["--classes", "1"], "from 2 to 1_000_000_000_000; got 1"),
        (["--classes", str(10**13)], "from 2 to 1_000_000_000_000"),
        (["--classes", "many"], "--classes is a whole number, such as 10_000_000; got many"),
        (["--classes", "-5"], "--classes is a whole number"),
        (["--classes", "10", "--shots", "2.5"], "--shots is a whole number, such as 5; got 2.5"),
        (["--classes", "10", "--shots", "0"], "give --shots 1 to 100"),
        (["--classes", "10", "--dim", "8"], "give --dim 16 to 4096"),
        (["--classes", "10", "--dim", "9000"], "give --dim 16 to 4096"),
        (["--classes"], "--classes takes a value, such as --classes 10_000_000"),
        (["--device"], "--device takes a value, such as --device pcm-hermes2022"),
        (["--classes", "10", "--device", "pcm-hermes"], "did you mean pcm-hermes2022?"),
        (["--class", "10"], "plan does not know --class; did you mean --classes"),
        (["10"], "plan does not know 10; --classes, --dim, --shots, --device, --json"),
    ],
)
def test_whatever_is_wrong_is_one_line(args: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", *args]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
