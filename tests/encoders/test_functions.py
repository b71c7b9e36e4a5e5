"""Functions and torch modules as encoders: their digests, their mistakes, and memories that use them."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from insitu import Memory
from insitu.core import InsituError, generator
from insitu.encoders import Encoder, find
from insitu.encoders.function_encoder import FunctionEncoder

X = generator(0, "rows").normal(size=(6, 2, 3))
Y = list("aabbcc")


def flat(batch: Any) -> Any:
    return batch.reshape(len(batch), -1)


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(6, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))


def test_a_memory_takes_a_function_and_a_module() -> None:
    plain = Memory("digital").fit(flat(X), Y)
    assert np.array_equal(Memory("digital", encoder=flat).fit(X, Y).predict_proba(X), plain.predict_proba(flat(X)))
    module = network().train()
    memory = Memory("digital", encoder=module).fit(X, Y)
    with torch.no_grad():
        expected = network().eval()(torch.from_numpy(X).float()).double().numpy()
    np.testing.assert_allclose(memory.encode(X), expected, atol=1e-6)
    assert module.training, "it is as it was"
    assert np.array_equal(memory.predict_proba(X), Memory("digital").fit(expected, Y).predict_proba(expected))


def test_the_digest_of_a_module_is_that_of_its_weights() -> None:
    one, other = (FunctionEncoder(network(seed)) for seed in (0, 1))
    assert one.digest() == FunctionEncoder(network(0)).digest() != other.digest()
    memory, before = Memory("digital", encoder=one.function).fit(X, Y), one.digest()
    answer = memory.predict_proba(X)
    with torch.no_grad():
        one.function[1].weight[0, 0] += 1  # type: ignore[index]  # a Sequential
    assert one.digest() != before
    with pytest.raises(InsituError, match="differ from those of Sequential"):
        memory.predict(X)
    one.function.load_state_dict(network(0).state_dict())  # type: ignore[attr-defined]
    assert one.digest() == before
    assert np.array_equal(memory.predict_proba(X), answer)


def test_fields_and_name_are_part_of_the_digest() -> None:
    records = [
        FunctionEncoder(flat),
        FunctionEncoder(flat, "other"),
        FunctionEncoder(flat, kind="images", size=8),
        FunctionEncoder(flat, kind="images", size=9),
        FunctionEncoder(flat, kind="images", size=9, mean=(1.0,)),
    ]
    assert len({each.digest() for each in records}) == len(records)


def test_pictures_of_any_shape_become_floats_of_one_size() -> None:
    seen = []

    def means(batch: Any) -> Any:
        seen.append((batch.dtype, batch.shape))
        return batch.mean((2, 3))

    grey, red = np.full((20, 30), 51, np.uint8), np.zeros((9, 9, 3), np.uint8)
    red[..., 0] = 255
    out = FunctionEncoder(means, kind="images", size=8).encode([grey, red])
    np.testing.assert_allclose(out, [[0.2, 0.2, 0.2], [1, 0, 0]], atol=1e-6)
    assert seen == [(np.float32, (2, 3, 8, 8))]


WRONG: dict[str, tuple[Any, str]] = {
    "raises": (lambda batch: 1 / 0, "failed on a batch of shape .*ZeroDivisionError"),
    "one row": (lambda batch: np.zeros((1, 3)), r"gave \(1, 3\) for 6 items"),
    "a map": (lambda batch: np.zeros((6, 3, 3)), r"gave \(6, 3, 3\)"),
    "NaN": (lambda batch: flat(batch) / np.where(batch == batch[3], 0, 1).reshape(6, -1), "item 3 of X: .* NaN"),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.filterwarnings("ignore:divide by zero|invalid value")
def test_what_a_function_does_wrong_is_one_line(name: str) -> None:
    function, words = WRONG[name]
    with pytest.raises(InsituError, match=words) as caught:
        Memory("digital", encoder=function).fit(X, Y)
    assert "\n" not in str(caught.value)


def test_rows_of_several_shapes_and_wrong_records_are_refused() -> None:
    with pytest.raises(InsituError, match="rows to encode have one shape"):
        FunctionEncoder(flat).encode([np.ones(3), np.ones(4)])
    with pytest.raises(InsituError, match="vectors of 6 numbers, not of 5"):
        FunctionEncoder(flat, dim=5).encode(X)
    for wrong in ({"kind": "images"}, {"size": 8}, {"kind": "sounds", "size": 8}, {"std": (0.0,)}):
        with pytest.raises(InsituError):
            FunctionEncoder(flat, **wrong)
    with pytest.raises(InsituError, match="function is a torch module or a function; got int"):
        FunctionEncoder(3)  # type: ignore[arg-type]  # that is the point


def test_a_stored_memory_needs_the_same_function_again(tmp_path: Path) -> None:
    path, module = tmp_path / "m.insitu", FunctionEncoder(network(), "mine")
    with Memory.open(path, substrate="digital", encoder=module, dim=16) as memory:
        memory.fit(X, Y)
        answer = memory.predict_proba(X)
        assert np.array_equal(memory.replay("digital").predict_proba(X), answer)
    with pytest.raises(InsituError, match=r"created with mine, which is not part of insitu.*encoder=\.\.\."):
        Memory.open(path)
    with pytest.raises(InsituError, match="other weights of encoder mine"):
        Memory.open(path, encoder=FunctionEncoder(network(1), "mine"))
    with Memory.open(path, encoder=FunctionEncoder(network(), "mine")) as memory:
        assert np.array_equal(memory.predict_proba(X), answer)
        memory.partial_fit(X[:1], ["d"])


def test_whatever_is_callable_has_a_name() -> None:
    class Scale:
        def __call__(self, batch: Any) -> Any:
            return flat(batch)

    for given, name in ((flat, "flat"), (Scale(), "Scale"), (functools.partial(flat), "partial")):
        encoder = find(given)
        assert isinstance(encoder, Encoder)
        assert encoder.name.endswith(name)
