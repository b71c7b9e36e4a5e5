"""Laws that every backbone obeys: adding a file to the room adds it to these tests."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fake_parts import show_fakes
from insitu import catalog
from insitu.backbones import Backbone, encoding, trained, weights_file
from insitu.backbones.binary.freezing import freeze
from insitu.core import InsituError, generator

# small variants of a backbone by name; a new backbone is tested as its defaults make it
VARIANTS: dict[str, list[dict[str, Any]]] = {
    "resnet12": [{"widths": (4, 6, 8, 10), "dim": 7}],
    "binary-resnet": [
        {"widths": (4, 8, 8, 24)},
        {"widths": (4, 8, 8, 24), "style": "bireal", "depths": (1, 2, 1, 3)},
        {"widths": (4, 8, 8, 24), "binary": False},
    ],
    "quicknet": [{"widths": (8, 12, 5, 9)}, {"widths": (8, 12, 5, 9), "binary": False}],
    "conv4": [{"width": 6}],
}
with pytest.MonkeyPatch.context() as patch:
    show_fakes(patch)  # one backbone of a file of its own, which obeys the same laws
    PARTS = {part: catalog.load(part) for part in catalog.parts("backbones")}
EVERY: list[Any] = [
    pytest.param(kind(**fields), id=f"{part.name}-{number}")
    for part, kind in PARTS.items()
    for number, fields in enumerate(VARIANTS.get(part.name, [{}]))
]
# those that encode images one by one; others normalise the images of a task together
ENCODERS = [param for param in EVERY if "images" in param.values[0].serves]
SIDE = 32  # pixels


def images(count: int, channels: int = 3) -> Tensor:
    drawn = generator(0, "images").uniform(-1, 1, (count, channels, SIDE, SIDE))
    return torch.from_numpy(drawn.astype(np.float32))


def outputs(network: nn.Module, batch: Tensor) -> list[Tensor]:
    with torch.no_grad():
        return [network.features(batch), network(batch)]  # type: ignore[operator]


@pytest.mark.parametrize("record", EVERY)
def test_the_same_seed_gives_the_same_weights_whatever_the_global_generator(record: Any) -> None:
    torch.manual_seed(1)
    one = record.build(3).state_dict()
    torch.manual_seed(2)
    again, other = record.build(3).state_dict(), record.build(4).state_dict()
    assert list(one) == list(again)
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("record", ENCODERS)
def test_running_leaves_the_global_generator_alone(record: Any) -> None:
    network = record.build(0).eval()
    before = torch.get_rng_state()
    outputs(network, images(1))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("record", EVERY)
def test_building_leaves_the_global_generator_alone(record: Any) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    record.build(0)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("record", ENCODERS)
def test_every_image_becomes_a_row_of_finite_numbers(record: Any) -> None:
    network = record.build().eval()
    widths = [out.shape[1] for out in outputs(network, images(1))]
    for count in (1, 3):
        for out, width in zip(outputs(network, images(count)), widths, strict=True):
            assert out.shape == (count, width)
            assert out.dtype == torch.float32
            assert torch.isfinite(out).all()


@pytest.mark.parametrize("record", ENCODERS)
def test_each_image_is_encoded_by_itself(record: Any) -> None:
    network, batch = record.build().eval(), images(4)
    together = outputs(network, batch)
    singly = [torch.cat(rows) for rows in zip(*(outputs(network, one[None]) for one in batch), strict=True)]
    for one, other in zip(together, singly, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)
        assert float((one[0] - one[1]).abs().max()) > 1e-4


@pytest.mark.parametrize("record", ENCODERS)
def test_running_changes_nothing(record: Any) -> None:
    network = record.build().eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    first, second = outputs(network, images(2)), outputs(network, images(2))
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("record", ENCODERS)
def test_a_gradient_reaches_every_weight(record: Any) -> None:
    network = record.build()
    network(images(4)).square().sum().backward()
    for name, weight in network.named_parameters():
        assert weight.grad is not None, name
        assert torch.isfinite(weight.grad).all(), name


@pytest.mark.parametrize("record", ENCODERS)
@pytest.mark.parametrize("shape", [(2, 2, SIDE, SIDE), (3, SIDE, SIDE), (2, 3, 0, SIDE)])
def test_what_is_no_batch_of_images_is_refused_in_one_line(record: Any, shape: tuple[int, ...]) -> None:
    with pytest.raises(InsituError) as caught:
        record.build().eval()(torch.zeros(shape))
    assert "\n" not in str(caught.value)
    assert str(tuple(shape)) in str(caught.value)


@pytest.mark.parametrize("record", EVERY)
def test_the_record_is_hashable_and_does_not_change(record: Any) -> None:
    assert hash(record) == hash(dataclasses.replace(record))
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(record, dataclasses.fields(record)[0].name, None)


pytestmark = pytest.mark.usefixtures("fakes")


def run(network: Any, record: Any) -> list[Tensor]:
    """Return what a network makes of images, tasks or movements, whichever it serves."""
    with torch.no_grad():
        if "images" in record.serves:
            batch = images(3, record.channels)
            return [network.features(batch), network(batch)]
        if "tasks" in record.serves:
            shape = (2, 3, record.channels, record.size, record.size)
            return [network(torch.from_numpy(generator(0, "tasks").random(shape, np.float32)))[0]]
        return list(network.state_dict().values())


def stored_precision(record: Any) -> nn.Module:
    """Return the record's network with weights that its file holds exactly."""
    network: nn.Module = record.build(1).eval()
    dtype = getattr(record.storage, "dtype", torch.float32)
    with torch.no_grad():
        for value in network.state_dict().values():
            if value.is_floating_point():
                value.copy_(value.to(dtype))
    return network


