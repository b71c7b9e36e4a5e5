"""Unit vectors for the memory, and how far the mean of a few of them is from the mean of many."""

from __future__ import annotations

import weakref
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from blobs import FEATURES, base, draw, shots
from insitu.core import generator
from insitu.learners.column_calibration import corrected
from insitu.learners.projections import Kind, Projection, fit, inverse_root, orthonormal, scatter
from insitu.protocols import Examples
from insitu.protocols.few_shot_sessions import FewShotBase

KINDS = get_args(Kind)
FITTED = fit(base(), "whitened", 64, 1.0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dim", [4, FEATURES, 100])
def test_vectors_have_unit_length(kind: Kind, dim: int) -> None:
    projection = fit(base(), kind, dim, 1.0)
    vectors = projection.vectors(draw(list(range(12))).x)
    assert vectors.shape == (12, {"trained": len(base().bias), "whitened": dim, "identity": FEATURES}[kind])
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(12))


def test_the_trained_projection_is_the_last_layer_tanh_and_centring() -> None:
    given, x = base(), draw([0, 9]).x
    layer = lambda v: torch.tanh(v @ given.weight.T + given.bias)  # noqa: E731
    expected = F.normalize(layer(x) - layer(given.examples.x).mean(0))
    torch.testing.assert_close(fit(given, "trained", 7, 1.0).vectors(x), expected)


def test_identity_keeps_bits_bipolar_and_of_one_size() -> None:
    bits = torch.sign(draw(list(range(12))).x)
    vectors = fit(base(), "identity", 7, 1.0).vectors(bits)
    torch.testing.assert_close(vectors, bits / FEATURES**0.5)


def test_whitening_makes_the_spread_within_classes_round() -> None:
    stretch = torch.diag(torch.linspace(0.3, 3, FEATURES))
    noise = torch.from_numpy(generator(0, "noise").standard_normal((8 * 200, FEATURES))).float()
    labels = torch.arange(8).repeat_interleave(200)
    given = replace(base(), examples=Examples(base().means[labels] + noise @ stretch, labels))
    projection = fit(given, "whitened", 64, 1e-4)
    within = (given.examples.x - given.means[labels]) @ projection.weight.T
    values = torch.linalg.eigvalsh(within.T @ within / len(within))[-FEATURES:]
    torch.testing.assert_close(values, torch.ones(FEATURES), atol=0.02, rtol=0)


@pytest.mark.parametrize("size", [1, 7, 90])
@pytest.mark.parametrize("ratio", [1.0, 30.0, 1e3])
def test_the_inverse_root_is_that_of_eigenvectors_at_every_scale(size: int, ratio: float) -> None:
    drawn = torch.from_numpy(generator(0, "root", size).standard_normal((size, size)))
    axes, values = torch.linalg.qr(drawn)[0], torch.logspace(0, 1, size, base=ratio, dtype=torch.float64)
    for scale in (1e-20, 1.0, 1e20):
        found = inverse_root(axes * (values * scale) @ axes.T)
        expected = axes * (values * scale).rsqrt() @ axes.T
        assert ((found - expected).abs() <= 1e-6 * ratio**0.5 * expected.abs().max()).all()
        assert torch.equal(found, found.T)


@pytest.mark.parametrize("shape", [(5, 1), (40, 40), (70, 30)])
def test_orthonormal_columns_are_those_of_lapack(shape: tuple[int, int]) -> None:
    drawn = generator(0, "columns").standard_normal(shape)
    np.testing.assert_allclose(orthonormal(drawn), np.linalg.qr(drawn)[0], atol=1e-12)


def test_vectors_do_not_depend_on_the_order_of_features() -> None:
    order = torch.from_numpy(generator(0, "order").permutation(FEATURES))
    given, x = base(), draw(list(range(12))).x
    for kind in ("trained", "whitened"):
        whole = fit(given, kind, 64, 1.0)
        turned = replace(whole, weight=whole.weight[:, order])
        assert torch.equal(whole.vectors(x), turned.vectors(x[:, order]))


