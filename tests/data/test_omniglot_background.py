"""Background characters are the base; every evaluation character is a session, and no drawing is learned and tested."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from insitu.core import InsituError
from insitu.data.omniglot import Omniglot
from insitu.data.omniglot_background import OmniglotBackground


def test_evaluation_characters_come_one_after_the_other(ink: NDArray[np.uint8], packed: Path) -> None:
    made = OmniglotBackground().read()
    assert np.bincount(made.train.labels).tolist() == [14] * 6 + [10] * 4
    assert np.bincount(made.test.labels, minlength=10).tolist() == [0] * 6 + [10] * 4
    assert np.unique(np.stack([made.train.labels, made.session]), axis=1).T.tolist() == [
        *([character, 0] for character in range(6)),
        *([character, character - 5] for character in range(6, 10)),
    ]
    shots, tests = (part.pixels[part.labels == 8, :, :, 0] for part in (made.train, made.test))
    assert np.array_equal(shots, 255 * (1 - ink[8, :10]))
    assert np.array_equal(tests, 255 * (1 - ink[8, 10:]))


def test_what_is_verified_is_that_of_the_drawings(packed: Path, official: Path) -> None:
    assert OmniglotBackground(packed).read().verified == ""
    assert OmniglotBackground(official).read().verified == Omniglot(official).read().verified != ""


@pytest.mark.parametrize("count", [0, 21])
def test_base_train_is_checked(count: int) -> None:
    with pytest.raises(InsituError, match=f"from 1 to 20; got {count}"):
        OmniglotBackground(base_train=count)
