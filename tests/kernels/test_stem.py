"""The float stem in one pass: the reference's bits, torch's numbers, whatever batch and threads, wrong shapes."""

from __future__ import annotations

import numba
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from insitu.core import InsituError
from insitu.kernels import compiled
from insitu.kernels.binary import unpack
from insitu.kernels.stem import Stem, fused, prepare_stem, stem, stem_reference

SHAPES = [(1, 2, 2, 1, 1), (2, 4, 6, 3, 5), (3, 8, 2, 4, 33), (1, 32, 32, 3, 64), (2, 16, 16, 2, 100)]  # n h w in out


def drawn(n: int, h: int, w: int, channels: int, out: int) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    rng = np.random.default_rng(n + out)
    x = rng.uniform(-1, 1, (n, h, w, channels)).astype(np.float32)
    weight = rng.standard_normal((out, 3, 3, channels), dtype=np.float32)
    return x, weight, [rng.standard_normal(out, dtype=np.float32) for _ in range(3)]


@pytest.mark.skipif(compiled() is None, reason="Numba does not work here")
@pytest.mark.parametrize("shape", SHAPES)
def test_the_loop_gives_the_bits_of_its_reference(shape: tuple[int, int, int, int, int]) -> None:
    x, weight, after = drawn(*shape)
    held = prepare_stem(weight, *after)
    (out, bits), (expected, expected_bits) = stem(x, held), stem_reference(x, held)
    assert (out.shape, out.dtype, bits.dtype) == (expected.shape, expected.dtype, expected_bits.dtype)
    assert np.array_equal(out, expected)
    assert np.array_equal(bits, expected_bits)


@pytest.mark.parametrize("shape", SHAPES)
def test_numbers_are_torch_s_up_to_rounding_and_bits_theirs(shape: tuple[int, int, int, int, int]) -> None:
    x, weight, (scale, shift, limit) = drawn(*shape)
    image, kernel = (torch.from_numpy(values).permute(0, 3, 1, 2) for values in (x, weight))
    expected = F.max_pool2d(F.conv2d(image, kernel, padding=1), 2).permute(0, 2, 3, 1).numpy() * scale + shift
    out, bits = stem(x, prepare_stem(weight, scale, shift, limit))
    np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-4)
    assert np.array_equal(unpack(bits, shape[-1]) > 0, out >= limit)
    assert not np.unpackbits(bits.view(np.uint8), axis=-1, bitorder="little")[..., shape[-1] :].any()


@pytest.mark.skipif(compiled() is None, reason="Numba does not work here")
def test_batches_and_threads_change_nothing() -> None:
    x, weight, after = drawn(6, 32, 32, 3, 64)
    held, most = prepare_stem(weight, *after), numba.get_num_threads()
    out, bits = stem(x, held)
    try:
        for threads in range(1, most + 1):
            numba.set_num_threads(threads)
            again, again_bits = stem(x, held)
            assert np.array_equal(again, out)
            assert np.array_equal(again_bits, bits)
    finally:
        numba.set_num_threads(most)
    for number, one in enumerate(x):
        alone = stem(one[None], held)
        assert np.array_equal(alone[0][0], out[number])
        assert np.array_equal(alone[1][0], bits[number])


@given(st.tuples(*[arrays(np.float32, 6, elements=st.floats(-100, 100, width=32))] * 3))
def test_a_fused_multiply_add_rounds_once(numbers: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    a, b, c = (values.astype(np.longdouble) for values in numbers)  # 64 bits where the processor has them
    assert np.array_equal(fused(*numbers), (a * b + c).astype(np.float32))


def test_a_fused_multiply_add_is_right_where_two_roundings_would_not_be() -> None:
    # a product just above a tie between two float32 numbers: float64 alone would round it to the tie, then to even
    a, b, c = (np.array([v], np.float32) for v in (2.0**-30, 1 + 2.0**-23, 1 + 2.0**-23))
    half = np.array([2.0**-24], np.float32)
    assert fused(half, b, c)[0] == np.float32(1 + 2.0**-22)
    assert fused(a * a, a, c + 0)[0] == c[0]


@pytest.mark.parametrize("shape", [(2, 3, 4, 3), (2, 4, 4, 2), (4, 4, 3)])
def test_images_that_do_not_fit_are_refused(shape: tuple[int, ...]) -> None:
    _, weight, after = drawn(1, 2, 2, 3, 4)
    with pytest.raises(InsituError, match=r"give float32 \(n, h, w, 3\) with even sides"):
        stem(np.zeros(shape, np.float32), prepare_stem(weight, *after))


def test_weights_and_factors_that_do_not_fit_are_refused() -> None:
    _, weight, after = drawn(1, 2, 2, 3, 4)
    with pytest.raises(InsituError, match=r"give \(out, 3, 3, channels\)"):
        prepare_stem(weight[:, :2], *after)
    with pytest.raises(InsituError, match="give one number per channel, 4"):
        prepare_stem(weight, after[0], after[1][:3], after[2])
    assert isinstance(prepare_stem(weight, *after), Stem)
