"""MAML: closed-form and mapped gradients are those of autograd, and a crossbar is written only where targets change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from blobs import same
from insitu.core import InsituError, generator
from insitu.devices.ideal import Ideal
from insitu.devices.pcm_hermes2022 import PcmHermes2022
from insitu.learners import _all_layers, _delta_rule
from insitu.learners.maml import Maml, State
from insitu.learners.rounding import rounded
from insitu.protocols import Examples
from insitu.substrates import Substrate
from insitu.substrates.crossbar import Crossbar
from insitu.substrates.digital import Digital
from patterned import RECORD, WAYS, base, tasks

SOFTWARE = Maml(substrate=Digital())
EXACT = Crossbar(Ideal(), pairs=1, input_bits=0, adc_bits=0)
REAL = Crossbar(PcmHermes2022(), pairs=1)
KINDS = {
    "software": SOFTWARE,
    "software-4-bit": replace(SOFTWARE, bits=4),
    "all-layers": replace(SOFTWARE, layers="all", steps=2),
    "crossbar": Maml(),
    "crossbar-4-bit": Maml(bits=4),
}
every = pytest.mark.parametrize("learner", KINDS.values(), ids=KINDS)


def taught(learner: Maml, given_: Examples, seed: int = 0, statistics: Any = "batch") -> State:
    rng = generator(seed, "learner")
    return learner.learn(learner.prepare(base(statistics), 0.0, rng), given_, 60.0, rng)


def vectors(count: int, n: int, seed: int = 0) -> Examples:
    rng = generator(seed, "vectors")
    x = torch.from_numpy(rng.standard_normal((count, n, RECORD.features))).float()
    return Examples(x, torch.arange(n).remainder(WAYS).expand(count, -1))


# -- gradients -----------------------------------------------------------------------------------------------------


@settings(max_examples=20)
@given(count=st.integers(1, 4), n=st.integers(1, 7), ways=st.integers(2, 5), seed=st.integers(0, 99))
def test_the_slope_of_a_head_is_that_of_autograd(count: int, n: int, ways: int, seed: int) -> None:
    rng = generator(seed, "slope")
    x = torch.from_numpy(rng.standard_normal((count, n, 4)))
    head = torch.from_numpy(rng.standard_normal((count, ways, 4))).requires_grad_()
    labels = torch.from_numpy(rng.integers(0, ways, (count, n)))
    logits = x @ head.transpose(1, 2)
    losses = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none").view(count, n).mean(1)
    (expected,) = torch.autograd.grad(losses.sum(), head)
    torch.testing.assert_close(_delta_rule.slope(logits, x, labels), expected)


def test_all_tasks_at_once_are_each_by_itself() -> None:
    head, given_ = base().head, vectors(5, 6)
    together = _delta_rule.adapted(head, given_.x, given_.labels, 0.5, 4)[-1]
    for task in range(5):
        alone = _delta_rule.adapted(head, given_.x[task][None], given_.labels[task][None], 0.5, 4)[-1]
        torch.testing.assert_close(together[task], alone[0])


@pytest.mark.parametrize("second_order", [True, False])
def test_an_outer_gradient_through_a_head_is_that_of_autograd(second_order: bool) -> None:
    given_ = vectors(2, 6)
    head, x = base().head.double().requires_grad_(), given_.x.double().requires_grad_()
    final = _delta_rule.adapted(head, x, given_.labels, 0.5, 3, second_order)[-1]
    found = torch.autograd.grad(final.square().sum(), [head, x], allow_unused=True)
    weights = [head, head]
    for _ in range(3):
        for task in range(2):
            loss = F.cross_entropy(x[task] @ weights[task].T, given_.labels[task])
            (step,) = torch.autograd.grad(loss, weights[task], create_graph=second_order)
            weights[task] = weights[task] - 0.5 * step
    expected = torch.autograd.grad(torch.stack(weights).square().sum(), [head, x], allow_unused=True)
    for mine, theirs in zip(found, expected, strict=True):
        assert (mine is None) == (theirs is None)
        if mine is not None:
            torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("second_order", [True, False])
@pytest.mark.parametrize("statistics", ["batch", "support"])
def test_an_outer_gradient_through_all_layers_is_that_of_a_plain_loop(statistics: Any, second_order: bool) -> None:
    network = replace(RECORD, width=3, statistics=statistics).build().double()
    head = torch.from_numpy(generator(1, "head").standard_normal((WAYS, 3)))
    support, queries = tasks(2, 2), tasks(2, 2, seed=1)
    x, asked = support.x.double(), queries.x.double()
    leaves = {name: w.detach().requires_grad_() for name, w in _all_layers.parameters_of(network, head).items()}
    final = _all_layers.adapted(network, leaves, x, support.labels, 0.4, 2, second_order)[-1]
    scores = _all_layers.scores(network, final, x, asked)
    found = torch.autograd.grad(F.cross_entropy(scores.flatten(0, 1), queries.labels.flatten()), list(leaves.values()))

    def encoded(weights: list[Tensor], images: Tensor, support: Tensor | None) -> Tensor:
        y, known = images, support
        for weight in weights[:-1]:
            y = F.relu(F.conv2d(y, weight, stride=2, padding=1))
            known = y if support is None else F.relu(F.conv2d(known, weight, stride=2, padding=1))  # type: ignore[arg-type]
            variance, mean = torch.var_mean(known, (0, 2, 3), correction=0, keepdim=True)
            y = (y - mean) / (variance + 1e-5).sqrt()
            known = (known - mean) / (variance + 1e-5).sqrt()
        return F.max_pool2d(y, 2).flatten(1) @ weights[-1].T

    losses = []
    for task in range(2):
        weights = list(leaves.values())
        for _ in range(2):
            loss = F.cross_entropy(encoded(weights, x[task], None), support.labels[task])
            steps = torch.autograd.grad(loss, weights, create_graph=second_order)
            weights = [w - 0.4 * step for w, step in zip(weights, steps, strict=True)]
        known = x[task] if statistics == "support" else None
        losses.append(F.cross_entropy(encoded(weights, asked[task], known), queries.labels[task]))
    expected = torch.autograd.grad(torch.stack(losses).mean(), list(leaves.values()))
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs)


# -- rounding ------------------------------------------------------------------------------------------------------


@given(bits=st.integers(2, 8), scale=st.sampled_from([0.125, 0.25, 1.0, 2.0]), seed=st.integers(0, 99))
def test_rounding_keeps_to_the_grid_and_is_right_on_average(bits: int, scale: float, seed: int) -> None:
    step = scale * 2.0 ** (1 - bits)
    weights = torch.from_numpy(generator(seed, "weights").uniform(-scale, scale - step, 40)).float()
    drawn = torch.stack([rounded(weights, bits, generator(seed, "round", k), scale) for k in range(200)])
    assert torch.equal((drawn / step).round() * step, drawn)
    assert float(drawn.min()) >= -scale
    assert float(drawn.max()) <= scale - step
    assert float((drawn.mean(0) - weights).abs().max()) < 5 * step / 2 / 200**0.5
    again = rounded(drawn[0], bits, generator(seed, "again"), scale)
    assert torch.equal(again, drawn[0])  # what is on the grid stays


def test_rounding_passes_gradients_straight_through() -> None:
    weights = torch.tensor([-2.0, 0.3, 5.0], requires_grad=True)
    rounded(weights, 4).sum().backward()
    assert weights.grad is not None
    assert weights.grad.tolist() == [1.0, 1.0, 1.0]


# -- the learner ---------------------------------------------------------------------------------------------------


@every
def test_tasks_are_learned(learner: Maml) -> None:
    learner = replace(learner, steps=4, learning_rate=0.5)
    state = taught(learner, tasks(8, 5))
    asked = tasks(8, 5, seed=3)
    guess = learner.predict(state, asked.x, 61.0, generator(0, "ask"))
    assert guess.shape == asked.labels.shape
    assert guess.dtype == torch.int64
    assert float((guess == asked.labels).float().mean()) > 0.8


@every
def test_the_same_seed_gives_the_same_outcome_and_predicting_changes_nothing(learner: Maml) -> None:
    asked = tasks(3, 2, seed=3).x
    first, second = taught(learner, tasks(3, 2), 5), taught(learner, tasks(3, 2), 5)
    assert same(first.heads, second.heads)
    guesses = [learner.predict(state, asked, 61.0, generator(1, "ask")) for state in (first, second, first)]
    assert torch.equal(guesses[0], guesses[1])
    assert torch.equal(guesses[0], guesses[2])
    assert same(first.heads, second.heads)


@every
def test_no_steps_change_nothing(learner: Maml) -> None:
    state = taught(replace(learner, steps=0), tasks(2, 2))
    assert len(state.heads) == 1
    assert state.rewritten == ()
    if learner.substrate.exact:
        head = state.heads[0][_all_layers.HEAD] if learner.layers == "all" else state.heads[0].weights.transpose(1, 2)
        grid = rounded(base().head, learner.bits, scale=learner.head_scale)
        assert torch.equal(head, grid.expand(2, -1, -1))


@pytest.mark.parametrize("layers", ["head", "all"])
def test_many_tasks_are_learned_as_one_by_one(layers: Any) -> None:
    learner, given_ = replace(SOFTWARE, layers=layers), tasks(4, 3)
    together = taught(learner, given_).heads[-1]
    for task in range(4):
        one = taught(learner, Examples(given_.x[task][None], given_.labels[task][None])).heads[-1]
        pairs = [(together.weights, one.weights)] if layers == "head" else [(together[k], one[k]) for k in together]
        for whole, alone in pairs:
            torch.testing.assert_close(whole[task], alone[0], rtol=1e-4, atol=1e-5)


def test_an_exact_crossbar_learns_what_software_does() -> None:
    exact = Maml(EXACT, write_bits=16)
    found = taught(exact, tasks(4, 3))
    expected = taught(SOFTWARE, tasks(4, 3))
    x = vectors(4, 6).x
    for held, head in zip(found.heads, expected.heads, strict=True):
        product = EXACT.multiply_batch(held, x, 61.0, generator(0, "ask"))
        wanted = (x.double() @ head.weights).float()
        torch.testing.assert_close(product, wanted, rtol=0.01, atol=0.01)


def test_a_step_touches_only_cells_whose_target_has_changed() -> None:
    state = taught(Maml(bits=4), tasks(3, 3))
    total = 0
    for before, after, count in zip(state.heads, state.heads[1:], state.rewritten, strict=False):
        changed = (before.target != after.target)[:, None]
        assert count == int(changed.sum())
        total += count
        for name in ("conductance_us", "drift", "programmed_s"):
            old, new = getattr(before.cells, name), getattr(after.cells, name)
            assert np.array_equal(old[~changed], new[~changed])
        assert (after.cells.programmed_s[changed] == 60.0).all()
        assert (before.cells.conductance_us[changed] != after.cells.conductance_us[changed]).any()
    assert 0 < total < 4 * state.heads[0].cells.conductance_us.size
    kinds = state.spent.counts
    assert kinds["reset_pulse"] >= total


@pytest.mark.parametrize("substrate", [Digital(), EXACT, REAL], ids=["software", "exact", "hermes"])
@pytest.mark.parametrize("scale", [0.25, 1.0])
def test_heads_of_few_bits_are_on_the_scaled_grid_after_every_step(substrate: Substrate, scale: float) -> None:
    heads = taught(Maml(substrate, bits=4, head_scale=scale), tasks(3, 3)).heads
    for held in heads:
        if isinstance(substrate, Digital):
            steps = held.weights.double() * 8 / scale
            assert torch.equal(steps, steps.round())
        else:
            steps = torch.from_numpy(held.target[0] - held.target[1])
            assert held.scale.top == scale
        assert int(steps.min()) >= -8
        assert int(steps.max()) <= 7


def test_drift_of_heads_is_compensated_as_that_of_convolutions() -> None:
    """A month later, what a head answers is closer to what it answered when written."""
    x, month_s = vectors(4, 6).x, 2_629_800.0
    off = {}
    for how in ("none", "column"):
        learner = replace(Maml(), substrate=replace(REAL, compensation=how), steps=1)
        state = taught(learner, tasks(4, 3))
        fresh, old = (learner.substrate.multiply_batch(state.heads[0], x, t, generator(1)) for t in (61.0, month_s))
        off[how] = float((old - fresh).norm() / fresh.norm())
    assert off["column"] < off["none"] / 2


@pytest.mark.parametrize("rest", [0.0, 1.0])
def test_paper_taken_off_images_changes_no_answer_of_exact_products(rest: float) -> None:
    learner, asked = Maml(EXACT, write_bits=16, rest=rest), tasks(4, 4, seed=3)
    state = taught(learner, tasks(4, 3))
    found = learner.predict(state, asked.x, 61.0, generator(0, "ask"))
    assert torch.equal(found, SOFTWARE.predict(taught(SOFTWARE, tasks(4, 3)), asked.x, 61.0, generator(0, "ask")))


def test_paper_taken_off_is_counted() -> None:
    fed = {rest: Maml(rest=rest) for rest in (0.0, 1.0)}
    states = {rest: learner.prepare(base(), 0.0, generator(0, "p")) for rest, learner in fed.items()}
    more = fed[1.0].query_cost(states[1.0]) - fed[0.0].query_cost(states[0.0])
    assert more.counts == {"digital_add": RECORD.width * RECORD.sides[0] ** 2}
    assert (fed[1.0].cost(states[1.0]) - fed[0.0].cost(states[0.0])).counts["written_weight"] == RECORD.width


def test_features_serve_as_images_do() -> None:
    given_, asked = tasks(3, 3), tasks(3, 2, seed=4)
    network = base().network
    with torch.no_grad():
        encoded = Examples(network(given_.x)[0], given_.labels)
        questions = network(asked.x)[0]
    found = SOFTWARE.predict(taught(SOFTWARE, encoded), questions, 61.0, generator(0, "ask"))
    expected = SOFTWARE.predict(taught(SOFTWARE, given_), asked.x, 61.0, generator(0, "ask"))
    assert torch.equal(found, expected)


def test_inductive_answers_do_not_depend_on_other_queries() -> None:
    state, asked = taught(SOFTWARE, tasks(3, 3), statistics="support"), tasks(3, 2, seed=4).x
    together = SOFTWARE.predict(state, asked, 61.0, generator(0, "ask"))
    alone = [SOFTWARE.predict(state, asked[:, i : i + 1], 61.0, generator(0, "ask")) for i in range(asked.shape[1])]
    assert torch.equal(together, torch.cat(alone, 1))


def test_another_number_of_ways_starts_from_the_mean_row() -> None:
    given_ = Examples(vectors(2, 10).x, torch.arange(5).repeat(2).expand(2, -1))
    state = taught(replace(SOFTWARE, steps=0), given_)
    assert torch.allclose(state.heads[0].weights.transpose(1, 2).float(), base().head.mean(0).expand(2, 5, -1))


def test_every_step_has_answers() -> None:
    state, asked = taught(SOFTWARE, tasks(6, 5)), tasks(6, 5, seed=3)
    said = SOFTWARE.predict_each(state, asked.x, 61.0, generator(0, "ask"))
    right = [float((each.answers == asked.labels).float().mean()) for each in said]
    assert [each.step for each in said] == list(range(5))
    assert not any(each.totals for each in said)
    assert right[4] > right[0]
    assert torch.equal(said[4].answers, SOFTWARE.predict(state, asked.x, 61.0, generator(0, "ask")))
    with pytest.raises(InsituError, match="no task is learned yet"):
        SOFTWARE.predict_each(SOFTWARE.prepare(base(), 0.0, generator(0, "p")), asked.x, 61.0, generator(0, "ask"))


def test_costs_are_those_of_all_layers() -> None:
    learner = Maml()
    state = taught(learner, tasks(3, 3))
    cost = learner.query_cost(state).counts
    assert cost["core_product"] == sum(side * side for side in RECORD.sides) + 1
    assert learner.cost(state).energy_pj() > learner.cost(learner.prepare(base(), 0.0, generator(0, "p"))).energy_pj()


# -- bad input -----------------------------------------------------------------------------------------------------


def test_steps_that_diverge_stop_with_step_and_value() -> None:
    wild = Examples(vectors(2, 6).x * 1e20, vectors(2, 6).labels)
    with pytest.raises(InsituError, match=r"diverged at step \d: a change is -?\w+; take a learning_rate below 1e\+30"):
        taught(replace(SOFTWARE, learning_rate=1e30), wild)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (Examples(torch.zeros(2, 6, 5), vectors(2, 6).labels), r"x is float32 \(tasks, n, 1, 17, 17\)"),
        (Examples(vectors(2, 6).x.double(), vectors(2, 6).labels), "got torch.float64"),
        (Examples(torch.full((2, 6, RECORD.features), float("nan")), vectors(2, 6).labels), "first in task 0"),
        (Examples(vectors(2, 6).x, vectors(2, 5).labels), r"labels are int64 \(2, 6\)"),
        (Examples(vectors(2, 6).x, vectors(2, 6).labels * 0), "at least 2 ways"),
        (Examples(vectors(2, 6).x, vectors(2, 6).labels * 2), "no example of way 1"),
    ],
)
def test_wrong_tasks_are_refused(wrong: Examples, message: str) -> None:
    with pytest.raises(InsituError, match=message):
        taught(SOFTWARE, wrong)


def test_a_wrong_base_is_refused() -> None:
    for wrong, message in (
        (replace(base(), head=torch.zeros(3, 5)), "the head is"),
        (replace(base(), head=torch.full((3, RECORD.features), float("inf"))), "NaN or infinity"),
        (replace(base(), calibration=vectors(0, 6)), "calibration tasks of the base"),
    ):
        with pytest.raises(InsituError, match=message):
            SOFTWARE.prepare(wrong, 0.0, generator(0, "p"))


def test_time_runs_forward_and_queries_belong_to_the_tasks_in_hand() -> None:
    state = SOFTWARE.prepare(base(), 10.0, generator(0, "p"))
    with pytest.raises(InsituError, match="time runs forward"):
        SOFTWARE.learn(state, tasks(2, 2), 9.0, generator(0, "p"))
    state = SOFTWARE.learn(state, tasks(2, 2), 11.0, generator(0, "p"))
    with pytest.raises(InsituError, match="2 tasks were learned last; got queries of 3"):
        SOFTWARE.predict(state, tasks(3, 2).x, 12.0, generator(0, "p"))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"bits": 1}, r"0 \(float\) or 2..16"),
        ({"write_bits": 1}, "write_bits are 2..16"),
        ({"steps": -1}, "steps are 0 or more"),
        ({"learning_rate": float("nan")}, "learning_rate is above 0"),
        ({"head_scale": 0.0}, "head_scale is above 0"),
        ({"rest": float("inf")}, "rest is finite"),
        ({"layers": "last"}, "head or all"),
        ({"layers": "all"}, "in software only"),
        ({"layers": "all", "substrate": Digital(bits=4)}, "in software only"),
    ],
)
def test_wrong_fields_are_refused_where_the_record_is_written(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InsituError, match=message):
        Maml(**fields)
