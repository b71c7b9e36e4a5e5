"""Decoded arrays are decoded once, again when the source has changed or the stored ones came to harm."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from insitu.core import InsituError, cache_folder
from insitu.data import cache


class Decoder:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> dict[str, np.ndarray]:
        self.calls += 1
        return {
            "pixels": np.full((50, 40), self.calls, np.uint8),
            "names": np.array(["a", "b"]),
            "none": np.empty((0, 3)),
        }


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "source"
    file.write_bytes(b"one")
    return file


def stored() -> list[Path]:
    return sorted((cache_folder() / "decoded").iterdir())


def test_second_visit_is_mapped_and_not_decoded(source: Path) -> None:
    decode = Decoder()
    first, second = cache.arrays(source, "some", decode), cache.arrays(source, "some", decode)
    assert decode.calls == 1
    for made in (first, second):
        assert isinstance(made["pixels"], np.memmap)
        assert made["pixels"].shape == (50, 40)
        assert made["names"].tolist() == ["a", "b"]
        assert made["none"].shape == (0, 3)
    with pytest.raises(ValueError, match="read-only"):
        first["pixels"][0] = 0


def test_changed_source_is_decoded_anew_and_the_old_arrays_go(source: Path) -> None:
    decode = Decoder()
    cache.arrays(source, "some", decode)
    cache.arrays(source, "other", Decoder())
    source.write_bytes(b"three")
    assert cache.arrays(source, "some", decode)["pixels"][0, 0] == 2
    assert len(stored()) == 2
    os.utime(source, (1, 1))
    assert cache.arrays(source, "some", decode)["pixels"][0, 0] == 3


def test_changed_folder_is_decoded_anew(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "file").write_bytes(b"1")
    decode = Decoder()
    cache.arrays(folder, "some", decode)
    cache.arrays(folder, "some", decode)
    assert decode.calls == 1
    (folder / "deep" / "more").write_bytes(b"")
    cache.arrays(folder, "some", decode)
    assert decode.calls == 2
    (folder / "deep" / "more").rename(folder / "deep" / "less")
    cache.arrays(folder, "some", decode)
    assert decode.calls == 3


def empty(file: Path) -> None:
    file.write_bytes(b"")


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def garble(file: Path) -> None:
    file.write_bytes(b"\xff\x00[" + file.read_bytes()[3:])


@pytest.mark.parametrize("name", ["pixels.npy", "names.npy", "index.json"])
@pytest.mark.parametrize("harm", [empty, cut, garble, Path.unlink])
def test_damaged_arrays_are_decoded_anew(source: Path, name: str, harm: Callable[[Path], object]) -> None:
    decode = Decoder()
    cache.arrays(source, "some", decode)
    harm(stored()[0] / name)
    for _ in range(2):
        assert cache.arrays(source, "some", decode)["pixels"][0, 0] == 2


@pytest.mark.parametrize("text", ["3", "null", "[]", "{}", '["absent"]', "[[1]]"])
def test_a_strange_index_is_no_index(source: Path, text: str) -> None:
    decode = Decoder()
    cache.arrays(source, "some", decode)
    (stored()[0] / "index.json").write_text(text)
    assert cache.arrays(source, "some", decode)["pixels"][0, 0] == 2


def test_failed_decoding_leaves_nothing(source: Path) -> None:
    def fail() -> dict[str, np.ndarray]:
        raise InsituError("no")

    with pytest.raises(InsituError, match="no"):
        cache.arrays(source, "some", fail)
    assert not (cache_folder() / "decoded").exists()


def test_failed_writing_is_one_line_and_leaves_nothing(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(InsituError, match="No space left on device; free some space"):
        cache.arrays(source, "some", Decoder())
    assert stored() == []


def test_cache_folder_that_is_a_file(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSITU_CACHE", str(source))
    with pytest.raises(InsituError, match="could not write"):
        cache.arrays(source, "some", Decoder())


def test_missing_source(tmp_path: Path) -> None:
    with pytest.raises(InsituError, match="absent cannot be read"):
        cache.arrays(tmp_path / "absent", "some", Decoder())
