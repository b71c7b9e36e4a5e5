"""Products of 1-bit numbers: the loops against plain references and against torch, bit for bit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from torch.nn import functional

from insitu.core import InsituError, generator
from insitu.kernels import binary, binary_block, compiled, threading
from insitu.kernels.packed_weights import Prepared, prepare

CHANNELS = (1, 3, 63, 64, 65, 130)
WINDOWS = ((1, 1, 0), (3, 1, 1), (3, 2, 1), (5, 2, 3), (3, 3, 5), (2, 1, 0))  # kernel, stride, padding


def signs(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.choice(np.asarray([-1.0, 1.0], np.float32), shape)


def torch_conv2d(x: np.ndarray, weight: np.ndarray, stride: int, padding: int) -> np.ndarray:
    maps, kernels = (torch.tensor(a).permute(0, 3, 1, 2) for a in (x, weight))
    sums: np.ndarray = functional.conv2d(maps, kernels, stride=stride, padding=padding).permute(0, 2, 3, 1).numpy()
    return sums


def layer(rng: np.random.Generator, out: int, rectify: bool = False) -> binary_block.Epilogue:
    scale, shift, knee, slope, lift, threshold = rng.standard_normal((6, out))
    return binary_block.epilogue(scale, shift, knee, slope, lift, threshold, rectify)


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """How to set the number of threads; small products are shared out too."""
    numba = pytest.importorskip("numba")
    before = numba.get_num_threads()
    monkeypatch.setattr(threading, "SHARE", 1)
    yield lambda count: numba.set_num_threads(min(count, numba.config.NUMBA_NUM_THREADS))
    numba.set_num_threads(before)


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize(("kernel", "stride", "padding"), WINDOWS)
def test_convolution(threads: Any, channels: int, kernel: int, stride: int, padding: int) -> None:
    rng = generator(channels, "convolution", kernel, stride)
    for n, height, width, out in ((1, 6, 11, 1), (3, 7, 5, 33), (2, 5, 6, 64)):
        x, weight = signs(rng, n, height, width, channels), signs(rng, out, kernel, kernel, channels)
        words, packed = binary.pack(x), binary.pack(weight)
        expected = binary.binary_conv2d_reference(words, packed, channels, stride, padding)
        assert np.array_equal(expected, torch_conv2d(x, weight, stride, padding))
        for count in (1, 2):
            threads(count)
            got = binary.binary_conv2d(words, prepare(packed), channels, stride, padding)
            assert got.dtype == np.int32
            assert np.array_equal(got, expected)


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("added", [False, True])
def test_block(threads: Any, channels: int, added: bool) -> None:
    rng = generator(channels, "block", int(added))
    for (kernel, stride, padding), out in zip(WINDOWS, (31, 32, 33, 64, 100, 1), strict=True):
        words = binary.pack(signs(rng, 2, 6, 9, channels))
        weight = binary.pack(signs(rng, out, kernel, kernel, channels))
        shape = binary.binary_conv2d(words, weight, channels, stride, padding).shape
        residual = rng.standard_normal(shape).astype(np.float32) if added else None
        after = layer(rng, out, rectify=bool(out % 2))
        given = words, weight, channels, after, residual, stride, padding
        expected, bits = binary_block.binary_block_reference(*given)
        for count in (1, 2):
            threads(count)
            y, got = binary_block.binary_block(*given)
            assert np.array_equal(y, expected)
            assert np.array_equal(got, bits)
    into = np.ones(shape, np.float32) if residual is None else residual
    y, got = binary_block.binary_block(*given, out=into)  # in place of what it adds
    assert y is into
    assert np.array_equal(y, expected)
    assert np.array_equal(got, bits)


def test_block_is_batch_norm_shortcut_and_rprelu() -> None:
    rng = generator(2, "modules")
    x, weight = signs(rng, 2, 5, 5, 70), signs(rng, 40, 3, 3, 70)
    norm = torch.nn.BatchNorm2d(40).eval()
    residual = rng.standard_normal((2, 5, 5, 40)).astype(np.float32)
    knee, slope, lift = rng.standard_normal((3, 40)).astype(np.float32)
    with torch.no_grad():
        for entries in (norm.running_mean, norm.weight, norm.bias):
            assert entries is not None
            entries.copy_(torch.tensor(rng.standard_normal(40)))
        sums = torch.tensor(torch_conv2d(x, weight, 1, 1)).permute(0, 3, 1, 2)
        bent = norm(sums).permute(0, 2, 3, 1) + torch.tensor(residual - knee)
        expected = torch.where(bent > 0, bent, bent * torch.tensor(slope)).numpy() + lift
    scale = (norm.weight * (norm.running_var + norm.eps) ** -0.5).detach().numpy()  # type: ignore[operator]
    shift = norm.bias.detach().numpy() - norm.running_mean.numpy() * scale  # type: ignore[union-attr]
    after = binary_block.epilogue(scale, shift, knee, slope, lift)
    y, bits = binary_block.binary_block(binary.pack(x), binary.pack(weight), 70, after, residual, padding=1)
    assert np.allclose(y, expected, rtol=1e-5, atol=1e-4)
    assert np.array_equal(binary.unpack(bits, 40), np.where(y >= 0, 1, -1))


@given(st.data())
def test_any_products(data: st.DataObject) -> None:
    channels, n, out = (data.draw(st.integers(1, most)) for most in (200, 4, 40))
    reals = arrays.arrays(np.float32, (n, channels), elements=st.floats(-1, 1, width=32))
    x, weight = data.draw(reals), signs(generator(n, "any", channels, out), out, channels)
    words, packed = binary.pack(x), binary.pack(weight)
    given = words[:, None, None], packed[:, None, None], channels
    got = binary.binary_conv2d(*given)[:, 0, 0]
    assert np.array_equal(got, np.where(x >= 0, 1, -1) @ weight.T.astype(np.int64))
    assert np.array_equal(got, binary.binary_conv2d_reference(*given)[:, 0, 0])


@given(arrays.arrays(st.sampled_from(["f4", "f8", "i4", "?"]), arrays.array_shapes(max_dims=3, max_side=140)))
def test_packing_keeps_signs_and_the_rest_zero(x: np.ndarray) -> None:
    words = binary.pack(x)
    assert np.array_equal(words, binary.pack_reference(x))
    assert np.array_equal(binary.unpack(words, x.shape[-1]), np.where(x >= 0, 1, -1))
    assert int(np.bitwise_count(words).sum()) == np.count_nonzero(x >= 0)
    limits = generator(0, "limits").standard_normal(x.shape[-1], np.float32)
    assert np.array_equal(binary.unpack(binary.pack(x, limits), x.shape[-1]), np.where(x >= limits, 1, -1))
    assert np.array_equal(binary.pack(x, limits), binary.pack_reference(x, limits))


def test_each_bit_meets_the_weight_of_its_channel() -> None:
    channels = 130
    one = np.where(np.eye(channels, dtype=bool), 1, -1)
    words = binary.pack(one)
    for c in range(channels):
        assert words[c].tolist() == [1 << (c % 64) if word == c // 64 else 0 for word in range(3)]
    # two rows that are +1 at one place each agree everywhere but at those two
    sums = binary.binary_conv2d(words[:, None, None], words[:, None, None], channels)
    assert np.array_equal(sums[:, 0, 0], one @ one.T)


def test_each_tap_meets_the_pixel_beneath_it() -> None:
    image = -np.ones((1, 5, 6, 1), np.float32)
    image[0, 2, 3] = 1
    for ky in range(3):
        for kx in range(3):
            weight = -np.ones((1, 3, 3, 1), np.float32)
            weight[0, ky, kx] = 1
            sums = binary.binary_conv2d(binary.pack(image), binary.pack(weight), 1, 1, 1)[0, ..., 0]
            assert np.argwhere(sums == 9).tolist() == [[2 - ky + 1, 3 - kx + 1]]


def test_sums_beyond_sixteen_bits() -> None:
    channels = 4096
    ones = np.ones((1, 3, 3, channels), np.float32)
    words, against = binary.pack(ones), binary.pack(-ones)
    for weight, expected in ((words, 9 * channels), (against, -9 * channels)):
        assert abs(expected) > 2**15
        assert binary.binary_conv2d(words, weight, channels).item() == expected
        assert binary.binary_conv2d_reference(words, weight, channels).item() == expected


def test_prepared_weights_are_the_same_weights() -> None:
    packed = binary.pack(signs(generator(3, "prepared"), 45, 3, 2, 100))
    made = prepare(packed)
    assert np.array_equal(made.words, packed)
    moved = np.empty(made.tiles.size + 1, np.uint64)[1:].reshape(made.tiles.shape)  # begins where no line of cache does
    moved[:] = made.tiles
    x = binary.pack(signs(generator(4, "prepared"), 2, 6, 6, 100))
    expected = binary.binary_conv2d(x, packed, 100)
    assert np.array_equal(binary.binary_conv2d(x, Prepared(moved, 45), 100), expected)
    assert np.array_equal(binary.binary_conv2d(x[:, ::-1][:, ::-1], made, 100), expected)  # a view that is not in order


def test_many_callers_at_once(threads: Any) -> None:
    threads(2)
    rng = generator(5, "callers")
    x, weight = binary.pack(signs(rng, 2, 8, 8, 64)), prepare(binary.pack(signs(rng, 64, 3, 3, 64)))
    expected = binary.binary_conv2d(x, weight, 64, 1, 1)
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda _: binary.binary_conv2d(x, weight, 64, 1, 1), range(40))
        assert all(np.array_equal(one, expected) for one in found)


def nothing(*shape: int, kind: str = "u8") -> Any:
    return np.zeros(shape, kind)


AFTER = binary_block.epilogue(np.ones(4), np.ones(4))
BAD: dict[str, tuple[Any, str]] = {
    "width": (lambda: binary.binary_conv2d(nothing(1, 5, 5, 2), nothing(4, 3, 3, 2), 64), "64 channels"),
    "weights": (lambda: binary.binary_conv2d(nothing(1, 5, 5, 2), nothing(4, 3, 3, 1), 128), "weights of 1 words"),
    "type": (lambda: binary.binary_conv2d(nothing(1, 5, 5, 1, kind="i8"), nothing(4, 3, 3, 1), 64), "int64"),
    "list": (lambda: binary.unpack([1, 2], 128), "list"),  # type: ignore[arg-type]
    "dimensions": (lambda: binary.binary_conv2d(nothing(5, 5, 1), nothing(4, 3, 3, 1), 64), r"\(5, 5, 1\)"),
    "empty": (lambda: binary.binary_conv2d(nothing(0, 1, 1, 1), nothing(4, 1, 1, 1), 64), "empty"),
    "stride": (lambda: binary.binary_conv2d(nothing(1, 5, 5, 1), nothing(4, 3, 3, 1), 64, -1), "stride -1"),
    "padding": (lambda: binary.binary_conv2d(nothing(1, 5, 5, 1), nothing(4, 3, 3, 1), 64, 1, -1), "padding -1"),
    "window": (lambda: binary.binary_conv2d(nothing(1, 2, 5, 1), nothing(4, 3, 3, 1), 64), "3x3 in images of 2x5"),
    "channels": (lambda: binary.unpack(nothing(3, 0 + 1), 65), "65 channels"),
    "no channels": (lambda: binary.pack(nothing(3, 0)), r"\(3, 0\)"),
    "text": (lambda: binary.pack(np.asarray(["a"])), "real numbers"),
    "limits": (lambda: binary.pack(nothing(3, 5), np.zeros(4)), r"\(4,\)"),
    "scale": (lambda: binary_block.epilogue(1.0, 1.0), "scale"),
    "slope": (lambda: binary_block.epilogue(np.ones(4), np.ones(4), slope=np.ones(3)), "slope"),
    "after": (lambda: binary_block.binary_block(nothing(1, 3, 3, 1), nothing(5, 3, 3, 1), 64, AFTER), "of 4 channels"),
    "residual": (
        lambda: binary_block.binary_block(nothing(1, 3, 3, 1), nothing(4, 3, 3, 1), 64, AFTER, nothing(1, 3, 3, 4)),
        "residual",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_fit_is_said_in_one_line(case: str) -> None:
    call, said = BAD[case]
    with pytest.raises(InsituError, match=said) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_sums_that_int32_cannot_hold_are_refused() -> None:
    wide = Prepared(np.broadcast_to(np.uint64(0), (1, 2**16, 2**16, 1, 32)), 1)  # takes no memory
    with pytest.raises(InsituError, match="int32"):
        binary.binary_conv2d(nothing(1, 1, 1, 1), wide, 64, padding=2**16)


def outcome() -> dict[str, Any]:
    """One block three times over, and what was warned of on the way."""
    rng = generator(6, "outcome")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        x, weight = binary.pack(signs(rng, 2, 6, 6, 70)), binary.pack(signs(rng, 40, 3, 3, 70))
        y, bits = binary_block.binary_block(x, weight, 70, layer(rng, 40), padding=1)
    return {"y": y.ravel().tolist(), "bits": bits.ravel().tolist(), "said": [str(one.message) for one in caught]}


def elsewhere(*given: str, **environment: str) -> Any:
    """What another process prints."""
    here = os.environ | {"NUMBA_NUM_THREADS": "1"} | environment
    found = subprocess.run([sys.executable, *given], env=here, capture_output=True, text=True, check=True)
    return json.loads(found.stdout)


def test_without_numba_the_references_run_and_say_so_once() -> None:
    got, expected = elsewhere(__file__, NUMBA_DISABLE_JIT="1"), outcome()
    assert len(got["said"]) == 1
    assert "NumPy" in got["said"][0]
    assert (got["y"], got["bits"]) == (expected["y"], expected["bits"])


READS = """
import numpy; from insitu.kernels import _binary, binary
ones = numpy.ones((1, 1, 1, 1), numpy.uint64); binary.binary_conv2d(ones, ones, 64)
print(sum(_binary.sum_rows.stats.cache_hits.values()))
"""


@pytest.mark.skipif(compiled() is None, reason="Numba does not work here")
def test_a_loop_is_compiled_once_and_read_from_the_disk_afterwards(tmp_path: Path) -> None:
    assert [elsewhere("-c", READS, NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(2)] == [0, 1]


if __name__ == "__main__":
    print(json.dumps(outcome()))
