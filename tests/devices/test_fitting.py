"""Constants that are known come back from measurements drawn with them: of a published device, and of a linear one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import measured_tables
import numpy as np
import pytest
from numpy.testing import assert_allclose

from insitu.core import InsituError, generator
from insitu.devices import Device
from insitu.devices.fitting.measurements import read_csv
from insitu.devices.fitting.pulses import Fit, fit
from insitu.devices.fitting.report import findings
from insitu.devices.laws import check
from insitu.devices.measured import MeasuredDevice
from insitu.devices.pcm_nandakumar2018 import PcmNandakumar2018

CELLS, PULSES = 400, 20


@dataclass(frozen=True)
class Linear(MeasuredDevice):
    """Made-up cell: steps of 0.5 ± 0.2 µS whatever it holds, a spread of exponents, an error of program-and-verify."""

    full_us: float = 10.0
    ceiling_us: float = 14.0
    reset_us: tuple[float, float] = (0.5, 0.1)
    step_mean_us: tuple[float, float, float] = (0.0, 0.5, 0.0)
    step_std_us: tuple[float, float, float] = (0.0, 0.2, 0.0)
    history_pulses: float = 3.0
    drift: tuple[float, float] = (0.05, 0.01)
    drift_t0_s: float = 38.6
    read_us: tuple[float, float] = (0.05, 0.01)
    targets_us: tuple[float, ...] = (0.0, 10.0)
    error_us: tuple[float, ...] = (0.6, 0.2)
    spread_us: tuple[float, ...] = (0.1, 0.3)


@cache
def fitted(device: Device, programmed: bool = False) -> Fit:
    with TemporaryDirectory() as name:
        folder = Path(name)
        measured_tables.write(device, folder, CELLS, reads=2)
        drift = read_csv(folder / "drift.csv", "time_s")
        table = read_csv(folder / "programmed.csv", "target_us") if programmed else None
        return fit(read_csv(folder / "pulses.csv", "pulse"), drift, table)


def curve(device: Device) -> np.ndarray:
    """Mean and spread (2, pulses) of the conductance after 1..20 pulses."""
    cells, rng, out = device.reset((20_000,), 0.0, generator(5)), generator(6), []
    for _ in range(PULSES):
        cells = device.pulse(cells, np.ones(cells.shape, np.int64), 0.0, rng)
        out.append((cells.conductance_us.mean(), cells.conductance_us.std()))
    return np.array(out).T


def test_the_published_curve_comes_back_within_a_quarter_of_a_microsiemens() -> None:
    device = PcmNandakumar2018(g_max_us=20.0)
    # 400 cells know the mean to 0.13 µS and the spread to 0.1 µS, which the fit smooths over pulses
    assert_allclose(curve(fitted(device).device), curve(device), atol=0.25)


def test_steps_drift_and_noise_of_the_published_device_come_back() -> None:
    device = fitted(PcmNandakumar2018(g_max_us=20.0)).device
    assert_allclose(device.step_mean_us, (-0.084, 0.880, 1.40), atol=0.2)
    assert_allclose(device.drift, (0.04, 0.0), atol=0.004)
    assert device.drift_t0_s == 38.6
    assert_allclose(device.read_us, (0.13, 0.03), rtol=0.1)


def test_a_linear_device_comes_back() -> None:
    device = fitted(Linear()).device
    # 400 cells know the mean after 20 pulses to 0.045 µS and the spread to 0.03 µS
    assert_allclose(curve(device), curve(Linear()), atol=0.1)
    assert_allclose(device.reset_us, (0.5, 0.1), atol=0.02)
    assert_allclose(device.drift, (0.05, 0.01), atol=0.003)
    assert_allclose(device.read_us, (0.05, 0.01), rtol=0.2)
    assert not device.targets_us


def test_program_and_verify_comes_back_where_it_was_measured() -> None:
    device = fitted(Linear(), programmed=True).device
    # 400 cells know the error to 0.015 µS
    assert_allclose(device.targets_us, np.linspace(0, 10, 6), atol=1e-3)
    assert_allclose(device.error_us, np.linspace(0.6, 0.2, 6), atol=0.05)
    assert_allclose(device.spread_us, np.linspace(0.1, 0.3, 6), atol=0.05)
    written = device.program(np.full(20_000, 5.0, np.float32), 0.0, generator(0)).conductance_us
    assert abs(written.mean() - 5.4) < 0.05
    assert abs(written.std() - 0.2) < 0.04


@pytest.mark.parametrize("device", [PcmNandakumar2018(g_max_us=20.0), Linear()], ids=["published", "linear"])
def test_a_fitted_device_keeps_the_laws(device: Device) -> None:
    check(fitted(device).device)


def test_findings_name_data_and_what_is_assumed() -> None:
    whole = fitted(Linear(), programmed=True)
    text = "\n".join(findings(whole))
    assert "400 cells, 21 pulse numbers from 0 to 20, 16800 reads" in text
    assert "drift exponent 0.0" in text
    assert "6 measured targets" in text
    assert not whole.assumed
    bare = fit(whole.pulses)
    assert len(bare.assumed) == 2
    assert "no series in time" in bare.assumed[0]
    assert bare.device.drift == (0.0, 0.0)


def test_cells_that_differ_lastingly_are_said_to(tmp_path: Path) -> None:
    rng = generator(3)
    speeds, first = rng.uniform(0.3, 0.7, 100), rng.uniform(0, 1, 100)
    g = first[:, None] + np.cumsum(speeds[:, None] + 0.1 * rng.standard_normal((100, 20)), 1)
    rows = [f"{cell},{pulse},{us}" for cell, mine in enumerate(g) for pulse, us in enumerate(mine)]
    (tmp_path / "fast.csv").write_text("cell,pulse number,conductance µS\n" + "\n".join(rows), encoding="utf-8")
    whole = fit(read_csv(tmp_path / "fast.csv", "pulse"))
    assert any("cells that differ lastingly are modelled" in line for line in findings(whole))
    assert "no read is repeated" in whole.assumed[0]


def test_conductances_that_rise_with_time_have_no_drift(tmp_path: Path) -> None:
    rows = [f"{cell},{t},{5 + 0.1 * t}" for cell in range(9) for t in (1, 2, 4, 8)]
    (tmp_path / "drift.csv").write_text("cell,time_s,conductance_us\n" + "\n".join(rows))
    whole = fit(fitted(Linear()).pulses, read_csv(tmp_path / "drift.csv", "time_s"))
    assert whole.device.drift[0] == 0
    assert any("conductances do not fall, so none is modelled" in line for line in findings(whole))


@pytest.mark.parametrize(
    ("times", "scale", "said"),
    [
        ((1, 10), 1, "3 times or more, .* got 2 from 1 s"),
        ((0, 1, 10), 1, "above 0; got 3 from 0 s"),
        ((1, 10, 100), -1, "0 cells have 3 reads above 0"),
    ],
)
def test_drift_that_cannot_be_fitted_is_refused(
    tmp_path: Path, times: tuple[int, ...], scale: float, said: str
) -> None:
    rows = [f"{cell},{t},{5 * scale}" for cell in range(9) for t in times]
    (tmp_path / "drift.csv").write_text("cell,time_s,conductance_us\n" + "\n".join(rows))
    with pytest.raises(InsituError, match=said):
        fit(fitted(Linear()).pulses, read_csv(tmp_path / "drift.csv", "time_s"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"full_us": 0.0},
        {"ceiling_us": 21.0},
        {"ceiling_us": 9.0},
        {"history_pulses": 0.0},
        {"drift_t0_s": float("nan")},
        {"drift": (-0.1, 0.0)},
        {"reset_us": (0.0, -1.0)},
        {"error_us": (0.0,)},
    ],
)
def test_impossible_constants_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InsituError, match="got"):
        Linear(**wrong)  # type: ignore[arg-type]
