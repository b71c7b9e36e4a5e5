"""A matrix in differential pairs of memory devices, multiplied in place by pulse widths, Ohm and Kirchhoff.

Column j gives I_j = sum_i x_i (G+_ij - G-_ij), in µS for inputs scaled to -1..1; every cell is read at its own age.
Read noise is drawn for every product, exactly: independent cell noise of deviation s_ij adds
N(0, sum_i x_i^2 s_ij^2) to column j, which costs one more matrix product instead of one random number per cell and
query. A matrix taller than a tile is cut into row blocks; each block has converters of its own, and the digital sum of
blocks is exact.

Own choices: one ADC range per array; inputs scaled by the largest entry of each vector, in digital; an array that was
not calibrated, or written since, has a range of four standard deviations of its widest column under inputs of rms 0.5;
drift is compensated by outputs for fixed inputs (``analog/compensation.py``), measured and counted as products when
columns are written and once after the clock has moved, not for every product. Off by default: wire resistance, stuck
cells, lost columns, errors of converters (``analog/imperfections.py``). Not modelled: half-select disturbance, ADC
non-linearity, single pulses of iterative programming (``endurance`` has ``add``'s).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from insitu.core import InsituError
from insitu.devices import Device
from insitu.devices.pcm_nandakumar2018 import PcmNandakumar2018
from insitu.kernels.noisy_spiking import Rows
from insitu.kernels.normals import key_of
from insitu.ledger import Ledger
from insitu.substrates import Substrate
from insitu.substrates._checks import check_array, checked_rows, checked_size, column_numbers
from insitu.substrates._search import Best
from insitu.substrates._straight_through import straight_through
from insitu.substrates.analog import batched_crossbar, delta_crossbar, flaw_draws
from insitu.substrates.analog.accounting import core_products, endurance, wear
from insitu.substrates.analog.batched_crossbar import Batch, Scale
from insitu.substrates.analog.cell_array import CellArray, Compensation
from insitu.substrates.analog.column_writer import ColumnWriter
from insitu.substrates.analog.compensation import DriftProbe
from insitu.substrates.analog.converters import Converters
from insitu.substrates.analog.delta_crossbar import BaseArray, Deltas
from insitu.substrates.analog.imperfections import Imperfections
from insitu.substrates.analog.probes import count_for
from insitu.substrates.analog.products import Part, pieces, product, tile_parts
from insitu.substrates.analog.ranges import calibrated
from insitu.substrates.analog.readings import Reading, array_readings
from insitu.substrates.analog.tiles import Counts, Floats, Held
from insitu.substrates.analog.wires import wired
from insitu.substrates.analog.writing import AT_A_TIME, SIGNS, cells_of, checked_time, grown


@dataclass(frozen=True)
class Crossbar(Substrate):
    """Differential device pairs in 256x256 tiles behind b-bit converters, with read noise drawn per product."""

    device: Device = field(default_factory=PcmNandakumar2018)
    pairs: int = 2  # devices per sign, pulsed and read together
    copies: int = 1  # rows of a tile that hold the same weights and see the same input; their currents add up
    tile: int = 256  # rows and columns of one array
    input_bits: int = 8  # signed pulse widths; 0 is exact
    adc_bits: int = 8  # signed; 0 is exact
    compensation: Compensation = "none"  # of drift, by outputs for fixed inputs
    imperfections: Imperfections = field(default_factory=Imperfections)  # of the chip; none by default

    def __post_init__(self) -> None:
        for name in ("pairs", "copies", "tile", "input_bits", "adc_bits"):
            if isinstance(value := getattr(self, name), np.integer):  # whose products overflow
                object.__setattr__(self, name, int(value))
        check_array(self.pairs, self.copies, self.tile, (self.input_bits, self.adc_bits))
        if self.compensation not in ("none", "global", "column"):
            raise InsituError(f"compensation is none, global or column; got {self.compensation!r}")
        self.imperfections.check(self.adc_bits)

    @property
    def devices(self) -> int:
        """Devices per sign of a weight: of all pairs, in all copies."""
        return self.pairs * self.copies

    @property
    def superposes(self) -> bool:
        """Whether the device has a model of single SET pulses."""
        return self.device.crystallises

    def filled(self, inputs: int) -> Crossbar:
        """Return the crossbar that writes ``inputs`` rows as often as a tile has room for them."""
        return replace(self, copies=max(self.tile // inputs, self.copies))

    def uncompensated(self) -> Crossbar:
        """Return the crossbar that reads the same cells with drift."""
        return replace(self, compensation="none")

    def blank(self, inputs: int, outputs: int, now_s: float, rng: np.random.Generator) -> Held:
        """Hold cells just after RESET; products come out in µS."""
        checked_size(inputs, outputs)
        empty = Held(inputs, (), torch.ones(0), (), torch.zeros(0), -np.inf, Ledger(), count_for(inputs))
        return self.expand(empty, outputs, now_s, rng)

    def expand(self, held: Held, outputs: int, now_s: float, rng: np.random.Generator) -> Held:
        """Append columns of cells just after RESET."""
        checked_size(held.inputs, outputs)
        checked_time(held, now_s)
        shape = SIGNS, self.devices, held.inputs
        sizes = [min(AT_A_TIME, outputs - start) for start in range(0, outputs, AT_A_TIME)]
        cells = (self.device.reset((*shape, size), now_s, rng) for size in sizes)
        wider = grown(held, cells, outputs, self.tile, now_s) if outputs else held
        return flaw_draws.drawn(self.imperfections, self._array, self.tile, wider, outputs, rng)

    def write(self, held: Held, columns: list[int], weights: Tensor, now_s: float, rng: np.random.Generator) -> Held:
        """RESET columns and program ``weights`` (in, len(columns)), each column scaled to the device's full scale."""
        return self._writer.write(held, columns, weights, now_s, rng)

    def add(self, held: Held, columns: list[int], amounts: Tensor, now_s: float, rng: np.random.Generator) -> Held:
        """Give |amount| SET pulses, rounded to whole pulses, to the plus side (positive) or minus side (negative).

        Of several shots (shots, in, len(columns)) the pulses of all are given before the probes are measured.
        """
        return self._writer.add(held, columns, amounts, now_s, rng)

    def approach(
        self, held: Held, columns: list[int], shares: Tensor, rounds: int, now_s: float, rng: np.random.Generator
    ) -> Held:
        """Pulse columns until G+ - G- is ``shares`` (in, len(columns)) of full scale; read in each of ``rounds``."""
        return self._writer.approach(held, columns, shares, rounds, now_s, rng)

    def erase(self, held: Held, columns: list[int], now_s: float, rng: np.random.Generator) -> Held:
        """RESET the cells of columns; products of theirs come out in µS again."""
        return self._writer.erase(held, columns, now_s, rng)

    def calibrate(
        self, held: Held, x: Tensor, now_s: float, columns: list[int] | None = None, since: Held | None = None
    ) -> Held:
        """Set each array's ADC range to the largest current that inputs ``x`` (batch, in) draw from it, plus a tenth.

        With ``columns`` written after ``since``, the ranges of ``since`` stay, but for what these columns need more.
        """
        checked_rows(x, held.inputs)
        checked_time(held, now_s)
        if not self.adc_bits:
            return held
        return calibrated(self._array, self.tile, held, x, now_s, columns, since)

    def multiply(self, held: Held, x: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
        """Return x (batch, in) times the held matrix, (batch, out); the gradient is that of the mean matrix."""
        checked_rows(x, held.inputs)
        out = product(self._converters, self._parts(held, now_s, rng), x, self._probe.gain(held, now_s), held.errors)
        return straight_through(x, out, lambda: self.read(held, now_s)[0])

    def multiply_columns(
        self, held: Held, columns: list[int], x: Tensor, now_s: float, rng: np.random.Generator
    ) -> Tensor:
        """Return these columns of the product, (batch, len(columns)); tiles of other columns are not read."""
        checked_rows(x, held.inputs)
        checked_time(held, now_s)
        parts = tile_parts(self._array, self.tile, held, columns, now_s, key_of(rng))
        read = [column for part in parts for column in range(part.first, part.first + part.reading.columns)]
        out = product(self._converters, parts, x, self._probe.gain_of(held, read, now_s), held.errors)
        return out[:, np.searchsorted(read, columns)]

    def search(
        self,
        held: Held,
        x: Tensor,
        now_s: float,
        rng: np.random.Generator,
        scale: Tensor | None = None,
        offset: Tensor | None = None,
        allowed: Tensor | None = None,
    ) -> Tensor:
        """Return the column (batch,) of the largest digital score, never holding more than an array's outputs."""
        checked_rows(x, held.inputs)
        best = Best(len(x), held.outputs, scale, offset, allowed)
        gain = self._probe.gain(held, now_s)
        for piece in pieces(self._converters, self._parts(held, now_s, rng), x, gain, errors=held.errors):
            best.see(piece.rows, piece.columns, piece.out)
        return best.columns

    def conductances_us(self, held: Held, columns: list[int], now_s: float) -> Floats:
        """Return the mean read conductance (2 signs, in, len(columns)) at ``now_s``, summed over the pairs, µS."""
        columns = column_numbers(columns, held.outputs)
        checked_time(held, now_s)
        if not columns:
            return np.zeros((SIGNS, held.inputs, 0), np.float32)
        mean, _ = self.device.read(cells_of(held, self.tile, columns), now_s)  # (2, pairs, in, columns)
        return np.asarray(mean.sum(1, dtype=np.float32))

    def wear(self, held: Held, columns: list[int]) -> tuple[Counts, Counts]:
        """Return the SET pulses that cells of columns have seen (2, in, len(columns)), and RESETs (len(columns),)."""
        return wear(held, self.tile, column_numbers(columns, held.outputs))

    def read(self, held: Held, now_s: float) -> tuple[Tensor, Tensor]:
        """Return mean and variance (in, out) of the weights, in the units of products without compensation of drift."""
        readings = self._readings(held, now_s)
        variances = [torch.zeros_like(one.mean) if one.variance is None else one.variance for one in readings]
        return torch.cat([one.mean for one in readings], 1) * held.scale, torch.cat(variances, 1) * held.scale.square()

    def outputs(self, held: Held) -> int:
        """Return the number of columns."""
        return held.outputs

    def written(self, held: Held) -> Ledger:
        """Return the pulses spent on this matrix so far."""
        return held.spent

    def product_cost(self, held: Held, batch: int) -> Ledger:
        """Return core products (256x256 equivalents), conversions and device reads for ``batch`` rows."""
        return self.matrix_cost(held.inputs, held.outputs, batch)

    def matrix_cost(self, inputs: int, outputs: int, batch: int) -> Ledger:
        """See ``Substrate.matrix_cost``; no cells are made."""
        return core_products(self._array, self.tile, self.copies, inputs, outputs, batch)

    def compensation_cost(self, held: Held) -> Ledger:
        """Return the core products for the probes; none without compensation of drift."""
        spent = self.matrix_cost(held.inputs, held.outputs, held.probes * (self.compensation != "none"))
        return Ledger.of(drift_core_product_per_time_step=spent.counts["core_product"])

    def endurance(self, held: Held) -> dict[str, int]:
        """Return the most SET pulses and the most RESETs that one cell has seen."""
        return endurance(held)

    def fit_batch(self, matrices: Tensor, x: Tensor, top: float, steps: int) -> Scale:
        """Return the scale of batches like these, with ADC ranges that hold the currents that x draws from them."""
        self.imperfections.refuse_tasks()
        return batched_crossbar.fit(self._array, matrices, x, top, steps)

    def program_batch(self, matrices: Tensor, scale: Scale, now_s: float, rng: np.random.Generator) -> Batch:
        """Program matrices (k, in, out) in the steps of ``scale``; weights beyond it are clipped."""
        self.imperfections.refuse_tasks()
        return batched_crossbar.program(self._array, matrices, scale, now_s, rng)

    def reprogram_batch(self, batch: Batch, matrices: Tensor, now_s: float, rng: np.random.Generator) -> Batch:
        """Program the cells whose target has changed, whole steps away; no other is touched."""
        return batched_crossbar.reprogram(self._array, batch, matrices, now_s, rng)

    def multiply_batch(self, batch: Batch, x: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
        """Return x (k, n, in) times the matrices, (k, n, out), with read noise drawn per product; detached."""
        return batched_crossbar.multiply(self._array, batch, x, now_s, rng)

    def program_base(
        self, weights: Tensor, pulses: Tensor, patterns: Tensor, now_s: float, rng: np.random.Generator
    ) -> BaseArray:
        """Program the base with full scale for a weight of 1, and fit converters to what pulses draw from patterns."""
        self.imperfections.refuse_tasks()
        return delta_crossbar.program_base(self._array, weights, pulses, patterns, now_s, rng)

    def program_deltas(self, base: BaseArray, weights: Tensor, now_s: float, rng: np.random.Generator) -> Deltas:
        """Program cells of their own where ``weights`` (k, in, out) differ from the base; all others are shared."""
        return delta_crossbar.program_deltas(self._array, base, weights, now_s, rng)

    def pulse_rows(self, held: BaseArray | Deltas, now_s: float, part: slice = slice(None)) -> Rows:
        """Return what a pulse of each row adds, drift compensated, with the converters behind it."""
        return delta_crossbar.pulse_rows(self._array, held, now_s, part)

    @property
    def _converters(self) -> Converters:
        levels = (2 ** (bits - 1) - 1 if bits else 0 for bits in (self.input_bits, self.adc_bits))
        return Converters(self.tile // self.copies, *levels)

    @property
    def _array(self) -> CellArray:
        device = wired(self.device, self.imperfections.wire_ohm, self._converters.tile)
        return CellArray(device, self.devices, self._converters, self.compensation)

    @property
    def _writer(self) -> ColumnWriter:
        return ColumnWriter(self._array, self.tile, self.copies)

    @property
    def _probe(self) -> DriftProbe:
        return DriftProbe(self._array, self.tile)

    def _readings(self, held: Held, now_s: float) -> list[Reading]:
        checked_time(held, now_s)
        return array_readings(self._array.device, held, self.tile, now_s)

    def _parts(self, held: Held, now_s: float, rng: np.random.Generator) -> list[Part]:
        readings, key = self._readings(held, now_s), key_of(rng)
        return [
            Part(one, array * self.tile, full, key)
            for array, (one, full) in enumerate(zip(readings, held.ranges_us, strict=True))
        ]
