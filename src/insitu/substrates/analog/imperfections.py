"""What is wrong with a chip beyond its devices: all off by default, each with a file of its own.

========================  ===============================  =====================================================
field                     file                             in CrossSim and aihwkit
========================  ===============================  =====================================================
``wire_ohm``              ``wires.py``                     ``xbar.array.parasitics.Rp_col``; ``ir_drop``
``stuck_reset, _set``     ``stuck_cells.py``               none, set by hand; ``corrupt_devices_prob``
``lost_columns``          ``lost_columns.py``              none; none
``adc_gain_error``        ``converter_errors.py``          gain of the amplifiers of ramp and pipeline ADCs; none
``adc_offset``            ``converter_errors.py``          ``sigma_comparator``; ``v_offset`` (volts)
========================  ===============================  =====================================================
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from insitu.core import InsituError


@dataclass(frozen=True)
class Imperfections:
    """Faults of a chip, drawn when its columns are made; a chip without any is what 0 everywhere means."""

    wire_ohm: float = 0.0  # resistance of a column's wire from one cell to the next, in ohm
    stuck_reset: float = 0.0  # share of cells that stay at 0 µS whatever is written
    stuck_set: float = 0.0  # share of cells that stay at full scale whatever is written
    lost_columns: float = 0.0  # share of columns whose current reaches no converter
    adc_gain_error: float = 0.0  # standard deviation of the gains of converters around 1
    adc_offset: float = 0.0  # standard deviation of the offsets of converters, in steps of theirs

    def __post_init__(self) -> None:
        for field in fields(self):
            if not 0 <= (value := getattr(self, field.name)) < float("inf"):
                raise InsituError(f"{field.name} is 0 (none) or more, and finite; got {value}")
        if self.stuck_reset + self.stuck_set > 1 or self.lost_columns > 1:
            given = f"{self.stuck_reset}, {self.stuck_set} and {self.lost_columns}"
            raise InsituError(f"stuck_reset and stuck_set together, and lost_columns, are shares up to 1; got {given}")

    @property
    def stuck(self) -> bool:
        """Whether some cells take no write."""
        return self.stuck_reset + self.stuck_set + self.lost_columns > 0

    @property
    def converters(self) -> bool:
        """Whether converters differ from each other."""
        return self.adc_gain_error + self.adc_offset > 0

    def check(self, adc_bits: int) -> None:
        """Raise ``InsituError`` where converters are exact and yet have errors."""
        if self.converters and not adc_bits:
            raise InsituError("adc_gain_error and adc_offset are of converters; exact ones (adc_bits 0) have none")

    def refuse_tasks(self) -> None:
        """Raise ``InsituError`` where there is any: heads and updates of many tasks are not those of one chip."""
        if self.stuck or self.converters or self.wire_ohm:
            raise InsituError(
                "imperfections are modelled for the matrices of one chip, not for heads or updates of many tasks at "
                "once; leave them 0 for this learner, or place a network by itself"
            )
