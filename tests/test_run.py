"""The loop: rows of both arms, the same for the same seed, and of nothing but seed, session and age."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from blobs import OLD, base, shots
from insitu import run
from insitu.core import InsituError, generator
from insitu.experiments import Experiment
from insitu.learners import Learner
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.learners.nearest_mean import NearestMean
from insitu.metrics import Row
from insitu.protocols import Examples, Protocol, Session, few_shot_sessions
from insitu.protocols.few_shot_sessions import FewShotBase
from insitu.scenarios import Scenario
from insitu.substrates.crossbar import Crossbar


@dataclass(frozen=True)
class Blobs(Scenario):
    """Eight old classes, then two sessions of two new ones, an hour apart."""

    protocol: ClassVar[Protocol] = few_shot_sessions.PROTOCOL

    spread: float = 1.2

    def base(self, data: str) -> FewShotBase:
        assert data == "package"
        return base()

    def sessions(self, data: str, seed: int) -> Iterator[Session]:
        for number in range(3):
            known = list(range(OLD + 2 * number))
            train = shots(known[-2:], seed=seed + 10) if number else None
            yield Session(number, 3600.0 * number, train, shots(known, 10, seed=99, spread=self.spread), OLD)

    def describe(self, data: str) -> str:
        return f"blobs ({data})"


EXPERIMENT = Experiment(
    paper="none",
    scenario=Blobs(),
    learner=ExplicitMemory(Crossbar(tile=32, pairs=1), dim=64),
    baseline=NearestMean(dim=64),
    ages_s=(60.0, 86400.0),
)


def rows(experiment: Experiment = EXPERIMENT, seed: int = 0) -> list[Row]:
    return list(run.rows(experiment, seed))


def test_there_is_a_row_per_arm_session_and_age() -> None:
    found = [(row["seed"], row["arm"], row["session"], row["age_s"]) for row in rows(seed=4)]
    expected = [
        (4, arm, session, age) for arm in ("baseline", "learner") for session in range(3) for age in EXPERIMENT.ages_s
    ]
    assert found == expected


def test_a_row_holds_accuracies_and_what_the_device_has_spent() -> None:
    for row in rows():
        novel = {"novel", "harmonic"} if row["session"] else set()
        assert {"classes", "overall", "base"} | novel <= set(row)
        assert row["classes"] == OLD + 2 * int(row["session"])
        assert ("spent_set_pulse" in row) == ("query_core_product" in row) == (row["arm"] == "learner")


def test_spending_grows_with_the_sessions_and_not_with_asking() -> None:
    device = [row for row in rows() if row["arm"] == "learner"]
    by_session = [{row["spent_set_pulse"] for row in device if row["session"] == number} for number in range(3)]
    assert [len(spent) for spent in by_session] == [1, 1, 1]
    spent = [int(values.pop()) for values in by_session]
    assert spent == sorted(set(spent))


def test_the_same_seed_gives_the_same_rows() -> None:
    assert rows(seed=1) == rows(seed=1)


def test_another_seed_gives_other_devices_and_other_shots() -> None:
    first, second = ([row["overall"] for row in rows(seed=seed)] for seed in (0, 1))
    assert first != second


def test_asking_at_another_age_changes_no_other_row() -> None:
    long = replace(EXPERIMENT, ages_s=(1.0, 60.0, 3e7))
    both = [row for row in rows(long) if row["age_s"] == 60.0]
    assert both == [row for row in rows() if row["age_s"] == 60.0]


def test_the_device_of_a_seed_does_not_depend_on_the_baseline() -> None:
    other = replace(EXPERIMENT, baseline=NearestMean(dim=3))
    assert [row for row in rows(other) if row["arm"] == "learner"] == [row for row in rows() if row["arm"] == "learner"]


def test_rows_come_one_by_one() -> None:
    stream = run.rows(EXPERIMENT, 0)
    first = next(stream)
    assert (first["arm"], first["session"]) == ("baseline", 0)


@dataclass(frozen=True)
class Diary(Learner):
    """Notes its calls; guesses class 0."""

    protocols: ClassVar[tuple[Protocol, ...]] = (few_shot_sessions.PROTOCOL,)

    notes: list[Any]

    def prepare(self, base: FewShotBase, now_s: float, rng: np.random.Generator) -> int:
        self.notes.append(("prepare", now_s))
        return 0

    def learn(self, state: int, examples: Examples, now_s: float, rng: np.random.Generator) -> int:
        self.notes.append(("learn", state, now_s, sorted(set(examples.labels.tolist()))))
        return state + 1

    def predict(self, state: int, x: torch.Tensor, now_s: float, rng: np.random.Generator) -> torch.Tensor:
        self.notes.append(("predict", state, now_s, rng.integers(1 << 40)))
        return torch.zeros(len(x), dtype=torch.int64)


def test_the_loop_prepares_once_then_learns_and_predicts_while_time_passes() -> None:
    diary = Diary([])
    rows(replace(EXPERIMENT, learner=diary, ages_s=(5.0,)))
    draws = [generator(0, "device", "predict", number, "5.0").integers(1 << 40) for number in range(3)]
    assert diary.notes == [
        ("prepare", 0.0),
        ("predict", 0, 5.0, draws[0]),
        ("learn", 0, 3600.0, [8, 9]),
        ("predict", 1, 3605.0, draws[1]),
        ("learn", 1, 7200.0, [10, 11]),
        ("predict", 2, 7205.0, draws[2]),
    ]


@pytest.mark.parametrize("seed", [0, 1])
def test_accuracies_are_those_of_the_predictions(seed: int) -> None:
    # a guess of class 0 is right for one class in eight, then ten, then twelve
    found = [row["overall"] for row in rows(replace(EXPERIMENT, learner=Diary([])), seed) if row["arm"] == "learner"]
    assert found == pytest.approx([100 / 8] * 2 + [100 / 10] * 2 + [100 / 12] * 2)


SWEPT = replace(EXPERIMENT, sweep=(("pulses", (2, 6)), ("dim", (64, 32))))


def test_variants_are_every_combination() -> None:
    found = dict(SWEPT.sweep_points())
    assert list(found) == ["pulses=2 dim=64", "pulses=2 dim=32", "pulses=6 dim=64", "pulses=6 dim=32"]
    assert found["pulses=6 dim=32"] == replace(EXPERIMENT.learner, pulses=6, dim=32)  # type: ignore[call-arg]
    assert list(EXPERIMENT.sweep_points()) == []


@pytest.mark.parametrize(
    ("sweep", "said"),
    [
        ((("bits", (1,)),), "the sweep is over bits, which is no field of ExplicitMemory; its fields are substrate,"),
        ((("pulses", ()),), "with at least one value; got pulses"),
        ((("pulses", (1,)), ("pulses", (2,))), "is given once"),
    ],
)
def test_a_sweep_that_does_not_fit_is_refused_before_the_first_row(sweep: Any, said: str) -> None:
    with pytest.raises(InsituError) as caught:
        next(run.rows(replace(EXPERIMENT, sweep=sweep), 0))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_variants_follow_both_arms_and_are_asked_at_the_first_age() -> None:
    found = rows(SWEPT)
    plain = rows()
    assert found[: len(plain)] == plain
    rest = [(row["arm"], row["session"], row["age_s"]) for row in found[len(plain) :]]
    assert rest == [(label, session, 60.0) for label, _ in SWEPT.sweep_points() for session in range(3)]


def test_a_variant_draws_what_the_device_draws() -> None:
    same = replace(EXPERIMENT, sweep=(("dim", (64,)),))
    by_arm = {
        arm: [row for row in rows(same) if row["arm"] == arm and row["age_s"] == 60.0] for arm in ("learner", "dim=64")
    }
    assert [row | {"arm": "learner"} for row in by_arm["dim=64"]] == by_arm["learner"]


@pytest.mark.parametrize("names", [("a", "a"), ("", "b"), ("a", "b" * 25)])
def test_names_are_two_short_texts(names: tuple[str, str]) -> None:
    with pytest.raises(InsituError, match="names are two different texts of 1 to 24 characters"):
        replace(EXPERIMENT, names=names)


def test_equal_learners_have_no_gap() -> None:
    twin = rows(replace(EXPERIMENT, baseline=EXPERIMENT.learner))
    by_arm = {arm: [row | {"arm": ""} for row in twin if row["arm"] == arm] for arm in ("baseline", "learner")}
    assert by_arm["baseline"] == by_arm["learner"]
