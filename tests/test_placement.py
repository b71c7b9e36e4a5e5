"""Placing networks: equal to float where devices are ideal, a clock, calibration, gradients, what is refused."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from insitu.backbones.resnet12 import ResNet12
from insitu.core import InsituError, generator
from insitu.devices.ideal import Ideal
from insitu.devices.pcm_hermes2022 import PcmHermes2022
from insitu.placement import Placed, at, place
from insitu.substrates import Substrate
from insitu.substrates.crossbar import Crossbar
from insitu.substrates.digital import Digital

EXACT = [
    pytest.param(Crossbar(Ideal(), pairs=1, tile=16, input_bits=0, adc_bits=0), id="crossbar"),
    pytest.param(Digital(), id="digital"),
]


def rng(*names: str) -> np.random.Generator:
    return generator(0, "place", *names)


def images(n: int, channels: int, size: int) -> Tensor:
    return torch.from_numpy(rng("images").standard_normal((n, channels, size, size)).astype(np.float32))


def small_cnn() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(6, 8, 3, stride=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(72, 5),
    )


@pytest.mark.parametrize("substrate", EXACT)
def test_ideal_devices_and_exact_converters_equal_the_float_network(substrate: Crossbar | Digital) -> None:
    network, x = small_cnn(), images(4, 3, 8)
    placed = place(network, substrate, 0.0, rng(), example=x)
    assert sum(isinstance(layer, Placed) for layer in placed.modules()) == 3
    assert torch.allclose(placed(x), network(x), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("substrate", EXACT)
def test_a_residual_backbone_keeps_its_methods(substrate: Crossbar | Digital) -> None:
    network = ResNet12((4, 6, 8, 10), dim=12).build().eval()
    x = images(2, 3, 32)
    placed = place(network, substrate, 0.0, rng(), example=x)
    assert torch.allclose(placed(x), network(x), atol=1e-4, rtol=1e-3)
    assert torch.allclose(placed.features(x), network.features(x), atol=1e-4, rtol=1e-3)  # type: ignore[operator]


@pytest.mark.parametrize(
    "settings",
    [
        {"kernel_size": 3, "stride": 2, "padding": 1, "dilation": 2},
        {"kernel_size": (3, 2), "stride": (1, 3), "padding": (0, 2), "dilation": (2, 1)},
        {"kernel_size": (4, 3), "padding": "same", "dilation": (1, 2)},
        {"kernel_size": 2, "padding": "valid", "bias": False},
        {"kernel_size": 3, "padding": 2, "padding_mode": "reflect"},
        {"kernel_size": 3, "padding": (1, 2), "padding_mode": "circular"},
        {"kernel_size": 1, "padding": 1, "padding_mode": "replicate"},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:Using padding='same'")  # torch's own remark on even kernels
def test_every_kind_of_convolution(settings: dict[str, object]) -> None:
    torch.manual_seed(1)
    layer = nn.Conv2d(3, 4, **settings)  # type: ignore[arg-type]
    x = images(3, 3, 9)
    placed = place(layer, EXACT[0].values[0], 0.0, rng())  # type: ignore[arg-type]
    assert torch.allclose(placed(x), layer(x), atol=1e-5, rtol=1e-4)


def test_linear_layers_take_any_leading_dimensions() -> None:
    layer = nn.Linear(6, 4)
    placed = place(layer, EXACT[0].values[0], 0.0, rng())  # type: ignore[arg-type]
    for shape in ((6,), (3, 6), (2, 3, 6), (2, 1, 3, 6)):
        x = torch.ones(shape)
        assert torch.allclose(placed(x), layer(x), atol=1e-5)


def test_the_network_given_stays_as_it_was() -> None:
    network = small_cnn()
    network[0].train()
    before = copy.deepcopy(network.state_dict())
    place(network, Crossbar(PcmHermes2022()), 0.0, rng(), example=images(2, 3, 8))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not any(isinstance(layer, Placed) for layer in network.modules())


def test_calibration_uses_the_example_and_leaves_running_statistics() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 2))
    x = images(8, 3, 8)
    placed = place(network, Crossbar(Ideal(), pairs=1), 0.0, rng(), example=x)
    assert all(
        known is not None for layer in placed.modules() if isinstance(layer, Placed) for known in layer.held.ranges_us
    )
    assert torch.equal(placed[1].running_mean, network[1].running_mean)  # type: ignore[index]
    assert placed.training
    network.eval()
    placed.eval()
    error = (placed(x) - network(x)).norm() / network(x).norm()
    assert error < 0.05


def test_the_clock_ages_all_layers() -> None:
    network = small_cnn()
    x = images(4, 3, 8)
    placed = place(network, Crossbar(PcmHermes2022(), adc_bits=0), 0.0, rng())
    placed(x)
    at(placed, 3e7)
    late = place(network, Crossbar(PcmHermes2022(), adc_bits=0), 0.0, rng())
    at(late, 3e7)
    assert {layer.now_s for layer in placed.modules() if isinstance(layer, Placed)} == {3e7}
    first, second = late[0], placed[0]  # type: ignore[index]
    with torch.no_grad():
        assert first(x).std() < 0.9 * network[0](x).std()  # type: ignore[index]
        assert second(x).std() == pytest.approx(float(first(x).std()), rel=0.1)
    at(placed, -1.0)
    with pytest.raises(InsituError, match="time runs forward"):
        placed(x)


def test_gradients_pass_straight_through_to_inputs_and_biases_alone() -> None:
    network, x = small_cnn(), images(2, 3, 8).requires_grad_()
    placed = place(network, EXACT[0].values[0], 0.0, rng())  # type: ignore[arg-type]
    placed(x).square().sum().backward()
    assert x.grad is not None
    got, x.grad = x.grad, None
    network(x).square().sum().backward()
    assert torch.allclose(got, x.grad, atol=1e-4, rtol=1e-3)
    assert {name for name, value in placed.named_parameters()} == {"0.bias", "2.bias", "5.bias"}
    assert all(value.grad is not None for value in placed.parameters())


def test_a_layer_used_twice_is_written_once() -> None:
    layer = nn.Linear(4, 4)
    placed = place(nn.Sequential(layer, nn.ReLU(), layer), Digital(), 0.0, rng())
    assert placed[0] is placed[2]  # type: ignore[index]


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(4, 4, 3, groups=2),
        nn.Conv1d(4, 4, 3),
        nn.Conv3d(4, 4, 3),
        nn.ConvTranspose2d(4, 4, 3),
        nn.LSTM(4, 4),
        nn.GRUCell(4, 4),
        nn.MultiheadAttention(4, 2),
        nn.Bilinear(2, 2, 2),
        nn.LazyLinear(3),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_layers_that_cannot_be_placed_are_named(layer: nn.Module) -> None:
    with pytest.raises(InsituError, match=f"1 is a {type(layer).__name__}") as caught:
        place(nn.Sequential(nn.ReLU(), layer), Digital(), 0.0, rng())
    assert "\n" not in str(caught.value)


def test_a_layer_of_few_rows_fills_its_tile() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(4 * 36, 2))
    rng = np.random.default_rng(0)
    for fill, copies in ((False, [1, 1]), (True, [28, 1])):
        placed: Any = place(network, Crossbar(Ideal(), pairs=1), 0.0, rng, fill=fill)
        assert [layer.substrate.copies for layer in (placed[0], placed[2])] == copies
    x = torch.rand(3, 1, 8, 8)
    with torch.no_grad():
        assert torch.allclose(placed(x), network(x), atol=0.05)


@pytest.mark.parametrize("exact", EXACT)
@pytest.mark.parametrize("rest", [-0.3, 1.0])
def test_inputs_taken_from_their_rest_give_the_same_products(exact: Substrate, rest: float) -> None:
    network = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.Flatten(), nn.Linear(4 * 36, 2))
    x = torch.rand(3, 2, 6, 6)
    placed: Any = place(network, exact, 0.0, rng(), rest={"0": rest, "2": rest})
    with torch.no_grad():
        assert torch.allclose(placed(x), network(x), atol=1e-4)


def test_inputs_at_rest_draw_no_noise() -> None:
    network, x = nn.Sequential(nn.Conv2d(1, 4, 3, bias=False)), torch.ones(2, 1, 5, 5)
    placed: Any = place(network, Crossbar(PcmHermes2022(), pairs=1), 0.0, rng(), rest={"0": 1.0})
    with torch.no_grad():
        assert torch.allclose(placed(x), network(x), atol=1e-5)
        assert not torch.allclose(placed(x * 0.5), network(x * 0.5), atol=1e-5)
    fed = placed[0].product_cost(9) - placed[0].substrate.product_cost(placed[0].held, 9)
    assert fed.counts == {"digital_add": 36}


def test_rest_of_an_unknown_layer_is_refused() -> None:
    with pytest.raises(InsituError, match="rest names 1, which is no layer to place; those are 0"):
        place(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), Digital(), 0.0, rng(), rest={"1": 1.0})