def test_whitening_to_more_dimensions_keeps_angles() -> None:
    small, large = (fit(base(), "whitened", dim, 1.0) for dim in (FEATURES, 90))
    x = draw(list(range(12))).x
    cosines = [p.vectors(x) @ p.vectors(x).T for p in (small, large)]
    torch.testing.assert_close(*cosines, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", ["trained", "whitened"])
def test_classes_stay_apart_when_all_share_a_large_offset(kind: Kind) -> None:
    # activations after a rectifier point the same way; what is common to all classes must not count
    far = base()
    shifted = replace(
        far, means=far.means + 30, examples=Examples(far.examples.x + 30, far.examples.labels), bias=far.bias * 0
    )
    shifted = replace(shifted, weight=shifted.weight - shifted.weight.mean(1, keepdim=True))
    vectors = fit(shifted, kind, 64, 1.0).vectors(shifted.means)
    cosine = (vectors @ vectors.T).fill_diagonal_(0)
    assert float(cosine.abs().mean()) < 0.35


@pytest.mark.parametrize("kind", KINDS)
def test_one_example_per_class_is_enough(kind: Kind) -> None:
    one = shots(list(range(8)), each=1)
    projection = fit(FewShotBase(one.x, one, base().weight, base().bias), kind, 64, 1.0)
    vectors = projection.vectors(one.x)
    assert torch.isfinite(vectors).all()
    assert projection.scatter == 0
    assert (vectors @ vectors.T).argmax(1).tolist() == list(range(8))


def clouds(count: int, dim: int, classes: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return noisy unit vectors (classes, count, dim) around random directions."""
    rng = generator(seed, "clouds")
    centres = torch.from_numpy(rng.standard_normal((classes, 1, dim)))
    noise = torch.from_numpy(rng.standard_normal((classes, count, dim)))
    return F.normalize(centres + noise, dim=2).float(), F.normalize(centres, dim=2).float()


def test_scatter_is_unbiased_however_few_the_examples() -> None:
    dim = 12
    many, _ = clouds(20_000, dim, 4, 0)
    truth = float((many - many.mean(1, keepdim=True)).square().sum(2).mean())
    for each in (2, 3, 10):
        found = []
        for seed in range(60):
            few = torch.stack([many[c, generator(seed, c, each).permutation(20_000)[:each]] for c in range(4)])
            found.append(scatter(few.flatten(0, 1), torch.arange(4).repeat_interleave(each)))
        mean, error = torch.tensor(found).mean(), torch.tensor(found).std() / len(found) ** 0.5
        assert abs(float(mean) - truth) < 3 * float(error)
        # dividing by the number of examples instead would be off by the share 1 / each
        assert each > 3 or truth / each > 3 * float(error)


def test_scatter_by_hand() -> None:
    vectors = torch.tensor([[0.0, 0.0], [2.0, 0.0], [5.0, 5.0], [1.0, 1.0], [1.0, 3.0]])
    # class 4: two of distance 1; class 9: two of distance 1; class 2 alone; free: 5 - 3
    assert scatter(vectors, torch.tensor([4, 4, 2, 9, 9])) == pytest.approx((2 + 2) / 2)
    assert scatter(vectors[:3], torch.tensor([0, 1, 2])) == 0


@pytest.mark.parametrize("shots_", [1, 2, 5])
def test_the_mean_of_a_few_shots_is_longer_by_the_scatter(shots_: int) -> None:
    dim, classes = 64, 400
    cloud, _ = clouds(200, dim, classes, 1)
    truth = float(cloud.mean(1).square().sum(1).mean())
    spread = scatter(cloud.flatten(0, 1), torch.arange(classes).repeat_interleave(200))
    few = cloud[:, :shots_].mean(1).square().sum(1)  # (classes,)
    error = float(few.std()) / classes**0.5 + 1e-6  # rounding, where one shot has length one exactly
    assert abs(float(few.mean()) - (truth - spread / 200 + spread / shots_)) < 3 * error
    # what the memory takes out of a few-shot mean, at correction 1, is this excess
    sums, count = cloud[:, :shots_].sum(1), torch.full((classes,), float(shots_))
    kept = corrected(sums, count, spread, 0.0).square().sum(1)
    torch.testing.assert_close(kept, torch.ones(classes))
    taken = few / corrected(sums, count, spread, 1.0).square().sum(1)  # by the squared length taken for the true one
    assert abs(float(taken.mean()) - (truth - spread / 200)) < 3 * error


def test_queries_are_mapped_once_while_they_stay_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    projection, x, mapped = fit(base(), "whitened", 64, 1.0), draw([0, 1, 2]).x, list[int]()
    activations = Projection.activations

    def count(self: Projection, x: Tensor) -> Tensor:
        mapped.append(len(x))
        return activations(self, x)

    monkeypatch.setattr(Projection, "activations", count)
    first = projection.queries(x)
    assert projection.queries(x).data_ptr() == first.data_ptr()
    assert len(mapped) == 1
    assert torch.equal(projection.queries(x.clone()), first)
    x[0] = 0  # in place
    assert torch.equal(projection.queries(x), projection.vectors(x))
    with torch.inference_mode():
        assert torch.equal(projection.queries(x.clone()), projection.vectors(x))


def test_queries_are_not_kept_longer_than_their_tensor() -> None:
    projection = fit(base(), "identity", 7, 1.0)
    for label in range(5):
        vectors = weakref.ref(projection.queries(draw([label]).x))
    projection.queries(draw([0]).x)
    assert vectors() is None


@given(first=st.integers(0, 12), count=st.integers(0, 12), step=st.integers(1, 2), column=st.integers(0, 3))
def test_queries_that_are_part_of_a_larger_tensor_are_mapped_as_they_are(
    first: int, count: int, step: int, column: int
) -> None:
    wide = draw(list(range(12))).x.repeat(1, 2)
    for rows in (wide[:, :FEATURES].clone(), wide[:, column : column + FEATURES]):
        part = rows[first : first + count : step]
        assert torch.equal(FITTED.queries(part), FITTED.vectors(part))
