"""Sounds and photos over HTTP: decoded within limits, taught, queried, shown by small pictures."""

from __future__ import annotations

import base64
import io
import wave
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from asking import Serve, Service
from numpy.typing import NDArray
from PIL import Image

from insitu import FunctionEncoder, Memory
from insitu.core import InsituError
from insitu.data import sounds
from insitu.encoders import Encoder, Kind
from insitu.memory.pictures import LARGEST, PICTURES, SIZES
from insitu.memory.storage.event_check import check_event
from insitu.memory.storage.interchange import export_memory, import_memory

RATE = 8000


@dataclass(frozen=True)
class Loudness(Encoder):
    """The loudness of eight parts of a recording."""

    kind: ClassVar[Kind] = "sounds"
    dim: ClassVar[int] = 8

    def digest(self) -> str:
        return "loudness"

    def read(self, item: Any) -> NDArray[np.float32]:
        return sounds.samples(item, RATE)

    def vectors(self, inputs: Any) -> NDArray[np.float64]:
        return np.array([[np.abs(part).mean() for part in np.array_split(each, 8)] for each in inputs], np.float64)


def means(batch: NDArray[np.float32]) -> NDArray[np.float64]:
    return batch.reshape(len(batch), 3, 8, 4, 32).mean((2, 4)).reshape(len(batch), -1).astype(np.float64)


PHOTOS = FunctionEncoder(means, "means", kind="images", size=32)


def wav(envelope: list[float], seconds: float = 1.0, rate: int = RATE) -> str:
    loud = np.repeat(envelope, int(rate * seconds / len(envelope)))
    tone = np.sin(np.arange(len(loud)))
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((20_000 * loud * tone).astype("<i2").tobytes())
    return "data:audio/wav;base64," + base64.b64encode(out.getvalue()).decode()


def photo(colour: tuple[int, int, int], size: tuple[int, int], seed: int = 0) -> str:
    noise = np.random.default_rng(seed).integers(-20, 20, (size[1], size[0], 3))
    out = io.BytesIO()
    Image.fromarray((np.array(colour) + noise).clip(0, 255).astype(np.uint8)).save(out, "JPEG")
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()


def opened(file: Path, encoder: Encoder) -> Memory:
    return Memory.open(file, encoder=encoder, substrate="digital", dim=16)


@pytest.fixture
def heard(serve: Serve, tmp_path: Path) -> Service:
    return serve(opened(tmp_path / "heard.insitu", Loudness()))


def test_sounds_of_different_lengths_are_taught_and_told_apart(heard: Service) -> None:
    up, down = [0.1, 0.3, 0.6, 0.9], [0.9, 0.6, 0.3, 0.1]
    taught = {
        "labels": ["up", "down", "up", "down"],
        "sounds": [wav(up), wav(down), wav(up, 0.5), wav(down, 2, 16_000)],
    }
    assert heard.get("/api/memory").json["input"] == "sound"
    assert heard.post("/api/teach", taught).status == 200
    assert heard.post("/api/predict", {"sound": wav(up, 0.7)}).json["predictions"][0]["label"] == "up"
    replies = heard.together(*[("/api/predict", {"sounds": [wav(down, n / 4)]}) for n in range(1, 9)])
    assert {reply.json["predictions"][0]["label"] for reply in replies} == {"down"}
    assert heard.post("/api/ahead", {"seconds": 1.0, "sound": wav(up)}).json["without"]["scores"][0]["label"] == "up"
    found = heard.get("/api/taught", "label=up&pictures=1").json["examples"]
    assert [each["picture"] is None for each in found] == [True, False]
    picture = Image.open(io.BytesIO(base64.b64decode(found[1]["picture"].partition(",")[2])))
    ink = (np.asarray(picture) == 0).sum(0)
    assert ink[:24].mean() < ink[-24:].mean(), "the picture rises with the loudness"
    assert [each is not None for each in heard.memory.example_pictures(heard.memory.examples())] == [True] * 4


