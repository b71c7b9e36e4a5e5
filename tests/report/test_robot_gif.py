"""The animated arm: a small picture that moves, in real time, of any movement."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from insitu.core import InsituError, generator
from insitu.report.robot_gif import animated
from insitu.scenarios.robot_arm import kinematics, wiener


def movement(steps: int) -> tuple[Any, Any, Any]:
    omega = wiener.trajectories(2, steps, generator(0, "gif"))[0].astype(np.float64)
    angles = kinematics.clipped(kinematics.angles_of(omega))
    return kinematics.forward(angles[0]), kinematics.forward(angles[1]), angles[1]


@pytest.mark.parametrize("steps", [2, 250])
def test_it_is_a_small_gif_in_real_time(steps: int) -> None:
    data = animated(*movement(steps))
    assert len(data) < 400 * 1024
    with Image.open(BytesIO(data)) as picture:
        assert picture.format == "GIF"
        assert picture.info["loop"] == 0
        lasted = 0
        for frame in range(picture.n_frames - 1):
            picture.seek(frame)
            lasted += picture.info["duration"]
        assert abs(lasted - 10 * steps) <= 60
        colours = picture.convert("RGB").getcolors(1 << 16)
        assert colours is not None
        assert max(colours)[1] == (0xFC, 0xFB, 0xF8)  # mostly paper


def test_frames_differ() -> None:
    with Image.open(BytesIO(animated(*movement(60)))) as picture:
        first = np.asarray(picture.convert("RGB"))
        picture.seek(picture.n_frames - 1)
        assert (first != np.asarray(picture.convert("RGB"))).any()


def test_points_that_do_not_belong_together_are_refused() -> None:
    target, path, angles = movement(9)
    with pytest.raises(InsituError, match=r"got \(\(9, 3\), \(8, 3\), \(9, 2\)\)"):
        animated(target, path[1:], angles)
    with pytest.raises(InsituError, match="NaN or infinity"):
        animated(target, path * np.nan, angles)
