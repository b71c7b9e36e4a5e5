"""Backbone files: what was saved comes back; what is damaged or of another architecture is one line."""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from insitu.backbones import encoding, trained, weights_file
from insitu.backbones.resnet12 import ResNet12, ResNet12Module
from insitu.core import InsituError, generator

TINY = ResNet12((2, 3, 4, 5), dim=7)
PIXELS = generator(0, "pixels").integers(0, 256, (7, 20, 20, 3), np.uint8)


@pytest.fixture
def stem(tmp_path: Path) -> Path:
    weights_file.save(tmp_path / "tiny", TINY.build(1), {"image_size": 16, "note": "for a test"})
    return tmp_path / "tiny"


def card(stem: Path) -> dict[str, Any]:
    return json.loads(stem.with_suffix(".json").read_text())  # type: ignore[no-any-return]


def test_weights_come_back_in_half_precision(stem: Path) -> None:
    network = weights_file.load(stem).network
    assert isinstance(network, ResNet12Module)
    for name, value in TINY.build(1).state_dict().items():
        assert torch.equal(network.state_dict()[name], value.half().float() if value.is_floating_point() else value)
    assert not network.training


def test_the_card_names_the_architecture_and_what_was_given(stem: Path) -> None:
    read = weights_file.load(stem).card
    assert read == card(stem)
    assert read["architecture"] == "resnet12"
    assert read["record"] == {"widths": [2, 3, 4, 5], "dim": 7, "channels": 3, "stem": 1}
    assert (read["image_size"], read["note"]) == (16, "for a test")


def test_features_do_not_depend_on_how_images_are_batched(stem: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = weights_file.load(stem).network
    whole = encoding.features(network, PIXELS, 16)
    monkeypatch.setattr(encoding, "BATCH", 3)
    assert whole.shape == (7, 5)
    assert whole.dtype == torch.float16
    assert torch.equal(whole, encoding.features(network, PIXELS, 16))


def test_mirrored_features_are_those_of_an_image_and_its_mirror_image(stem: Path) -> None:
    network = weights_file.load(stem).network
    one, other = (encoding.features(network, p, 16).float() for p in (PIXELS, PIXELS[:, :, ::-1]))
    both = encoding.features(network, PIXELS, 16, mirror=True).float()
    torch.testing.assert_close(both, (one + other) / 2, atol=2e-3, rtol=2e-3)
    assert float((one - other).abs().max()) > 0.01


def test_the_fingerprint_is_that_of_the_weights(stem: Path) -> None:
    first = weights_file.fingerprint(stem)
    weights_file.save(stem, TINY.build(1), {"image_size": 99})
    assert weights_file.fingerprint(stem) == first
    weights_file.save(stem, TINY.build(2), {"image_size": 16})
    assert weights_file.fingerprint(stem) != first


def test_weights_of_another_architecture_are_refused(stem: Path) -> None:
    other = stem.with_name("other")
    wider = ResNet12((2, 3, 4, 6), dim=7)
    weights_file.save(other, wider.build(), {})
    shutil.copy(other.with_suffix(".safetensors"), stem.with_suffix(".safetensors"))
    with pytest.raises(InsituError, match=r"tiny\.safetensors is damaged or belongs to another card") as error:
        weights_file.load(stem)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("keep", [0, 5, 400, -1])
def test_weights_cut_short_are_refused(stem: Path, keep: int) -> None:
    file = stem.with_suffix(".safetensors")
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(InsituError, match="is not a complete backbone") as error:
        weights_file.load(stem)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", "{}", '{"record": 3}'),
        *('{"record": {"widths": 3}}', '{"record": {"widths": [1, 2]}}'),
        '{"record": {"widths": [2, 3, 4, 5], "depth": 12}}',
    ],
)
def test_a_damaged_card_is_refused(stem: Path, text: str) -> None:
    stem.with_suffix(".json").write_text(text)
    with pytest.raises(InsituError) as error:
        weights_file.load(stem)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("suffix", [".json", ".safetensors"])
def test_a_missing_file_is_named(stem: Path, suffix: str) -> None:
    stem.with_suffix(suffix).unlink()
    with pytest.raises(InsituError, match=r"No such file.*tiny.*both tiny\.safetensors and \.json"):
        weights_file.load(stem)


def test_a_full_disk_is_one_line_and_leaves_the_old_file(stem: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {file.name: file.read_bytes() for file in stem.parent.iterdir()}

    def full(path: Path, data: object) -> int:
        path.open("wb").close()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InsituError, match=r"could not write .*tiny\.safetensors: No space left"):
        weights_file.save(stem, TINY.build(2), {})
    monkeypatch.undo()
    assert {file.name: file.read_bytes() for file in stem.parent.iterdir()} == before


def shipped() -> list[str]:
    return sorted(file.name.partition(".")[0] for file in trained.FOLDER.glob("*.embeddings.npz"))


@pytest.mark.parametrize("name", shipped())
def test_what_the_package_ships_is_whole(name: str) -> None:
    network, read, _ = weights_file.load(trained.FOLDER / name)
    assert int(read["image_size"]) >= 16
    weight, bias = encoding.last_layer(network, 0 if hasattr(network, "project") else network.last.channels)
    out = network(torch.zeros(1, read["record"]["channels"], 32, 32))
    assert out.shape == (1, len(weight)) == (1, len(bias))
    assert torch.isfinite(out).all()
    assert "no other image was seen" in read["data"]


@pytest.mark.parametrize("name", shipped())
def test_the_card_says_how_many_examples_were_kept(name: str) -> None:
    # else images encoded elsewhere would make another memory than the package does
    _, read, _ = weights_file.load(trained.FOLDER / name)
    with np.load(trained.FOLDER / f"{name}.embeddings.npz") as archive:
        assert np.bincount(archive["example_labels"]).max() == read.get("examples", 20)
