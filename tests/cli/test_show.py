"""What 'insitu show' tells of a part, read from its source text."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from insitu import catalog
from insitu.catalog import Part
from insitu.cli import static_source
from insitu.cli.main import main


def shown(name: str, capsys: pytest.CaptureFixture[str]) -> dict[str, list[str]]:
    """Return the lines of each section of what 'insitu show NAME' prints, without leading spaces."""
    capsys.readouterr()
    assert main(["show", name]) == 0
    sections: dict[str, list[str]] = {"": []}
    for line in capsys.readouterr().out.splitlines():
        if line in ("composition", "claims", "quick variant", "fields"):
            sections[line] = []
        else:
            sections[list(sections)[-1]].append(" ".join(line.split()))
    return sections


def test_an_experiment_shows_composition_and_claims(fakes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = shown("fake-table", capsys)
    assert "paper: Nobody, Journal of Nothing, 2022" in text[""]
    assert "verified: the archive is made up" in text[""]
    assert text["composition"][:4] == ["scenario gaussian-stream", "old 4", "steps 3", "width 0.6"]
    assert {"learner noisy-mean", "noise 0.3", "adc_bits 8", "ages_s 60.0 86400.0"} <= {*text["composition"]}
    assert "gap: ≤ 50.0 (published 1.3 to 2.5; abstract)" in text["claims"]
    assert "ten years: ≤ 4.0 (not published; own target)" in text["claims"]
    assert text["quick variant"][:5] == ["scenario gaussian-stream", "steps 1", "seeds 1", "ages_s 60.0", ""]
    assert text["quick variant"][-1].startswith("run it: insitu run fake-table [--quick]")


@pytest.mark.parametrize("part", catalog.parts("experiments"), ids=lambda part: part.name)
def test_all_that_is_shown_of_an_experiment_is_a_value(part: Part, capsys: pytest.CaptureFixture[str]) -> None:
    experiment, text = catalog.load(part), shown(f"experiments/{part.name}", capsys)
    for line in [*text["composition"], *text.get("quick variant", [])]:
        assert not re.search(r"[A-Za-z]\(|[=\[]|\*\*|\b[A-Z]+_[A-Z_]+\b", line.partition("run it")[0]), line
    variants = {variant.name for variant in experiment.variants}
    assert variants <= {*text["composition"]}
    assert [line.partition(": ")[0] for line in text.get("claims", []) if line and not line.startswith("run it")] == [
        claim.name.partition(": ")[0] for claim in experiment.claims
    ]
    assert ("quick variant" in text) == ("QUICK" in vars(sys.modules[part.module]))


def test_variants_show_what_they_change(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown("karunaratne2022-miniimagenet", capsys)["composition"]
    start = lines.index("moved, PCM")
    assert lines[start : start + 4] == ["moved, PCM", "learner explicit-memory", "base_mix 0.4", "base_sharpness 8.0"]
    assert lines[lines.index("paper's write, PCM") + 2 :][:2] == ["substrate crossbar", "pairs 1"]


def test_an_experiment_without_a_quick_variant_offers_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "experiments/own-folder"]) == 0
    text = capsys.readouterr().out
    assert "--quick" not in text
    assert "paper:" not in text, "it reproduces none"


def test_defaults_that_are_parts_are_shown_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        "every_s 2592000.0 time from one refresh to the next, in seconds" in shown("refreshed-maml", capsys)["fields"]
    )
    device = "device pcm-hermes2022 (devices_per_sign 2), pairs 1, compensation column"
    assert any(line.startswith(f"substrate crossbar ({device})") for line in shown("eprop", capsys)["fields"])
    lines = shown("crossbar", capsys)["fields"]
    assert "device pcm-nandakumar2018" in lines
    assert any(line.startswith("lost_columns 0.0 share of columns") for line in lines)
    assert any(line.startswith("path (path or a text) ONNX file") for line in shown("onnx", capsys)["fields"])


def test_a_backbone_of_the_package_is_shown_among_the_encoders(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "encoders/omniglot-background"]) == 0
    assert "images, 32" in capsys.readouterr().out
    assert main(["show", "binary"]) == 2
    assert "give training/binary or encoders/binary" in capsys.readouterr().err


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