@pytest.mark.parametrize(("sound", "status", "says"), [
    ("data:audio/mpeg;base64,AAAA", 422, "WAV"),
    ("data:audio/wav;base64,AA=A", 422, "base64"),
    ("data:audio/wav;base64," + base64.b64encode(b"no sound").decode(), 422, "no WAV file"),
    ("data:audio/wav;base64," + "A" * 2**21, 413, "bytes"),
    (wav([0.0]), 422, "silent"),
    (wav([0.5], 31), 413, "30 s"),
    (wav([0.5], 1, 1000), 422, "rate"),
])  # fmt: skip
def test_what_is_no_sound_is_refused(heard: Service, sound: str, status: int, says: str) -> None:
    reply = heard.post("/api/teach", {"label": "a", "sound": sound})
    assert (reply.status, says in reply.json["detail"]) == (status, True), reply.json
    assert heard.get("/api/memory").json["events"] == 0


def test_each_memory_takes_one_kind(heard: Service) -> None:
    for other in ({"vector": [1.0] * 8}, {"image": photo((1, 2, 3), (40, 40))}):
        reply = heard.post("/api/teach", {"label": "a", **other})
        assert (reply.status, reply.json["detail"]) == (422, "this memory takes sounds")
    assert heard.post("/api/teach", {"label": "a", "sound": wav([0.5]), "vector": [1.0]}).status == 422


def test_photos_of_different_sizes_are_taught_with_small_pictures(serve: Serve, tmp_path: Path) -> None:
    service = serve(opened(tmp_path / "seen.insitu", PHOTOS))
    colours = {"red": (200, 30, 30), "blue": (30, 30, 200)}
    sizes = [(64, 48), (300, 500), (1000, 40)]
    photos = [(name, photo(colour, size, n)) for name, colour in colours.items() for n, size in enumerate(sizes)]
    body = {"labels": [name for name, _ in photos], "images": [url for _, url in photos]}
    assert service.get("/api/memory").json["input"] == "photo"
    assert service.post("/api/teach", body).status == 200
    for name, colour in colours.items():
        assert (
            service.post("/api/predict", {"image": photo(colour, (90, 70), 9)}).json["predictions"][0]["label"] == name
        )
        for each in service.get("/api/taught", f"label={name}&pictures=64").json["examples"]:
            data = base64.b64decode(each["picture"].partition(",")[2])
            assert len(data) <= LARGEST
            mean = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).mean((0, 1))
            assert np.abs(mean - colour).max() < 15
    assert service.post("/api/relabel", {"example": 0, "label": "blue"}).status == 200
    assert service.get("/api/taught", "label=blue&pictures=64").json["examples"][0]["picture"]


def test_pictures_are_exported_and_wrong_ones_change_nothing(tmp_path: Path) -> None:
    with Memory.open(tmp_path / "m.insitu", substrate="digital", dim=8) as memory:
        for wrong in ([b""], [b"x" * (LARGEST + 1), b""]):
            with pytest.raises(InsituError, match="pictures are one for each example"):
                memory.partial_fit([[1.0, 0.0], [0.0, 1.0]], ["a", "b"], pictures=wrong)
        memory.partial_fit([[1.0, 0.0], [0.0, 1.0]], ["a", "b"], pictures=[b"one", b""])
        assert memory.example_pictures(memory.examples()) == [b"one", None]
    export_memory(tmp_path / "m.insitu", tmp_path / "out")
    import_memory(tmp_path / "out", tmp_path / "copy.insitu").close()
    with Memory.open(tmp_path / "copy.insitu") as copy:
        assert copy.example_pictures(copy.examples()) == [b"one", None]
        event = copy._store.event(1)  # type: ignore[union-attr]
    for damaged in ({PICTURES: event.arrays[PICTURES][:-1]}, {SIZES: event.arrays[SIZES] - 1}):
        with pytest.raises(InsituError, match="pictures"):
            check_event(1, replace(event, arrays=event.arrays | damaged), False)
