"""Laws that the constants of a device decide: ranges, growth by pulses, time. Tests hold every device to them.

The other laws, of types and seeds, depend on a device's code alone.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from insitu.core import InsituError, generator
from insitu.devices import OVERSHOOT, Array, Cells, Device

CELLS = 4000
AGES_S = (0.0, 1.0, 60.0, 3600.0, 86_400.0, 3e7, 3e9)


def cells_are_within_range(device: Device) -> None:
    """Programming spans the range; RESET leaves less than a tenth of it; nothing passes twice full scale."""
    full = device.full_scale_us
    low, high, erased = _written(device, 0), _written(device, 1), device.reset((CELLS,), 0.0, generator(0))
    lowest, highest, of_reset = (100 * float(each.conductance_us.mean()) / full for each in (low, high, erased))
    _hold(lowest < 10, device, f"a target of 0 reads as {lowest:.0f} % of full scale on average; below 10 % is needed")
    _hold(highest > 80, device, f"a target of full scale reads as {highest:.0f} % of it; above 80 % is needed")
    _hold(of_reset < 10, device, f"RESET leaves {of_reset:.0f} % of full scale on average; below 10 % is needed")
    kinds = [low, high, erased]
    if device.crystallises:
        kinds.append(device.pulse(erased, np.full(CELLS, 60), 0.0, generator(1)))
    for each in kinds:
        inside = (each.conductance_us >= 0) & (each.conductance_us <= OVERSHOOT * full)
        _hold(bool(inside.all()), device, f"conductances leave 0..{OVERSHOOT * full:g} µS")


def pulses_raise_the_mean(device: Device) -> None:
    """The mean of many cells rises within ten SET pulses, and no pulse lowers it."""
    if not device.crystallises:
        return
    cells, rng = device.reset((2 * CELLS,), 0.0, generator(0)), generator(1)
    first = cells.conductance_us
    for count in range(1, 11):
        pulsed = device.pulse(cells, np.ones(cells.shape, np.int64), 0.0, rng)
        step, error = _mean_and_error(pulsed.conductance_us - cells.conductance_us)
        _hold(step >= -3 * error, device, f"SET pulse {count} lowers the mean by {-step:.3g} µS")
        cells = pulsed
    _hold(float(cells.conductance_us.mean()) > float(first.mean()), device, "ten SET pulses do not raise the mean")


def conductance_never_rises_with_age(device: Device) -> None:
    """No cell rises with age, or, where cells relax to either side, the mean of many does not."""
    for ratio in (0.25, 0.5, 1.0):
        cells = _written(device, ratio)
        means = [device.read(cells, age_s)[0] for age_s in AGES_S]
        for younger, older in pairwise(means):
            rise, error = _mean_and_error(older - younger)
            fine = rise <= 3 * error if device.relaxes else bool((older <= younger).all())
            _hold(
                fine, device, f"cells at {100 * ratio:.0f} % of full scale rise with age, by {rise:.3g} µS on average"
            )


def reads_are_finite_at_any_age(device: Device) -> None:
    """Mean and standard deviation of a read are finite and not negative, however old the cell."""
    kinds = [_written(device, ratio) for ratio in (0.0, 0.5, 1.0)] + [device.reset((CELLS,), 0.0, generator(2))]
    for age_s in (*AGES_S, np.inf):
        for cells in kinds:
            for part in device.read(cells, age_s):
                fine = bool(np.isfinite(part).all() and (part >= 0).all())
                _hold(fine, device, f"a read of a cell {age_s:g} s old is not finite, or negative")


LAWS = (cells_are_within_range, pulses_raise_the_mean, conductance_never_rises_with_age, reads_are_finite_at_any_age)


def check(device: Device) -> None:
    """Raise ``InsituError``, which says what is wrong, where ``device`` breaks a law."""
    for law in LAWS:
        law(device)


def _written(device: Device, ratio: float) -> Cells:
    target = np.full(CELLS, ratio * device.full_scale_us, np.float32)
    return device.program(target, 0.0, generator(0, "laws"))


def _mean_and_error(values: Array) -> tuple[float, float]:
    return float(values.mean(dtype=np.float64)), float(values.std(dtype=np.float64)) / len(values) ** 0.5


def _hold(law: bool, device: Device, broken: str) -> None:
    if not law:
        raise InsituError(f"{type(device).__name__} breaks a law of devices: {broken}")
