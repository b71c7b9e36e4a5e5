"""Laws that every encoder obeys: adding a file to the room adds it to these tests."""

from __future__ import annotations

import pickle
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import onnx_files
from insitu import Memory, catalog
from insitu.core import InsituError, generator
from insitu.encoders import Encoder
from insitu.encoders.function_encoder import FunctionEncoder
from insitu.encoders.onnx import Onnx
from insitu.encoders.trained_backbone import TrainedBackbone

RATE = 16_000


def double(rows: Any) -> Any:
    return np.asarray(rows).reshape(len(rows), -1) * 2


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.LazyLinear(5))


def module_encoder(folder: Path) -> Encoder:
    module = network()
    module(torch.zeros(1, 3, 9, 9))
    return FunctionEncoder(module, "net", kind="images", size=9)


# an encoder whose defaults do not make one, or that is no file of the room, by name; a new file is made by its defaults
MADE: dict[str, Callable[[Path], Encoder]] = {
    "onnx": lambda folder: Onnx(onnx_files.pooled(folder / "model.onnx")),
    "onnx-rows": lambda folder: Onnx(onnx_files.linear(folder / "model.onnx", (1, 4)), kind="vectors"),
    "function-encoder": lambda folder: FunctionEncoder(double),
    "module": module_encoder,
    **{f"backbone-{name}": lambda folder, name=name: TrainedBackbone(name) for name in ("miniimagenet", "binary")},
}
NAMES = sorted({*MADE, *(part.name for part in catalog.parts("encoders"))})


@pytest.fixture(params=NAMES)
def encoder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Encoder:
    monkeypatch.setenv("INSITU_CACHE", str(tmp_path / "cache"))
    made = MADE.get(request.param)
    encoder: Encoder = catalog.load(catalog.find(request.param, "encoders"))() if made is None else made(tmp_path)
    try:
        encoder.digest()
        encoder.dim  # noqa: B018  # loads what it needs
    except InsituError as error:
        if "pip install '.[" not in str(error):
            raise
        pytest.skip(str(error))
    return encoder


