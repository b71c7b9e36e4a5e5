"""Characteristics of every device: plausible curves, text that fits a terminal, figures in two formats."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from insitu.core import InsituError
from insitu.devices import Device
from insitu.devices.figures import draw, measure, sketch
from insitu.devices.ideal import Ideal
from insitu.devices.pcm_hermes2022 import PcmHermes2022
from insitu.devices.pcm_joshi2020 import PcmJoshi2020
from insitu.devices.pcm_nandakumar2018 import PcmNandakumar2018

SOME: list[Device] = [Ideal(), PcmNandakumar2018(), PcmJoshi2020(), PcmHermes2022(1), PcmHermes2022(2)]
SOME_NAMED = pytest.mark.parametrize("device", SOME, ids=lambda device: f"{type(device).__name__}")


@SOME_NAMED
def test_curves_are_plain_finite_and_repeatable(device: Device) -> None:
    one, two = measure(device, 3), measure(device, 3)
    for field in fields(one):
        assert_array_equal(getattr(one, field.name), getattr(two, field.name))
    for field in fields(one)[3:]:
        assert np.isfinite(getattr(one, field.name)).all()
    assert bool(len(one.pulses)) == device.crystallises
    assert one.drift_mean_us.shape == one.drift_std_us.shape == one.read_std_us.shape == (3, len(one.age_s))
    assert one.age_s[0] == 60
    assert one.age_s[-1] == 365 * 86400
    assert (np.diff(one.drift_mean_us, axis=1) <= 1e-6).all()


def test_curves_of_the_ideal_device_are_exact() -> None:
    c = measure(Ideal())
    assert_array_equal(c.pulse_mean_us, np.arange(21.0).clip(max=20))
    assert_allclose(c.error_mean_us, 0, atol=1e-6)
    assert_allclose(c.drift_mean_us, np.broadcast_to(c.level_us[:, None], c.drift_mean_us.shape), rtol=1e-6)


@SOME_NAMED
def test_text_fits_a_terminal(device: Device) -> None:
    lines = sketch(measure(device)).split("\n")
    assert max(map(len, lines)) <= 100
    assert len(lines) < 32
    assert lines[0].startswith(type(device).__name__)
    assert any("1 year" in line for line in lines)
    assert any("SET pulses" in line for line in lines[2:]) == device.crystallises


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_figures_are_written_and_repeatable(tmp_path: Path, suffix: str) -> None:
    curves = measure(PcmHermes2022())
    files = [tmp_path / f"{name}.{suffix}" for name in "ab"]
    for file in files:
        draw(curves, file)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert files[0].read_bytes()[:5] == (b"<?xml" if suffix == "svg" else b"\x89PNG\r")


def test_other_suffixes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InsituError, match=r"\.svg or \.png; got .*curves\.gif"):
        draw(measure(Ideal()), tmp_path / "curves.gif")
    assert not list(tmp_path.iterdir())


def test_text_needs_neither_matplotlib_nor_torch() -> None:
    code = (
        "import sys; from insitu.devices.figures import measure, sketch; from insitu.devices.ideal import Ideal; "
        "sketch(measure(Ideal())); assert not {'matplotlib', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
