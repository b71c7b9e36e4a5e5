"""What 'insitu show' tells of a part, read from its source text."""

from __future__ import annotations

from pathlib import Path

import pytest

from insitu import catalog
from insitu.cli import static_source
from insitu.cli.main import main


def test_an_experiment_shows_composition_and_claims(fakes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "fake-table"]) == 0
    text = capsys.readouterr().out
    assert "paper: Nobody, Journal of Nothing, 2022" in text
    assert "verified: the archive is made up" in text
    assert "noisy-mean" in text
    assert "(60.0, 86400.0)" in text, "named numbers are written out"
    assert "gap: ≤ 50.0  (published 1.3 to 2.5; abstract)" in text
    assert "ten years: ≤ 4.0  (not published; own target)" in text
    assert "replace(EXPERIMENT, seeds=1" in text
    assert "insitu run fake-table" in text


def test_given_fields_and_defaults_of_parts_are_shown(fakes: Path) -> None:
    nodes = {node.name: node for node in static_source.composition(catalog.find("fake-table"))}
    scenario = {node.name: node.text for node in nodes["scenario"].below}
    assert nodes["scenario"].text == "gaussian-stream"
    assert scenario == {"old": "4", "steps": "3", "width": "0.6"}


def test_fields_come_with_defaults_and_comments(fakes: Path) -> None:
    known = {field.name: field for field in static_source.fields(catalog.find("noisy-mean"))}
    assert known["noise"].default == "0.0"
    assert known["noise"].help == "standard deviation of a score"
    assert known["held"].default == "Held()"


def test_a_comment_above_a_field_is_its_help_too() -> None:
    known = {field.name: field for field in static_source.fields(catalog.find("arm-trajectories"))}
    assert known["hold_s"].help.startswith("time for which a simulated arm holds each command, in seconds")
    assert known["wait_s"].help.startswith("time from writing the weights")
    lacking = [name for name, field in known.items() if not field.help]
    assert not lacking


def test_a_device_shows_its_curves_and_draws_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figure = tmp_path / "ideal.svg"
    assert main(["show", "ideal", f"--figure={figure}"]) == 0
    text = capsys.readouterr().out
    assert "µS" in text
    assert "●" in text
    assert "<svg" in figure.read_text()


def test_a_list_shows_names_with_dashes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "devices"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "devices"
    assert any(line.startswith("  pcm-nandakumar2018 ") for line in lines)
