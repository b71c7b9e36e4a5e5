"""The verbs that change columns of a crossbar, what they cost, and the measurement that compensates drift later."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from insitu.ledger import Ledger
from insitu.substrates._checks import checked_weights, column_numbers
from insitu.substrates.analog.accounting import core_products
from insitu.substrates.analog.cell_array import CellArray
from insitu.substrates.analog.columns import Draft
from insitu.substrates.analog.compensation import DriftProbe
from insitu.substrates.analog.tiles import Held
from insitu.substrates.analog.writing import SIGNS, checked_time


@dataclass(frozen=True)
class ColumnWriter:
    """Changes columns of matrices in arrays of ``width`` columns; its verbs are those of ``Crossbar``."""

    array: CellArray
    width: int
    copies: int

    def write(self, held: Held, columns: list[int], weights: Tensor, now_s: float, rng: np.random.Generator) -> Held:
        """See ``Crossbar.write``."""
        columns = _checked(held, columns, now_s)
        given = checked_weights(weights, held.inputs, len(columns))
        if not columns:
            return held
        top = np.maximum(np.abs(given).max(0), np.finfo(np.float32).tiny)
        draft = Draft(held, self.width)
        programmed = draft.program(self.array, columns, given / top, now_s, rng)
        spent = Ledger.of(reset_pulse=SIGNS * self.array.devices * given.size, program_and_verify=programmed)
        scale = held.scale.clone()
        scale[columns] = torch.from_numpy(top / np.float32(self.array.full_us))
        return self._measured(draft.held(now_s, spent, scale=scale), columns, now_s)

    def add(self, held: Held, columns: list[int], amounts: Tensor, now_s: float, rng: np.random.Generator) -> Held:
        """See ``Crossbar.add``."""
        columns = _checked(held, columns, now_s)
        each = amounts if amounts.ndim == 3 else amounts[None]
        shots = [checked_weights(shot, held.inputs, len(columns)) for shot in each]
        if not columns:
            return held
        draft = Draft(held, self.width)
        spent = Ledger.of(set_pulse=draft.pulse(self.array, columns, shots, now_s, rng))
        return self._measured(draft.held(now_s, spent), columns, now_s)

    def approach(
        self, held: Held, columns: list[int], shares: Tensor, rounds: int, now_s: float, rng: np.random.Generator
    ) -> Held:
        """See ``Crossbar.approach``."""
        columns = _checked(held, columns, now_s)
        given = checked_weights(shares, held.inputs, len(columns))
        if not columns:
            return held
        draft = Draft(held, self.width)
        spent = draft.approach(self.array, columns, given, rounds, now_s, rng)
        return self._measured(draft.held(now_s, spent), columns, now_s)

    def erase(self, held: Held, columns: list[int], now_s: float, rng: np.random.Generator) -> Held:
        """See ``Crossbar.erase``."""
        columns = _checked(held, columns, now_s)
        if not columns:
            return held
        draft = Draft(held, self.width)
        draft.reset(self.array, columns, now_s, rng)
        scale, reference = held.scale.clone(), held.reference.clone()
        scale[columns], reference[columns] = 1.0, 0.0
        spent = Ledger.of(reset_pulse=SIGNS * self.array.devices * held.inputs * len(columns))
        return draft.held(now_s, spent, scale=scale, reference=reference)

    def _measured(self, held: Held, columns: list[int], now_s: float) -> Held:
        """Measure columns just written, to which drift is compensated later."""
        if self.array.compensation == "none":
            return held
        probed = core_products(self.array, self.width, self.copies, held.inputs, len(columns), held.probes)
        reference = DriftProbe(self.array, self.width).references(held, columns, now_s)
        return replace(held, reference=reference, spent=held.spent + probed)


def _checked(held: Held, columns: list[int], now_s: float) -> list[int]:
    numbers = column_numbers(columns, held.outputs)
    checked_time(held, now_s)
    return numbers
