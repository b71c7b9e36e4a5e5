"""Files of frozen networks: what was saved comes back; what is damaged or of another architecture is one line."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from insitu.backbones import weights_file
from insitu.backbones.binary.freezing import freeze
from insitu.backbones.binary_resnet import BinaryResnet
from insitu.backbones.quicknet import Quicknet
from insitu.core import InsituError
from lively import images, lively

TINY = BinaryResnet(widths=(4, 8, 8, 24))
QUICK = Quicknet((4, 10, 6, 70), (2, 1, 1, 2))


@pytest.mark.parametrize("record", [TINY, BinaryResnet("bireal", (64, 64, 64, 128), channels=1), QUICK])
def test_what_was_saved_comes_back(record: Any, tmp_path: Path) -> None:
    network, batch = lively(record), images(3, channels=record.channels)
    weights_file.save(tmp_path / "net", network, {"image_size": 32, "note": "for a test"})
    drawn = torch.get_rng_state()
    frozen, card, _ = weights_file.load(tmp_path / "net")
    assert torch.equal(torch.get_rng_state(), drawn)
    assert frozen.record == record
    assert card == json.loads((tmp_path / "net.json").read_text())
    assert (card["architecture"], card["image_size"], card["note"]) == (frozen.name, 32, "for a test")
    assert torch.equal(frozen(batch), freeze(network)(batch))


@pytest.fixture
def stem(tmp_path: Path) -> Path:
    weights_file.save(tmp_path / "tiny", lively(TINY), {"image_size": 32})
    return tmp_path / "tiny"


def refused(stem: Path, message: str) -> None:
    with pytest.raises(InsituError, match=message) as caught:
        weights_file.load(stem)
    assert "\n" not in str(caught.value)


@settings(max_examples=60)
@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_a_file_with_flipped_bits_is_refused(place: float, flip: int) -> None:
    data = bytearray(DATA)
    data[int(place * len(data))] ^= flip
    stem = FOLDER / "flipped"
    stem.with_suffix(".safetensors").write_bytes(data)
    refused(stem, "flipped")


@pytest.fixture(scope="module", autouse=True)
def whole(tmp_path_factory: pytest.TempPathFactory) -> None:
    global DATA, FOLDER
    FOLDER = tmp_path_factory.mktemp("flipped")
    weights_file.save(FOLDER / "flipped", lively(TINY), {})
    DATA = (FOLDER / "flipped.safetensors").read_bytes()


DATA, FOLDER = b"", Path()


@pytest.mark.parametrize("keep", [0, 5, 400, -1])
def test_weights_cut_short_are_refused(stem: Path, keep: int) -> None:
    file = stem.with_suffix(".safetensors")
    file.write_bytes(file.read_bytes()[:keep])
    refused(stem, "is not a complete backbone")


@pytest.mark.parametrize("suffix", [".json", ".safetensors"])
def test_a_missing_file_is_named(stem: Path, suffix: str) -> None:
    stem.with_suffix(suffix).unlink()
    refused(stem, r"tiny.*provide both tiny\.safetensors and \.json")


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", "{}", '{"record": 3}', '{"architecture": "binary_resnet", "record": {"widths": 3}}'),
        '{"architecture": "binary_resnet", "record": {"widths": [4, 8, 8, 24], "depth": 1}}',
        '{"architecture": "nothing", "record": {}}',
        '{"architecture": 3, "record": {}}',
    ],
)
def test_a_damaged_card_is_refused(stem: Path, text: str) -> None:
    stem.with_suffix(".json").write_text(text)
    refused(stem, "tiny|nothing")


@pytest.mark.parametrize(
    "other",
    [
        replace(TINY, style="bireal"),
        replace(TINY, widths=(4, 8, 8, 32)),
        Quicknet((4, 8, 8, 24)),
    ],
)
def test_weights_of_another_architecture_than_the_card_says_are_refused(stem: Path, other: Any, tmp_path: Path) -> None:
    card = json.loads(stem.with_suffix(".json").read_text())
    name = "quicknet" if isinstance(other, Quicknet) else "binary_resnet"
    stem.with_suffix(".json").write_text(json.dumps(card | {"architecture": name, "record": vars(other)}))
    refused(stem, r"tiny\.safetensors is damaged or belongs to another card")


def test_weights_of_signs_are_no_float_twin(stem: Path) -> None:
    card = json.loads(stem.with_suffix(".json").read_text())
    stem.with_suffix(".json").write_text(json.dumps(card | {"record": vars(replace(TINY, binary=False))}))
    refused(stem, r"tiny\.safetensors is damaged or belongs to another card")


def test_what_the_card_tells_besides_may_change(stem: Path) -> None:
    card = json.loads(stem.with_suffix(".json").read_text())
    stem.with_suffix(".json").write_text(json.dumps(card | {"note": "corrected"}))
    assert weights_file.load(stem).card["note"] == "corrected"


def test_a_full_disk_is_one_line_and_leaves_the_old_file(stem: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {file.name: file.read_bytes() for file in stem.parent.iterdir()}

    def full(path: Path, data: object) -> int:
        path.open("wb").close()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InsituError, match=r"could not write .*tiny\.safetensors: No space left"):
        weights_file.save(stem, lively(TINY, 2), {})
    monkeypatch.undo()
    assert {file.name: file.read_bytes() for file in stem.parent.iterdir()} == before