@pytest.mark.parametrize("record", EVERY)
def test_what_is_saved_is_loaded_by_the_one_loader_with_equal_outputs(record: Any, tmp_path: Path) -> None:
    network = stored_precision(record)
    weights_file.save(tmp_path / "net", network, {"note": "for a test"})
    stored = weights_file.load(tmp_path / "net")
    assert (stored.network.record, stored.card["note"], stored.head) == (record, "for a test", None)
    inference = freeze(network) if "latents" in record.serves else network
    for one, other in zip(run(stored.network, record), run(inference, record), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("record", EVERY)
def test_a_head_is_stored_with_any_network(record: Any, tmp_path: Path) -> None:
    head = torch.arange(6.0).view(2, 3)
    weights_file.save(tmp_path / "net", record.build(), {}, head)
    assert torch.equal(weights_file.load(tmp_path / "net").head, head)  # type: ignore[arg-type]


@pytest.mark.parametrize("record", EVERY)
def test_a_card_of_an_unknown_class_is_refused_in_one_line(record: Any, tmp_path: Path) -> None:
    weights_file.save(tmp_path / "net", record.build(), {})
    card = json.loads((tmp_path / "net.json").read_text())
    (tmp_path / "net.json").write_text(json.dumps(card | {"architecture": "vgg16"}))
    with pytest.raises(InsituError, match=r"net\.json names an unknown architecture: nothing called 'vgg16'") as caught:
        weights_file.load(tmp_path / "net")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("record", EVERY)
def test_weights_of_another_class_are_refused_in_one_line(record: Any, tmp_path: Path) -> None:
    other = PARTS[next(part for part, kind in PARTS.items() if kind is not type(record))]()
    weights_file.save(tmp_path / "net", record.build(), {})
    card = json.loads((tmp_path / "net.json").read_text())
    named = {"architecture": catalog.part_of(type(other)).path.stem, "record": dataclasses.asdict(other)}  # type: ignore[union-attr]
    (tmp_path / "net.json").write_text(json.dumps(card | named))
    with pytest.raises(InsituError, match=r"belongs to another card|another architecture") as caught:
        weights_file.load(tmp_path / "net")
    assert "\n" not in str(caught.value)


def test_a_network_that_is_no_part_is_not_saved(tmp_path: Path) -> None:
    class Foreign(Backbone):
        def build(self, seed: int = 0) -> nn.Module:
            network = nn.Linear(1, 1)
            network.record = self
            return network

    with pytest.raises(InsituError, match="Foreign is no backbone of the room; add it as a file of its own name"):
        weights_file.save(tmp_path / "net", Foreign().build(), {})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("record", EVERY)
def test_a_trained_backbone_is_found_by_name_and_by_what_it_serves(
    record: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSITU_CACHE", str(tmp_path))
    weights_file.save(tmp_path / "training" / "mine" / "mine", record.build(), {})
    for use in ("images", "latents", "tasks", "movements"):
        assert ("mine" in trained.known(use)) == (use in record.serves)
        if use in record.serves:
            trained.check("mine", use)
        else:
            with pytest.raises(InsituError, match=rf"backbone mine is a \w+, which serves .*, not {use};"):
                trained.check("mine", use)


@pytest.mark.parametrize("record", ENCODERS)
def test_a_trained_encoder_gives_activations_and_what_leads_from_them_to_the_memory(
    record: Any, tmp_path: Path
) -> None:
    weights_file.save(tmp_path / "net", record.build(), {})
    network = weights_file.load(tmp_path / "net").network
    pixels = generator(0, "pixels").integers(0, 256, (3, 20, 20, record.channels), np.uint8)
    activations = encoding.features(network, pixels, SIDE)
    weight, bias = encoding.last_layer(network, activations.shape[1])
    vectors = activations.float() @ weight.T + bias
    assert len(vectors) == 3
    assert torch.isfinite(vectors).all()
