"""Sample drawings: always the same, never two alike, within the sheet."""

from __future__ import annotations

import numpy as np
import pytest

from insitu.core import generator
from insitu.service import sample_drawings

CHARACTERS = {label: strokes for characters in sample_drawings.SETS.values() for label, strokes in characters.items()}


@pytest.mark.parametrize("label", CHARACTERS)
def test_a_drawing_is_ink_on_a_whole_sheet(label: str) -> None:
    drawings = [sample_drawings.draw(CHARACTERS[label], generator(0, label, number)) for number in range(4)]
    for each in drawings:
        assert each.shape == (sample_drawings.SIDE, sample_drawings.SIDE)
        assert 0.02 < (each < 128).mean() < 0.3
        border = np.concatenate([each[[0, -1]].ravel(), each[:, [0, -1]].ravel()])
        assert (border == 255).mean() > 0.97
    assert not np.array_equal(drawings[0], drawings[1])
    assert np.array_equal(drawings[0], sample_drawings.draw(CHARACTERS[label], generator(0, label, 0)))


def test_labels_are_unique_over_all_sets() -> None:
    labels = [each["label"] for one in sample_drawings.examples()["sets"] for each in one["classes"]]
    assert len(set(labels)) == len(labels) == 10
    for one in sample_drawings.examples()["sets"]:
        for each in one["classes"]:
            assert (len(each["images"]), len(each["ask"])) == (sample_drawings.TEACH, sample_drawings.QUERY)
            assert len({*each["images"], *each["ask"]}) == sample_drawings.TEACH + sample_drawings.QUERY
