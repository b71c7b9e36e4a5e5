"""Superposition, expansion, erasing: what stands in the columns, and what stays when others change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from blobs import DIM, OLD, accuracy, base, draw, shots
from insitu.core import InsituError, generator
from insitu.devices.ideal import Ideal
from insitu.devices.pcm_joshi2020 import PcmJoshi2020
from insitu.learners.array_columns import FREE, State
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.protocols import Examples
from insitu.substrates.crossbar import Crossbar
from insitu.substrates.digital import Digital

IDEAL = Crossbar(device=Ideal(g_max_us=1000), pairs=1, input_bits=0, adc_bits=0)
EXACT = ExplicitMemory(Digital(), dim=32, support="program")
CELLS = ExplicitMemory(Crossbar(tile=64), dim=256)


def rng(*names: str | int) -> np.random.Generator:
    return generator(0, "test", *names)


def taught(memory: ExplicitMemory, *sessions: Examples) -> State:
    draws = rng("learn")
    state = memory.prepare(base(), 0.0, draws)
    for number, session in enumerate(sessions, 1):
        state = memory.learn(state, session, 10.0 * number, draws)
    return state


def columns(memory: ExplicitMemory, state: State) -> Tensor:
    """Read the array (dim, columns) through the front door: products with unit vectors."""
    return memory.substrate.multiply(state.held, torch.eye(state.sums.shape[1]), 1e3, rng("read"))


@settings(max_examples=10)
@given(order=st.permutations(range(15)), cut=st.integers(1, 14))
def test_learning_in_two_calls_equals_one_call(order: list[int], cut: int) -> None:
    examples, asked = shots([8, 9, 2]), draw(list(range(10)) * 5, spread=1.0).x
    first, second = torch.tensor(order[:cut]), torch.tensor(order[cut:])
    at_once = taught(EXACT, examples)
    parts = [Examples(examples.x[rows], examples.labels[rows]) for rows in (first, second)]
    in_turn = taught(EXACT, *parts)
    scores = [
        dict(zip(s.labels.tolist(), EXACT.scores(s, asked, 99.0, rng()).T, strict=True)) for s in (at_once, in_turn)
    ]
    assert scores[0].keys() == scores[1].keys()
    for label, score in scores[0].items():
        torch.testing.assert_close(score, scores[1][label], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("pulses", [1, 3])
def test_a_bipolar_shot_is_its_signs_in_pulses(pulses: int) -> None:
    memory = ExplicitMemory(IDEAL, dim=32, support="bipolar", pulses=pulses)
    one, two = shots([8], each=1), shots([8], each=1, seed=7)
    state = taught(memory, one, two)
    signs = [torch.sign(state.projection.vectors(shot.x))[0] for shot in (one, two)]
    assert not torch.equal(*signs)  # else nothing is superposed
    assert torch.equal(columns(memory, state)[:, OLD], pulses * (signs[0] + signs[1]))


def test_an_old_class_is_written_as_shots_of_its_mean() -> None:
    memory = ExplicitMemory(IDEAL, dim=32, support="bipolar", pulses=2, base_shots=3)
    state = taught(memory)
    means = state.projection.vectors(base().means)
    assert torch.equal(columns(memory, state), 6 * torch.sign(means).T)


def test_magnitudes_are_rounded_to_pulses_of_which_the_largest_share_is_clipped() -> None:
    memory = ExplicitMemory(IDEAL, dim=32, pulses=4, clip=0.75)
    shot = shots([8], each=1)
    state = taught(memory, shot)
    vector = state.projection.vectors(shot.x)[0]
    size = float(np.quantile(state.projection.vectors(base().examples.x).abs().numpy(), 0.75))
    written = columns(memory, state)[:, OLD]
    assert torch.equal(written, (vector / size * 4).round().clamp(-4, 4))
    assert 4 < len(written.unique()) <= 9


def test_columns_that_are_read_hold_means_of_shots_more_exactly_in_fewer_pulses() -> None:
    unread = ExplicitMemory(Crossbar(adc_bits=0, input_bits=0), dim=256)
    examples, known = shots([8, 9], each=5, spread=1.0), draw(list(range(10)) * 20, spread=1.0).x
    errors, pulses = [], []
    for memory in (unread, replace(unread, rounds=8)):
        state = memory.start(EXACT.prepare(base(), 0.0, rng()).projection, base().examples, 0.0, rng())
        for session in (examples, shots([8, 9], each=3, seed=3, spread=1.0)):
            state = memory.learn(state, session, 1.0, rng("learn"))
        exact = state.projection.vectors(known) @ memory.prototypes(state).T
        errors.append(float((memory.scores(state, known, 2.0, rng("read")) - exact).square().mean()))
        pulses.append(memory.cost(state).counts["set_pulse"])
        sides = memory.substrate.wear(state.held, [0, 1])[0]
        assert pulses[-1] == memory.substrate.devices * sides.sum()
    assert errors[1] < errors[0] / 4
    assert pulses[1] < pulses[0]


def test_programming_writes_the_mean_direction() -> None:
    state = taught(EXACT, shots([8]))
    vectors = state.projection.vectors(shots([8]).x)
    written = columns(EXACT, state)[:, OLD]
    torch.testing.assert_close(written, torch.nn.functional.normalize(vectors.sum(0), dim=0), atol=1e-6, rtol=0)


@pytest.mark.parametrize("memory", [CELLS, EXACT], ids=["cells", "exact"])
def test_an_erased_class_is_never_predicted(memory: ExplicitMemory) -> None:
    state = taught(memory, shots([8, 9]))
    assert accuracy(memory, state, [8]) > 0.9
    erased = memory.erase(state, [8, 3], 50.0, rng())
    guess = memory.predict(erased, draw(list(range(12)) * 20).x, 60.0, rng())
    assert not {3, 8} & set(guess.tolist())
    assert FREE not in guess
    assert accuracy(memory, erased, [0, 1, 2, 9]) > 0.9


@pytest.mark.parametrize("memory", [CELLS, EXACT], ids=["cells", "exact"])
def test_a_class_learned_after_erasing_takes_the_free_column(memory: ExplicitMemory) -> None:
    state = taught(memory, shots([8, 9]))
    erased = memory.erase(state, [8], 50.0, rng())
    again = memory.learn(erased, shots([8]), 60.0, rng())
    assert torch.equal(again.labels, state.labels)
    other = memory.learn(erased, shots([77, 78]), 60.0, rng())
    assert other.labels.tolist() == [*range(8), 77, 9, 78]
    assert accuracy(memory, again, [8, 9]) > 0.9
    assert accuracy(memory, other, [9, 77, 78]) > 0.9


def test_nothing_of_an_erased_class_is_left() -> None:
    both = shots([8, 9])
    nine = both.labels == 9
    erased = EXACT.erase(taught(EXACT, both), [8], 50.0, rng())
    anew = EXACT.learn(erased, shots([8], seed=5), 60.0, rng())
    never = taught(EXACT, Examples(both.x[nine], both.labels[nine]), shots([8], seed=5))
    asked = draw([8, 9, 0]).x
    torch.testing.assert_close(
        EXACT.scores(anew, asked, 99.0, rng())[:, [8, 9]], EXACT.scores(never, asked, 99.0, rng())[:, [9, 8]]
    )


def test_erasing_a_class_twice_in_one_call_is_erasing_it_once() -> None:
    state = taught(CELLS, shots([8]))
    once, twice = (CELLS.erase(state, classes, 50.0, rng()) for classes in ([8], [8, 8]))
    assert CELLS.cost(once).counts == CELLS.cost(twice).counts


def test_erasing_what_is_not_there_is_refused() -> None:
    state = taught(EXACT, shots([8]))
    with pytest.raises(InsituError, match=r"does not hold class 9; it holds 0, 1, .*, 8$"):
        EXACT.erase(state, [8, 9], 50.0, rng())
    many = taught(EXACT, shots(list(range(8, 300)), each=1))
    with pytest.raises(InsituError, match="does not hold class 999") as error:
        EXACT.erase(many, [999], 50.0, rng())
    assert len(str(error.value)) < 200


def test_a_memory_without_classes_says_so() -> None:
    empty = EXACT.erase(taught(EXACT), list(range(OLD)), 1.0, rng())
    with pytest.raises(InsituError, match="holds no class yet; learn"):
        EXACT.predict(empty, draw([0]).x, 2.0, rng())
    again = EXACT.learn(empty, shots([20, 21]), 3.0, rng())
    assert accuracy(EXACT, again, [20, 21]) > 0.9


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"pulses": 0}, "at least 1"),
    ({"base_shots": 0}, "at least 1"),
    ({"rounds": -1}, "rounds at least 0"),
    ({"dim": 0}, "at least 1"),
    ({"clip": 0.0}, "0 < clip <= 1"),
    ({"correction": 1.0}, "correction < 1"),
    ({"shrink": 0.0}, "shrink is above 0"),
    ({"shrink": float("nan")}, "shrink is above 0"),
    ({"projection": "random"}, "trained, whitened or identity; got 'random'"),
    ({"support": "pulse"}, "bipolar, magnitude or program; got 'pulse'"),
    ({"mode": 4}, "mode is 1, 2 or 3; got 4"),
    ({"mode": 2}, "use support='program' and projection='trained'"),
]


@pytest.mark.parametrize(("fields", "message"), WRONG)
def test_a_wrong_field_is_refused_where_the_record_is_written(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InsituError, match=message) as error:
        replace(ExplicitMemory(), **fields)
    assert "\n" not in str(error.value)


def test_time_runs_forward() -> None:
    state = taught(CELLS, shots([8]))
    with pytest.raises(InsituError, match="time runs forward"):
        CELLS.learn(state, shots([9]), 5.0, rng())


def test_a_device_without_single_pulses_is_refused_unless_it_is_programmed() -> None:
    memory = replace(ExplicitMemory(), substrate=Crossbar(PcmJoshi2020(), tile=16), dim=DIM)
    with pytest.raises(InsituError, match="use support='program', or a device that crystallises"):
        memory.prepare(base(), 0.0, rng())
    assert (replace(memory, support="program").prepare(base(), 0.0, rng()).labels >= 0).all()