def items(encoder: Encoder, count: int = 5, seed: int = 0) -> list[Any]:
    rng = generator(seed, "items")
    if encoder.kind == "images":
        sides = [(12 + 5 * number, 20) for number in range(count)]
        return [rng.integers(0, 255, (*side, 3), np.uint8) for side in sides]
    if encoder.kind == "sounds":
        times = [np.arange(RATE // 4 * (1 + number)) / RATE for number in range(count)]
        return [0.4 * np.sin(rng.uniform(300, 3000) * 2 * np.pi * time + rng.normal()) for time in times]
    if encoder.kind == "series":
        return list(rng.normal(size=(count, 120, 3)).cumsum(1))
    return list(rng.normal(size=(count, 4)))


def close(one: Any, other: Any) -> None:
    # activations of a trained backbone are rounded to half precision
    scale = np.abs(other).max()
    np.testing.assert_allclose(one, other, atol=2e-3 * scale)
    assert (np.abs(one - other) < 1e-5 * scale).mean() > 0.97


def test_an_item_has_the_same_vector_in_any_batch(encoder: Encoder) -> None:
    given = items(encoder)
    whole = encoder.encode(given)
    assert whole.dtype == np.float64
    assert whole.shape == (len(given), encoder.dim or whole.shape[1])
    assert np.isfinite(whole).all()
    assert np.array_equal(encoder.encode(given), whole)
    close(np.concatenate([encoder.encode([each]) for each in given]), whole)
    close(encoder.encode(given[::-1])[::-1], whole)
    assert np.ptp(whole, axis=0).any(), "different items have different vectors"


def test_a_pickle_of_it_is_the_same_encoder(encoder: Encoder) -> None:
    again = pickle.loads(pickle.dumps(encoder))  # noqa: S301  # made here
    assert (again.name, again.kind, again.dim, again.digest()) == (
        encoder.name,
        encoder.kind,
        encoder.dim,
        encoder.digest(),
    )
    assert np.array_equal(again.encode(items(encoder)), encoder.encode(items(encoder)))


def test_it_says_what_it_takes_and_where_it_comes_from(encoder: Encoder) -> None:
    assert encoder.kind in ("images", "sounds", "series", "vectors")
    assert encoder.licence
    assert len(encoder.digest()) >= 12
    assert hash(encoder) == hash(pickle.loads(pickle.dumps(encoder))) or encoder.name == "net"  # noqa: S301


def test_progress_counts_all_items_and_ends_with_them(encoder: Encoder) -> None:
    seen: list[tuple[int, int]] = []
    encoder.encode(items(encoder, 3), progress=lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert seen[-1] == (3, 3)


@pytest.mark.parametrize("wrong", [b"no file of any kind", np.array(["text"]), np.zeros((0, 0)), None])
def test_what_is_no_item_is_named_in_one_line_and_the_rest_goes_on(encoder: Encoder, wrong: Any) -> None:
    good, errors = items(encoder, 4), {}  # type: ignore[var-annotated]
    given = [*good[:2], wrong, *good[2:]]
    with pytest.raises(InsituError, match="item 2 of X: ") as caught:
        encoder.encode(given)
    assert "\n" not in str(caught.value)
    close(encoder.encode(given, on_error=errors.__setitem__), encoder.encode(good))
    assert list(errors) == [2]


def test_files_are_encoded_once(encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, given = tmp_path / "files", items(encoder, 3)
    folder.mkdir()
    if encoder.kind == "images":
        for number, picture in enumerate(given):
            Image.fromarray(picture).save(folder / f"{number}.png")
    elif encoder.kind == "sounds":
        for number, sound in enumerate(given):
            with wave.open(str(folder / f"{number}.wav"), "wb") as file:
                file.setnchannels(1), file.setsampwidth(2), file.setframerate(RATE)
                file.writeframes(np.rint(sound * 2**15).astype("<i2").tobytes())
    else:
        pytest.skip(f"{encoder.kind} are not read from files")
    (folder / "notes.txt").write_text("no item")
    vectors = encoder.encode(folder)
    if encoder.kind == "images":
        close(vectors, encoder.encode(given))
    if encoder.cached:
        monkeypatch.setattr(type(encoder), "vectors", lambda self, inputs: pytest.fail("encoded again"))
    close(encoder.encode(sorted(folder.glob("*.[pw]*"))), vectors)
    stored = [file for file in (tmp_path / "cache" / "vectors").rglob("*") if file.is_file()]
    assert len(stored) == (3 if encoder.cached else 0)


def test_a_memory_keeps_it_and_refuses_another(encoder: Encoder, tmp_path: Path) -> None:
    path, given, labels = tmp_path / "m.insitu", items(encoder, 4), list("abab")
    with Memory.open(path, substrate="digital", encoder=encoder, dim=32) as memory:
        memory.fit(given, labels)
        close(memory.encode(given), encoder.encode(given))
        expected = memory.predict_proba(given)
    with Memory.open(path, encoder=encoder) as memory:
        assert np.array_equal(memory.predict_proba(given), expected)
        memory.partial_fit(given[:1], ["c"])
        assert memory._store is not None
        assert memory._store.verify() == 2
    others = [None, FunctionEncoder(double, "other"), "miniimagenet" if encoder.name == "omniglot" else "omniglot"]
    for other in others:
        with pytest.raises(InsituError, match=f"another encoder|created with {encoder.name}, which is not part"):
            Memory.open(path, encoder=other)
    again = pickle.loads(pickle.dumps(Memory("digital", encoder=encoder).fit(given, labels)))  # noqa: S301
    assert (
        again.predict(given).tolist() == Memory("digital", encoder=encoder).fit(given, labels).predict(given).tolist()
    )
