"""Laws that every substrate obeys: adding a file to the room adds it to these tests."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from fake_parts import show_fakes
from insitu import catalog
from insitu.core import InsituError, generator
from insitu.devices import Cells
from insitu.devices.ideal import Ideal
from insitu.devices.pcm_hermes2022 import PcmHermes2022
from insitu.substrates import Substrate
from insitu.substrates.analog.imperfections import Imperfections

with pytest.MonkeyPatch.context() as patch:  # the room, and a substrate that has no verb but those it must have
    show_fakes(patch)
    ROOM = {part.name: catalog.load(part) for part in catalog.parts("substrates")}
FAULTS = Imperfections(wire_ohm=5.0, stuck_reset=0.01, adc_gain_error=0.02, adc_offset=0.5)
# variants of a substrate by name; a new substrate is tested as its defaults make it
VARIANTS: dict[str, list[dict[str, Any]]] = {
    "crossbar": [
        {},
        {"pairs": 1, "tile": 7, "compensation": "column"},
        {"device": Ideal(), "input_bits": 0, "adc_bits": 0, "tile": 5},
        {"device": PcmHermes2022(), "input_bits": 12, "compensation": "global"},
        {"imperfections": FAULTS, "compensation": "column"},
    ],
    "digital": [{}, {"bits": 8}],
}
EVERY = [
    pytest.param(kind(**settings), id=f"{name}-{number}")
    for name, kind in ROOM.items()
    for number, settings in enumerate(VARIANTS.get(name, [{}]))
]
BATCHING = [param for param in EVERY if getattr(param.values[0], "imperfections", Imperfections()) == Imperfections()]
ADDING = [param for param in EVERY if param.values[0].superposes]
INPUTS, OUTPUTS, NOW = 12, 9, 100.0


def rng(*names: str | int) -> np.random.Generator:
    return generator(0, "law", *names)


def matrix(*shape: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(rng("matrix", seed).standard_normal(shape).astype(np.float32))


def stored(substrate: Substrate, seed: int = 0) -> Any:
    return substrate.store(matrix(INPUTS, OUTPUTS), 1.0, rng("store", seed))


def product(substrate: Substrate, held: Any, now_s: float = NOW, batch: int = 6) -> Tensor:
    return substrate.multiply(held, matrix(batch, INPUTS, seed=1), now_s, rng("multiply"))


def arrays(value: Any) -> Iterator[np.ndarray]:
    """All numbers that a state holds, copied."""
    if isinstance(value, Tensor):
        yield value.numpy().copy()
    elif isinstance(value, np.ndarray):
        yield value.copy()
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from arrays(item)
    elif isinstance(value, (int, float)):
        yield np.array(value)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from arrays(getattr(value, field.name))


def same(one: Any, other: Any) -> bool:
    pairs = list(zip(arrays(one), arrays(other), strict=True))
    return all(np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("substrate", EVERY)
def test_the_same_seed_gives_the_same_cells_and_products(substrate: Substrate) -> None:
    one, other = stored(substrate), stored(substrate)
    assert same(one, other)
    assert torch.equal(product(substrate, one), product(substrate, other))


@pytest.mark.parametrize("substrate", EVERY)
def test_reading_changes_nothing(substrate: Substrate) -> None:
    held = stored(substrate)
    before = list(arrays(held))
    x = matrix(6, INPUTS, seed=1)
    substrate.multiply(held, x, NOW, rng())
    substrate.search(held, x, NOW, rng())
    substrate.calibrate(held, x, NOW)
    assert all(np.array_equal(a, b) for a, b in zip(before, arrays(held), strict=True))


@pytest.mark.parametrize("substrate", EVERY)
def test_writing_leaves_the_state_given_as_it_was(substrate: Substrate) -> None:
    held = stored(substrate)
    before = list(arrays(held))
    part = matrix(INPUTS, 2, seed=2)
    substrate.write(held, [3, 1], part, 5.0, rng())
    substrate.erase(held, [0], 5.0, rng())
    substrate.expand(held, 3, 5.0, rng())
    assert all(np.array_equal(a, b) for a, b in zip(before, arrays(held), strict=True))


@pytest.mark.parametrize("substrate", EVERY)
def test_products_come_near_the_exact_one(substrate: Substrate) -> None:
    x = matrix(40, INPUTS, seed=1)
    held = substrate.calibrate(stored(substrate), x, NOW)
    exact = x @ matrix(INPUTS, OUTPUTS)
    assert np.corrcoef(substrate.multiply(held, x, NOW, rng()).ravel(), exact.ravel())[0, 1] > 0.9


@pytest.mark.parametrize("substrate", EVERY)
@given(start=st.integers(0, 5), more=st.integers(0, 12))
def test_expanding_appends_erased_columns(substrate: Substrate, start: int, more: int) -> None:
    held = substrate.blank(INPUTS, start, 0.0, rng("blank"))
    weights = matrix(INPUTS, start)
    held = substrate.write(held, list(range(start)), weights, 1.0, rng("write"))
    wider = substrate.expand(held, more, 2.0, rng("expand"))
    assert substrate.outputs(wider) == start + more
    assert substrate.written(wider) == substrate.written(held)
    out = product(substrate, wider)
    assert out.shape == (6, start + more)
    if start and more:
        assert out[:, start:].square().mean() < out[:, :start].square().mean()


@pytest.mark.parametrize("substrate", EVERY)
def test_columns_written_are_the_columns_given(substrate: Substrate) -> None:
    held = substrate.blank(INPUTS, OUTPUTS, 0.0, rng())
    columns = [8, 2, 5]
    weights = matrix(INPUTS, 3)
    held = substrate.calibrate(substrate.write(held, columns, weights, 1.0, rng()), matrix(6, INPUTS, seed=1), NOW)
    out, exact = product(substrate, held), matrix(6, INPUTS, seed=1) @ weights
    for place, column in enumerate(columns):
        assert np.corrcoef(out[:, column], exact[:, place])[0, 1] > 0.8


@pytest.mark.parametrize("substrate", EVERY)
def test_erasing_forgets_and_writing_anew_learns_again(substrate: Substrate) -> None:
    x = matrix(300, INPUTS, seed=1)
    exact = (x @ matrix(INPUTS, OUTPUTS))[:, 4]

    def likeness(held: Any) -> float:
        out = substrate.multiply(held, x, NOW, rng("multiply"))[:, 4]
        return float(out @ exact / (out.norm() * exact.norm()).clamp_min(1e-9))

    held = stored(substrate)
    erased = substrate.erase(held, [4, 0], 2.0, rng("erase"))
    again = substrate.write(erased, [4, 0], matrix(INPUTS, OUTPUTS)[:, [4, 0]], 3.0, rng("again"))
    assert likeness(held) > 0.9 > 0.3 > abs(likeness(erased))
    assert likeness(again) > 0.9


@pytest.mark.parametrize("substrate", ADDING)
def test_adding_superposes(substrate: Substrate) -> None:
    held = substrate.blank(INPUTS, OUTPUTS, 0.0, rng())
    amounts = matrix(INPUTS, 2).sign()
    x = matrix(200, INPUTS, seed=1)
    norms = []
    for shot in range(3):
        held = substrate.add(held, [7, 1], amounts, float(shot), rng(shot))
        out = substrate.multiply(held, x, NOW, rng("x"))
        norms.append(float(out[:, [7, 1]].norm()))
        assert np.corrcoef(out[:, 7], (x @ amounts)[:, 0])[0, 1] > 0.7
    assert norms == sorted(norms)


@pytest.mark.parametrize("substrate", ADDING)
def test_approaching_reaches_moving_shares_and_leaves_other_columns(substrate: Substrate) -> None:
    held = substrate.add(substrate.blank(INPUTS, OUTPUTS, 0.0, rng()), [3], matrix(INPUTS, 1).sign(), 0.0, rng())
    other = substrate.read(held, NOW)[0][:, 3]
    for shots in range(1, 5):
        shares = (0.4 * matrix(INPUTS, 2) + 0.1 * matrix(INPUTS, 2, seed=shots)).clamp(-0.8, 0.8)
        held = substrate.approach(held, [7, 1], shares, 8, float(shots), rng(shots))
        weights = substrate.read(held, NOW)[0][:, [7, 1]]
        for column in range(2):
            assert np.corrcoef(weights[:, column], shares[:, column])[0, 1] > 0.8
    assert torch.equal(substrate.read(held, NOW)[0][:, 3], other)


@pytest.mark.parametrize("substrate", EVERY)
def test_the_cost_of_products_is_counted_per_row(substrate: Substrate) -> None:
    held = stored(substrate)
    one, some, many = (substrate.product_cost(held, batch).counts for batch in (1, 4, 7))
    assert one
    for name, count in one.items():
        assert many[name] - some[name] == some[name] - count > 0
        assert name == "sram_byte" or many[name] == 7 * count  # digital weights are moved once for all rows


@pytest.mark.parametrize("substrate", EVERY)
def test_writing_is_counted(substrate: Substrate) -> None:
    held = substrate.blank(INPUTS, OUTPUTS, 0.0, rng())
    assert not substrate.written(held).counts
    once = substrate.write(held, [1], matrix(INPUTS, 1), 1.0, rng())
    twice = substrate.write(once, [1], matrix(INPUTS, 1), 2.0, rng())
    first = substrate.written(once)
    assert first.counts
    assert substrate.written(twice) == first + first
    assert set(substrate.endurance(twice)) == {"set_pulses", "resets"}


@pytest.mark.parametrize("substrate", EVERY)
def test_the_gradient_is_that_of_the_mean_matrix(substrate: Substrate) -> None:
    held = stored(substrate)
    x = matrix(3, INPUTS, seed=1).requires_grad_()
    weight = matrix(3, OUTPUTS, seed=2)
    (substrate.multiply(held, x, NOW, rng()) * weight).sum().backward()  # type: ignore[no-untyped-call]
    other = matrix(3, INPUTS, seed=5).requires_grad_()
    (substrate.multiply(held, other, NOW, rng("other")) * weight).sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    assert other.grad is not None
    assert torch.equal(x.grad, other.grad)  # linear: it does not depend on x, nor on noise
    assert np.corrcoef(x.grad.ravel(), (weight @ matrix(INPUTS, OUTPUTS).T).ravel())[0, 1] > 0.9
    assert not substrate.multiply(held, matrix(3, INPUTS), NOW, rng()).requires_grad


@pytest.mark.parametrize("substrate", EVERY)
@given(seed=st.integers(0, 1000), batch=st.integers(1, 9))
def test_search_is_the_largest_of_the_product(substrate: Substrate, seed: int, batch: int) -> None:
    held = stored(substrate)
    x = matrix(batch, INPUTS, seed=seed)
    scale, offset = matrix(OUTPUTS, seed=seed).abs(), matrix(OUTPUTS, seed=seed + 1)
    allowed = torch.from_numpy(rng("allowed", seed).random(OUTPUTS) < 0.5)
    allowed[seed % OUTPUTS] = True
    out = substrate.multiply(held, x, NOW, rng("search"))
    assert torch.equal(substrate.search(held, x, NOW, rng("search")), torch.from_numpy(out.numpy().argmax(1)))
    scores = (out * scale + offset).masked_fill(~allowed, -torch.inf)
    found = substrate.search(held, x, NOW, rng("search"), scale, offset, allowed)
    assert found.dtype == torch.int64
    assert torch.equal(found, torch.from_numpy(scores.numpy().argmax(1)))


Bad = Callable[[Substrate, Any], object]
BAD: dict[str, Bad] = {
    "x of another dimension": lambda s, h: s.multiply(h, matrix(2, INPUTS + 1), NOW, rng()),
    "x of one dimension": lambda s, h: s.multiply(h, matrix(INPUTS), NOW, rng()),
    "an empty batch": lambda s, h: s.multiply(h, torch.empty(0, INPUTS), NOW, rng()),
    "an empty search": lambda s, h: s.search(h, torch.empty(0, INPUTS), NOW, rng()),
    "NaN in x": lambda s, h: s.multiply(h, torch.full((2, INPUTS), torch.nan), NOW, rng()),
    "infinity in x": lambda s, h: s.search(h, torch.full((2, INPUTS), -torch.inf), NOW, rng()),
    "NaN in what is written": lambda s, h: s.write(h, [0], torch.full((INPUTS, 1), torch.nan), NOW, rng()),
    "infinity in what is added": lambda s, h: s.add(h, [0], torch.full((INPUTS, 1), torch.inf), NOW, rng()),
    "too few weights": lambda s, h: s.write(h, [0, 1], matrix(INPUTS, 1), NOW, rng()),
    "a column twice": lambda s, h: s.add(h, [1, 1], matrix(INPUTS, 2), NOW, rng()),
    "a column that is not there": lambda s, h: s.write(h, [OUTPUTS], matrix(INPUTS, 1), NOW, rng()),
    "a negative column": lambda s, h: s.erase(h, [-1], NOW, rng()),
    "a vector to store": lambda s, h: s.store(matrix(INPUTS), NOW, rng()),
    "no inputs": lambda s, h: s.blank(0, 3, NOW, rng()),
    "fewer columns": lambda s, h: s.expand(h, -1, NOW, rng()),
    "no column allowed": lambda s, h: s.search(
        h, matrix(1, INPUTS), NOW, rng(), allowed=torch.zeros(OUTPUTS, dtype=torch.bool)
    ),
    "a mask of numbers": lambda s, h: s.search(h, matrix(1, INPUTS), NOW, rng(), allowed=torch.ones(OUTPUTS)),
    "NaN in an offset": lambda s, h: s.search(
        h, matrix(1, INPUTS), NOW, rng(), offset=torch.full((OUTPUTS,), torch.nan)
    ),
    "too few scales": lambda s, h: s.search(h, matrix(1, INPUTS), NOW, rng(), scale=torch.ones(2)),
}


@pytest.mark.parametrize("what", BAD)
@pytest.mark.parametrize("substrate", EVERY)
def test_bad_input_is_refused_in_one_line(substrate: Substrate, what: str) -> None:
    held = stored(substrate)
    with pytest.raises(InsituError) as caught:
        BAD[what](substrate, held)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("substrate", EVERY)
def test_writing_no_columns_changes_nothing(substrate: Substrate) -> None:
    held = stored(substrate)
    for after in (
        substrate.write(held, [], torch.empty(INPUTS, 0), NOW, rng()),
        substrate.erase(held, [], NOW, rng()),
    ):
        assert torch.equal(product(substrate, after), product(substrate, held))


def test_cells_are_told_apart_by_these_laws() -> None:
    """The comparison above sees a single cell that differs."""
    one = Cells(*(np.zeros(3, np.float32) for _ in range(2)), np.zeros(3), np.zeros(3, np.float32))
    other = Cells(one.conductance_us, one.drift, np.array([0.0, 0.0, 1.0]), one.history)
    assert same(one, one)
    assert not same(one, other)


# -- batches and deltas ------------------------------------------------------------------------------------------------

TASKS = 3


def heads(seed: int = 0) -> Tensor:
    return matrix(TASKS, INPUTS, OUTPUTS, seed=seed).clamp(-2, 2) / 2


def batch_of(substrate: Substrate, matrices: Tensor) -> Any:
    scale = substrate.fit_batch(heads(), matrix(TASKS, 40, INPUTS, seed=1), 1.0, 127)
    return substrate.program_batch(matrices, scale, 1.0, rng("batch"))


@pytest.mark.parametrize("substrate", BATCHING)
def test_a_batch_multiplies_every_task_by_its_own_matrix(substrate: Substrate) -> None:
    x = matrix(TASKS, 40, INPUTS, seed=1)
    batch, again = batch_of(substrate, heads()), batch_of(substrate, heads())
    out = substrate.multiply_batch(batch, x, NOW, rng("ask"))
    assert torch.equal(out, substrate.multiply_batch(again, x, NOW, rng("ask")))
    for task in range(TASKS):
        assert np.corrcoef(out[task].ravel(), (x[task] @ heads()[task]).ravel())[0, 1] > 0.9
        assert abs(np.corrcoef(out[task].ravel(), (x[task] @ heads()[task - 1]).ravel())[0, 1]) < 0.5
    assert batch.rewritten >= heads().numel()
    assert batch.spent.counts


@pytest.mark.parametrize("substrate", BATCHING)
def test_reprogramming_a_batch_writes_what_has_changed(substrate: Substrate) -> None:
    x = matrix(TASKS, 40, INPUTS, seed=1)
    batch = batch_of(substrate, heads())
    before = list(arrays(batch))
    unchanged = substrate.reprogram_batch(batch, heads(), NOW, rng("again"))
    assert unchanged.rewritten == 0
    assert unchanged.spent == batch.spent
    new = heads()
    new[1, :, 2] *= -1
    changed = substrate.reprogram_batch(batch, new, NOW, rng("again"))
    assert 0 < changed.rewritten < batch.rewritten / 2
    spent = changed.spent - batch.spent
    assert sum(spent.counts.values()) >= changed.rewritten
    out = substrate.multiply_batch(changed, x, NOW, rng("ask"))
    for task in range(TASKS):
        assert np.corrcoef(out[task].ravel(), (x[task] @ new[task]).ravel())[0, 1] > 0.9
    assert all(np.array_equal(a, b) for a, b in zip(before, arrays(batch), strict=True))


def deltas_of(substrate: Substrate, weights: Tensor, changed: Tensor) -> tuple[Any, Any]:
    base = substrate.program_base(weights, torch.ones(1, 1, INPUTS), weights[None], 1.0, rng("base"))
    return base, substrate.program_deltas(base, changed, NOW, rng("deltas"))


@pytest.mark.parametrize("substrate", BATCHING)
def test_deltas_differ_from_their_base_where_weights_do(substrate: Substrate) -> None:
    weights = heads()[0]
    changed = weights.expand(TASKS, -1, -1).clone()
    changed[1, 3, 2] = -weights[3, 2]
    base, deltas = deltas_of(substrate, weights, changed)
    assert 0 < deltas.rewritten <= 2 * INPUTS
    assert sum(deltas.spent.counts.values()) > 0
    old, new = (substrate.pulse_rows(held, NOW) for held in (base, deltas))
    assert old.mean.shape == (1, INPUTS, OUTPUTS)
    assert new.mean.shape == new.variance.shape == (TASKS, INPUTS, OUTPUTS)
    assert np.corrcoef(old.mean[0].ravel(), weights.ravel())[0, 1] > 0.9
    assert (new.variance >= 0).all()
    same_as_base = np.ones(changed.shape, bool)
    same_as_base[1, :, 2] = False  # a substrate may write no less than a column
    assert (new.mean == old.mean)[same_as_base].all()
    assert new.mean[1, 3, 2] == pytest.approx(float(changed[1, 3, 2]), abs=0.3)
    for part in (slice(0, 1), slice(1, 3)):
        some = substrate.pulse_rows(deltas, NOW, part)
        assert np.array_equal(some.mean, new.mean[part])
        assert np.array_equal(some.variance, new.variance[part])


@pytest.mark.parametrize("substrate", EVERY)
def test_what_is_read_is_what_products_see(substrate: Substrate) -> None:
    held = substrate.calibrate(stored(substrate), torch.eye(INPUTS), NOW)
    mean, variance = substrate.read(held, NOW)
    rows = torch.eye(INPUTS).repeat(400, 1)
    seen = substrate.multiply(held, rows, NOW, rng("read")).view(400, INPUTS, OUTPUTS)
    if getattr(substrate, "compensation", "none") != "none":  # a factor of the product, which reading is without
        seen = seen * (mean * seen.mean(0)).sum(0) / seen.mean(0).square().sum(0)
    step = seen.abs().max() / 64
    assert float((seen.mean(0) - mean).abs().max()) < 4 * float((variance.max() / 400).sqrt()) + float(step)
    if float(variance.max()) > float(step) ** 2:
        assert float(seen.var(0).mean() / variance.mean()) == pytest.approx(1, abs=0.25)


@pytest.mark.parametrize("what", ["batch", "base"])
@pytest.mark.parametrize("substrate", BATCHING)
def test_batches_refuse_what_is_not_finite(substrate: Substrate, what: str) -> None:
    bad = torch.full((1, INPUTS, OUTPUTS), torch.nan)
    with pytest.raises(InsituError, match="must be finite"):
        batch_of(substrate, bad) if what == "batch" else deltas_of(substrate, bad[0], bad)
    with pytest.raises(InsituError, match="must be finite"):
        substrate.multiply_batch(batch_of(substrate, heads()), torch.full((TASKS, 2, INPUTS), torch.nan), NOW, rng())
