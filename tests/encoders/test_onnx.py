"""Networks in ONNX files: layouts, sizes and scales, what they cannot do, and models that are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import onnx_files
from insitu import Memory
from insitu.core import InsituError, generator
from insitu.encoders.onnx import Onnx
from onnx_files import FLOAT, INT64, UINT8, given, linear, node, pooled, result, write

pytest.importorskip("onnxruntime")
PICTURES = generator(0, "pictures").integers(0, 255, (3, 8, 8, 3), np.uint8)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "model.onnx"


def expected(mean: Any = 0, std: Any = 255) -> Any:
    matrix = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    return ((PICTURES.astype(np.float64) - mean) / std).mean((1, 2)) @ matrix


@pytest.mark.parametrize("shape", [(1, 3, 8, 8), ("n", 3, 8, 8), ("n", 3, "h", "w")])
@pytest.mark.parametrize("last", [False, True])
def test_layout_batch_and_size_are_those_of_the_model(file: Path, shape: Any, last: bool) -> None:
    shape = (shape[0], *shape[2:], 3) if last else shape
    encoder = Onnx(pooled(file, shape, last=last), size=8 if "h" in shape else None)
    np.testing.assert_allclose(encoder.encode(PICTURES), expected(), atol=1e-5)
    assert encoder.dim == 5


def test_pixels_are_scaled_by_fields_else_by_metadata_else_to_one(file: Path) -> None:
    fields = Onnx(pooled(file), mean=(100.0, 110.0, 120.0), std=(50.0, 60.0, 70.0))
    np.testing.assert_allclose(fields.encode(PICTURES), expected([100, 110, 120], [50, 60, 70]), atol=1e-4)
    raw = Onnx(pooled(file, kind=UINT8))
    np.testing.assert_allclose(raw.encode(PICTURES), expected(0, 1), rtol=1e-5)
    matrix = np.eye(3, 5, dtype=np.float32)
    for span, (mean, std) in {"NominalRange_0_255": (0, 1), "Normalized_1_1": (127.5, 127.5)}.items():
        steps = [node("GlobalAveragePool", ["x"], "p"), node("Flatten", ["p"], "r"), onnx_files.weights("w", matrix)]
        steps += [node("MatMul", ["r", "w"], "y"), result("y", ["n", 5])]
        noted = write(file, given("x", FLOAT, ["n", 3, 8, 8]), *steps, **{"Image.NominalPixelRange": span})
        means = ((PICTURES.astype(np.float64) - mean) / std).mean((1, 2))
        np.testing.assert_allclose(Onnx(noted).encode(PICTURES)[:, :3], means, rtol=1e-4, atol=1e-4)


def test_grey_and_colour_become_what_the_model_takes(file: Path) -> None:
    grey = PICTURES[..., :1]
    colour = Onnx(pooled(file)).encode(grey)
    np.testing.assert_allclose(colour, Onnx(file).encode(grey.repeat(3, 3)), atol=1e-6)


def bad_models(file: Path) -> dict[str, tuple[Path, dict[str, Any], str]]:
    def put(name: str, write_it: Any, *args: Any, **more: Any) -> Path:
        return Path(write_it(file.with_name(name), *args, **more))

    two = [given("x", FLOAT, ["n", 3, 8, 8]), given("z", FLOAT, ["n", 3, 8, 8]), node("Add", ["x", "z"], "y")]
    same = node("Identity", ["x"], "y")
    text = file.with_name("text.onnx")
    text.write_text("no model")
    return {
        "two inputs": (put("2", write, *two, result("y", ["n", 3, 8, 8])), {}, r"2 inputs \(x, z\)"),
        "wrong type": (put("i", write, given("x", INT64, ["n", 3, 8, 8]), same), {}, r"takes tensor\(int64\)|no ONNX"),
        "open size": (put("o", pooled, ("n", 3, "h", "w")), {}, r"leaves the size of a picture open.*give size="),
        "other size": (put("s", pooled), {"size": 9}, "takes pictures of 8 × 8, not 9"),
        "fixed batch": (put("b", pooled, (4, 3, 8, 8)), {}, "n 1 or dynamic"),
        "no pictures": (put("l", linear), {}, "no pictures"),
        "NaN": (
            put("n", linear, operation="Log"),
            {"kind": "vectors"},
            "item 0 of X: encoder onnx gave NaN or infinity",
        ),
        "map": (
            put("m", write, given("x", FLOAT, ["n", 3, 8, 8]), same, result("y", ["n", 3, 8, 8])),
            {},
            "not numbers",
        ),
        "no output": (put("u", pooled), {"output": "z"}, "no output 'z'; it has y"),
        "wrong mean": (put("w", pooled), {"mean": (1.0, 2.0), "std": (1.0, 2.0)}, "3 numbers, one for each channel"),
        "mean alone": (put("a", pooled), {"mean": (1.0,)}, "go together"),
        "no model": (text, {}, "no ONNX model that can be loaded"),
        "nothing": (file.with_name("nowhere.onnx"), {}, "nowhere.onnx cannot be read: No such file"),
    }


BAD = "two inputs, wrong type, open size, other size, fixed batch, no pictures, NaN, map, no output, wrong mean, "
BAD += "mean alone, no model, nothing"


@pytest.mark.parametrize("name", BAD.split(", "))
def test_a_model_that_is_no_encoder_is_one_line(file: Path, name: str) -> None:
    path, fields, words = bad_models(file)[name]
    x = [-np.ones(4)] if fields.get("kind") == "vectors" else PICTURES
    with pytest.raises(InsituError, match=words) as caught:
        Onnx(path, **fields).encode(x)
    assert "\n" not in str(caught.value)


def test_the_items_that_a_model_turns_into_nan_are_named_and_the_rest_goes_on(file: Path) -> None:
    x = np.random.default_rng(0).normal(size=(70, 4))  # several batches
    encoder = Onnx(linear(file, operation="Log"), kind="vectors")
    alone, odd = [], []
    for row, each in enumerate(x):
        try:
            alone.append(encoder.encode([each])[0])
        except InsituError:
            odd.append(row)
    assert 0 < len(odd) < 70
    failed: dict[int, str] = {}
    found = encoder.encode(x, on_error=lambda row, error: failed.update({row: str(error)}))
    assert sorted(failed) == odd
    assert all(f"item {row} of X" in text and "NaN" in text for row, text in failed.items())
    np.testing.assert_allclose(found, np.array(alone), rtol=1e-5)


def test_a_file_is_an_encoder_by_its_path(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pooled(file)
    with Memory.open("m.insitu", substrate="digital", encoder="model.onnx", dim=16) as memory:
        answer = memory.fit(PICTURES, list("abc")).predict_proba(PICTURES)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with Memory.open(tmp_path / "m.insitu", readonly=True) as memory:
        assert np.array_equal(memory.predict_proba(PICTURES), answer)


def test_a_memory_follows_the_content_of_the_file_and_not_its_place(file: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.insitu"
    with Memory.open(path, substrate="digital", encoder=Onnx(pooled(file)), dim=16) as memory:
        memory.fit(PICTURES, list("abc"))
        answer = memory.predict_proba(PICTURES)
    moved = file.rename(tmp_path / "moved.onnx")
    with Memory.open(path) as memory, pytest.raises(InsituError, match=r"model\.onnx cannot be read"):
        memory.predict(PICTURES)
    with Memory.open(path, encoder=Onnx(moved)) as memory:
        assert np.array_equal(memory.predict_proba(PICTURES), answer)
    for other in (Onnx(pooled(tmp_path / "other.onnx", seed=1)), Onnx(moved, mean=(1.0,), std=(1.0,))):
        with pytest.raises(InsituError, match=r"other weights of encoder onnx|another encoder"):
            Memory.open(path, encoder=other)
    pooled(file, seed=1)
    with Memory.open(path) as memory:
        for refused in (lambda: memory.predict(PICTURES), lambda: memory.partial_fit(PICTURES, list("abc"))):
            with pytest.raises(InsituError, match="onnx"):
                refused()
