"""Flags of the learner reach the further arms; claims of the published composition judge no other."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from insitu import catalog
from insitu.cli import experiment_flags, shared_flags
from insitu.cli.main import main
from insitu.core import InsituError
from insitu.experiments import Experiment
from insitu.experiments.ortner2025_omniglot_devices import EXPERIMENT as DEVICES
from insitu.report import formatting

NAMES = [each.name for each in DEVICES.variants]


def parsed(name: str, *words: str) -> tuple[Experiment, list[dict[str, Any]]]:
    found = experiment_flags.parse(catalog.find(name, "experiments"), list(words), "run")
    return found.experiment, found.changes


def caution(changes: list[dict[str, Any]]) -> str:
    [text] = formatting.cautions({"paper": "a paper", "changes": changes})
    return text


def test_a_number_reaches_every_arm() -> None:
    experiment, changes = parsed("ortner2025-omniglot-devices", "--learner.substrate.adc-bits", "4")
    assert [arm.learner.substrate.adc_bits for arm in experiment.variants] == [4] * len(DEVICES.variants)
    assert [arm.learner.substrate.device for arm in experiment.variants] == [
        arm.learner.substrate.device for arm in DEVICES.variants
    ]
    assert changes == [{"field": "learner.substrate.adc_bits", "before": "8", "after": "4", "also": NAMES}]
    assert caution(changes) == (
        "Not the published composition: learner.substrate.adc_bits 8 → 4 "
        "(also in Joshi 2020; Nandakumar 2018; Wan 2022; CMO/HfOx; ideal cells)."
    )


def test_what_an_arm_sets_itself_stays_and_is_told() -> None:
    experiment, changes = parsed("ortner2025-omniglot-devices", "--learner.substrate.device", "pcm-joshi2020")
    assert experiment.variants == DEVICES.variants
    assert [each["field"] for each in changes] == ["learner.substrate.device"]
    assert "not in Joshi 2020: PcmJoshi2020; Nandakumar 2018: PcmNandakumar2018; Wan 2022" in caution(changes)


def test_several_flags_reach_their_arms_together() -> None:
    words = ("--learner.steps", "2", "--learner.substrate.adc-bits", "6", "--learner.learning-rate", "0.2")
    experiment, _ = parsed("ortner2025-omniglot-devices", *words)
    for arm, before in zip(experiment.variants, DEVICES.variants, strict=True):
        substrate = replace(before.learner.substrate, adc_bits=6)
        assert arm.learner == replace(before.learner, steps=2, learning_rate=0.2, substrate=substrate)


def test_arms_of_other_learners_lack_a_field_or_set_it() -> None:
    experiment, changes = parsed(
        "ortner2025-omniglot", "--learner.write-bits", "6", "--learner.substrate.adc-bits", "4"
    )
    by_name = {arm.name: arm.learner for arm in experiment.variants}
    assert by_name["PCM, 4 bits"].substrate.adc_bits == 4
    assert by_name["memory on PCM"].substrate.adc_bits == 4
    written = next(each for each in changes if each["field"] == "learner.write_bits")
    assert "memory on PCM has none" in written["but"]
    converters = next(each for each in changes if each["field"] == "learner.substrate.adc_bits")
    assert "software, 4 bits has none" in converters["but"]
    assert experiment.baseline == catalog.load(catalog.find("ortner2025-omniglot", "experiments")).baseline


def test_fields_of_the_scenario_that_an_arm_sets_are_told() -> None:
    experiment, changes = parsed("raghu2020-omniglot", "--scenario.shots", "2")
    assert experiment.variants[0].scenario(experiment.scenario).shots == 5
    assert changes[0]["but"] == ["20 ways, software: 5", "20 ways, PCM: 5"]


def test_an_arm_that_cannot_be_made_is_left_out_with_the_reason() -> None:
    part = catalog.find("karunaratne2022-miniimagenet", "experiments")
    words = ["--learner.substrate.device", "pcm-hermes2022", "--learner.support", "program"]
    found = experiment_flags.parse(part, words, "run")
    (name,) = found.left_out
    assert name == "paper's write, PCM"
    assert "no model of single SET pulses" in found.left_out[name]
    assert [arm.name for arm in found.experiment.variants] == [
        arm.name for arm in found.original.variants if arm.name != name
    ]
    assert all(f"{name} is left out" in change["but"] for change in found.changes)


def test_an_impossible_learner_is_refused() -> None:
    part = catalog.find("karunaratne2022-miniimagenet", "experiments")
    with pytest.raises(InsituError, match="no model of single SET pulses"):
        experiment_flags.parse(part, ["--learner.substrate.device", "pcm-hermes2022"], "run")


def test_nothing_changed_reaches_nobody() -> None:
    experiment, notes = shared_flags.reach(DEVICES, DEVICES)
    assert experiment == DEVICES
    assert parsed("ortner2025-omniglot-devices")[1] == []
    assert all(not note.reached and not note.own for note in notes.values())


@pytest.mark.usefixtures("fakes")
@pytest.mark.parametrize(
    ("words", "verdicts"),
    [
        ([], {"gap": "met", "end": "missed", "ten years": "not measured", "drop": "reported"}),
        (["--data", "images"], {"gap": "met", "end": "missed", "ten years": "not measured", "drop": "reported"}),
        (
            ["--learner.held.adc-bits", "4"],
            {"gap": "not judged", "end": "not judged", "ten years": "not measured", "drop": "reported"},
        ),
    ],
)
def test_claims_are_judged_of_the_published_composition_only(
    words: list[str], verdicts: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "fake-table", "--seeds", "5", *words, "--out", str(tmp_path)]) == 0
    held = json.loads((tmp_path / "report.json").read_text())
    assert {claim["name"]: claim["verdict"] for claim in held["claims"]} == verdicts
    assert ("not judged" in capsys.readouterr().out) == ("not judged" in verdicts.values())
    assert ("not judged" in (tmp_path / "report.html").read_text().partition("<body")[2]) == (
        "not judged" in verdicts.values()
    )
