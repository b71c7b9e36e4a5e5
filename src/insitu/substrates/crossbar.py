"""A matrix in differential pairs of memory devices, multiplied in place by pulse widths, Ohm and Kirchhoff.

Column j gives I_j = sum_i x_i (G+_ij - G-_ij), in µS for inputs scaled to -1..1. Each cell is read at its own age. Read noise is drawn anew for every product,
exactly: independent cell noise of deviation s_ij adds N(0, sum_i x_i^2 s_ij^2) to column j, which costs one more matrix
product instead of one random number per cell and query. A matrix taller than a tile is cut into row blocks; each block
has converters of its own and the digital sum of blocks is exact.

Own choices: one ADC range per tile; inputs scaled by the largest entry of each vector, in digital; a tile without
calibration has a range of four standard deviations of its widest column under inputs of rms 0.5. Not modelled:
wire resistance, ADC non-linearity, half-select disturbance, device failure.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from insitu.core import InsituError, generator
from insitu.devices import Cells, Device
from insitu.devices.pcm_nandakumar2018 import PcmNandakumar2018
from insitu.ledger import Ledger
from insitu.substrates import Substrate

PROBES = 64  # fixed bipolar inputs by which columns are measured
SIGNS = 2  # a weight is the plus side minus the minus side


@dataclass(frozen=True, eq=False)
class Held:
    """Devices (2 signs, pairs, in, out) and the digital numbers that a core keeps beside them."""

    cells: Cells
    scale: Tensor  # (out,) weight per µS
    full_us: Tensor | None  # (row tiles, column tiles) ADC full scale; None before calibration
    reference: Tensor  # (out,) summed |output| for the probes when the column was last written, µS
    pulses: np.ndarray  # SET pulses that each cell has seen, int32
    resets: np.ndarray  # RESETs that each cell has seen, int32
    spent: Ledger


@dataclass(frozen=True, eq=False)
class _Reading:
    now_s: float
    mean: Tensor  # (in, out) µS
    variance: Tensor  # (in, out) µS²


_readings: WeakKeyDictionary[Held, _Reading] = WeakKeyDictionary()


@dataclass(frozen=True)
class Crossbar(Substrate):
    """Differential device pairs in 256x256 tiles behind b-bit converters, with read noise drawn per product."""

    device: Device = field(default_factory=PcmNandakumar2018)
    pairs: int = 2  # devices per sign, pulsed and read together
    tile: int = 256  # rows and columns of one array
    input_bits: int = 8  # signed pulse widths; 0 is exact
    adc_bits: int = 8  # signed; 0 is exact
    compensation: Literal["none", "global", "column"] = "none"  # of drift, by outputs for fixed inputs

    def __post_init__(self) -> None:
        for name in ("input_bits", "adc_bits"):
            if (bits := getattr(self, name)) and not 2 <= bits <= 16:
                raise InsituError(f"{name} is 0 (exact) or 2..16; got {bits}")
        if self.pairs < 1 or self.tile < 1:
            raise InsituError(f"pairs and tile are at least 1; got {self.pairs} and {self.tile}")
        if self.compensation not in ("none", "global", "column"):
            raise InsituError(f"compensation is none, global or column; got {self.compensation!r}")

    def blank(self, inputs: int, outputs: int, now_s: float, rng: np.random.Generator) -> Held:
        """Hold cells just after RESET; products come out in µS."""
        shape = (SIGNS, self.pairs, inputs, outputs)
        zeros = np.zeros(shape, np.int32)
        cells = self.device.reset(shape, now_s, rng)
        return Held(cells, torch.ones(outputs), None, torch.zeros(outputs), zeros, zeros, Ledger())

    def expand(self, held: Held, outputs: int, now_s: float, rng: np.random.Generator) -> Held:
        """Append columns of cells just after RESET."""
        fresh = self.blank(held.cells.shape[2], outputs, now_s, rng)
        return Held(
            cells=Cells.join([held.cells, fresh.cells], axis=3),
            scale=torch.cat([held.scale, fresh.scale]),
            full_us=None,
            reference=torch.cat([held.reference, fresh.reference]),
            pulses=np.concatenate([held.pulses, fresh.pulses], 3),
            resets=np.concatenate([held.resets, fresh.resets], 3),
            spent=held.spent,
        )

    def store(self, weights: Tensor, now_s: float, rng: np.random.Generator) -> Held:
        """Hold ``weights`` (in, out) by iterative programming; products come out in the units of the weights."""
        held = self.blank(*weights.shape, now_s, rng)
        return self.write(held, list(range(weights.shape[1])), weights, now_s, rng)

    def write(self, held: Held, columns: list[int], weights: Tensor, now_s: float, rng: np.random.Generator) -> Held:
        """RESET columns and program ``weights`` (in, len(columns)), each column scaled to the device's full scale."""
        given = self._amounts(held, columns, weights)
        top = np.maximum(np.abs(given).max(0), np.finfo(np.float32).tiny)
        share = given / top  # (in, k) in -1..1
        target = np.stack([np.maximum(share, 0), np.maximum(-share, 0)])[:, None] * self.device.full_scale_us
        target = np.broadcast_to(target, (SIGNS, self.pairs, *given.shape)).astype(np.float32)
        scale = held.scale.clone()
        scale[columns] = torch.from_numpy(top / (self.device.full_scale_us * self.pairs)).float()
        at = (..., columns)
        resets = held.resets.copy()
        resets[at] += 1
        spent = Ledger.of(reset_pulse=target.size, program_and_verify=np.count_nonzero(target))
        programmed = held.cells.put(at, self.device.program(target, now_s, rng))
        held = replace(held, cells=programmed, scale=scale, resets=resets, spent=held.spent + spent, full_us=None)
        return self._measured(held, columns, now_s, rng)

    def add(self, held: Held, columns: list[int], amounts: Tensor, now_s: float, rng: np.random.Generator) -> Held:
        """Give |amount| SET pulses, rounded to whole pulses, to the plus side (positive) or minus side (negative)."""
        given = np.rint(self._amounts(held, columns, amounts)).astype(np.int32)
        count = np.stack([np.maximum(given, 0), np.maximum(-given, 0)])[:, None]
        count = np.ascontiguousarray(np.broadcast_to(count, (SIGNS, self.pairs, *given.shape)))
        at = (..., columns)
        pulsed = self.device.pulse(held.cells.take(at), count, now_s, rng)
        pulses = held.pulses.copy()
        pulses[at] += count
        spent = held.spent + Ledger.of(set_pulse=int(count.sum()))
        held = replace(held, cells=held.cells.put(at, pulsed), pulses=pulses, spent=spent, full_us=None)
        return self._measured(held, columns, now_s, rng)

    def erase(self, held: Held, columns: list[int], now_s: float, rng: np.random.Generator) -> Held:
        """RESET the cells of columns."""
        at = (..., columns)
        shape = (*held.cells.shape[:3], len(columns))
        resets = held.resets.copy()
        resets[at] += 1
        scale, reference = held.scale.clone(), held.reference.clone()
        scale[columns], reference[columns] = 1.0, 0.0
        spent = held.spent + Ledger.of(reset_pulse=int(np.prod(shape)))
        cells = held.cells.put(at, self.device.reset(shape, now_s, rng))
        return replace(held, cells=cells, scale=scale, reference=reference, resets=resets, spent=spent, full_us=None)

    def calibrate(self, held: Held, x: Tensor, now_s: float) -> Held:
        """Set each tile's ADC range to the largest current that inputs ``x`` (batch, in) draw from it, plus a tenth."""
        x, _ = self._inputs(x.detach())
        mean = self._reading(held, now_s).mean
        rows = []
        for part in self._blocks(mean.shape[0]):
            peak = (x[:, part] @ mean[part]).abs().amax(0)  # (out,)
            rows.append(torch.stack([columns.max() for columns in peak.split(self.tile)]))
        return replace(held, full_us=1.1 * torch.stack(rows).clamp_min(1e-6))

    def multiply(self, held: Held, x: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
        """Return x (batch, in) times the held matrix (batch, out); the gradient is that of the mean (straight-through)."""
        if x.ndim != 2 or x.shape[1] != held.cells.shape[2]:
            raise InsituError(f"x is (batch, {held.cells.shape[2]}); got {tuple(x.shape)}")
        out = self._currents(held, x.detach(), now_s, rng)
        if self.compensation != "none":
            out = out * self._factors(held, now_s, rng)
        out = out * held.scale
        if x.requires_grad:
            exact = x @ (self._reading(held, now_s).mean * held.scale)
            return exact + (out - exact).detach()
        return out

    def norms_us(self, held: Held, now_s: float, rng: np.random.Generator) -> Tensor:
        """Estimate the Euclidean norm (µS) of each column, as the array itself shows it: rms output for bipolar inputs."""
        return self._probed(held, now_s, rng).square().mean(0).sqrt()

    def written(self, held: Held) -> Ledger:
        """Return the pulses spent on this matrix so far."""
        return held.spent

    def product_cost(self, held: Held, batch: int) -> Ledger:
        """Return core products (256x256 equivalents), conversions and device reads for ``batch`` rows."""
        signs, pairs, rows, columns = held.cells.shape
        across = -(-columns // self.tile)
        blocks = -(-rows // self.tile)
        return Ledger.of(
            core_product=batch * blocks * across,
            dac_conversion=batch * rows * across,
            adc_conversion=batch * columns * blocks,
            device_read=batch * signs * pairs * rows * columns,
        )

    def endurance(self, held: Held) -> dict[str, int]:
        """Return the most SET pulses and the most RESETs that one cell has seen."""
        return {"set_pulses": int(held.pulses.max(initial=0)), "resets": int(held.resets.max(initial=0))}

    # -- the analog part -----------------------------------------------------------------------------------------

    def _currents(self, held: Held, x: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
        """Column currents in µS for x as given: converters and noise of every row block, summed in digital."""
        reading = self._reading(held, now_s)
        x, top = self._inputs(x)
        full = self._full_scale(held, reading)
        squares = x.square()
        total = torch.zeros(len(x), reading.mean.shape[1])
        for block, part in enumerate(self._blocks(reading.mean.shape[0])):
            current = x[:, part] @ reading.mean[part]
            deviation = (squares[:, part] @ reading.variance[part]).sqrt_()
            noise = torch.from_numpy(rng.standard_normal(current.shape, dtype=np.float32))
            current.addcmul_(deviation, noise)
            if full is not None:
                step = (full[block] / (2 ** (self.adc_bits - 1) - 1)).repeat_interleave(self.tile)[: current.shape[1]]
                limit = full[block].repeat_interleave(self.tile)[: current.shape[1]]
                current = torch.round(torch.minimum(torch.maximum(current, -limit), limit) / step) * step
            total += current
        return total * top

    def _inputs(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Scale every row to -1..1 and round it to pulse widths; return it with the factor taken out (batch, 1)."""
        top = x.abs().amax(1, keepdim=True).clamp_min(torch.finfo(torch.float32).tiny)
        x = x / top
        if self.input_bits:
            levels = 2 ** (self.input_bits - 1) - 1
            x = torch.round(x * levels) / levels
        return x, top

    def _full_scale(self, held: Held, reading: _Reading) -> Tensor | None:
        if not self.adc_bits:
            return None
        if held.full_us is not None:
            return held.full_us
        rows = []
        for part in self._blocks(reading.mean.shape[0]):
            deviation = 0.5 * reading.mean[part].square().sum(0).sqrt()
            rows.append(torch.stack([4 * columns.max() for columns in deviation.split(self.tile)]))
        return torch.stack(rows).clamp_min(1e-6)

    def _blocks(self, rows: int) -> list[slice]:
        return [slice(start, min(start + self.tile, rows)) for start in range(0, rows, self.tile)]

    def _reading(self, held: Held, now_s: float) -> _Reading:
        """Mean and variance of a read of every weight at ``now_s``; kept while the same matrix is read at one time."""
        known = _readings.get(held)
        if known is None or known.now_s != now_s:
            mean, deviation = self.device.read(held.cells, now_s)  # (2, pairs, in, out)
            per_sign = mean.sum(1)
            known = _Reading(
                now_s,
                torch.from_numpy(per_sign[0] - per_sign[1]),
                torch.from_numpy(np.square(deviation).sum((0, 1), dtype=np.float32)),
            )
            _readings[held] = known
        return known

    # -- measuring columns by fixed inputs -----------------------------------------------------------------------

    def _probed(self, held: Held, now_s: float, rng: np.random.Generator) -> Tensor:
        """Outputs (PROBES, out) in µS for fixed bipolar inputs, noise and converters included."""
        rows = held.cells.shape[2]
        bits = generator(0, "probe", rows).integers(0, 2, (PROBES, rows))
        return self._currents(held, torch.from_numpy(2.0 * bits - 1).float(), now_s, rng)

    def _measured(self, held: Held, columns: list[int], now_s: float, rng: np.random.Generator) -> Held:
        """Note the probes' summed |output| of columns just written, against which drift is compensated later."""
        if self.compensation == "none":
            return held
        reference = held.reference.clone()
        reference[columns] = self._probed(held, now_s, rng).abs().sum(0)[columns]
        return replace(held, reference=reference)

    def _factors(self, held: Held, now_s: float, rng: np.random.Generator) -> Tensor:
        """Factors (out,) or (1,) that undo the average loss of conductance since writing."""
        present = self._probed(held, now_s, rng).abs().sum(0)
        if self.compensation == "global":
            return (held.reference.sum() / present.sum().clamp_min(1e-6)).reshape(1)
        written = held.reference > 0
        return torch.where(written, held.reference / present.clamp_min(1e-6), torch.ones(()))

    def _amounts(self, held: Held, columns: list[int], amounts: Tensor) -> np.ndarray:
        """Check what is to be written and return it as an array (in, k)."""
        rows, size = held.cells.shape[2:]
        given = amounts.detach().float().numpy()
        if given.shape != (rows, len(columns)):
            raise InsituError(f"{len(columns)} columns of this matrix take ({rows}, {len(columns)}); got {given.shape}")
        if columns and not 0 <= min(columns) <= max(columns) < size or len(set(columns)) != len(columns):
            raise InsituError(f"columns are different numbers in 0..{size - 1}; got {columns}")
        if not np.isfinite(given).all():
            raise InsituError("what is written must be finite; it holds NaN or infinity")
        return given
