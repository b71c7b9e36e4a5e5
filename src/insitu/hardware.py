"""Cited energies and times of hardware events, each with a range: the one file of such constants.

A figure is what is typical, with the least and the most that sources or other choices would give. Events that are not
here (``dac_conversion``, ``adc_conversion``, ``device_read``) are part of a ``core_product``, or have no figure.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """What one event takes, with the range that its sources leave open."""

    typical: float
    low: float
    high: float
    source: str


HERMES = "HERMES core, 14 nm (Khaddam-Aljameh et al., JSSC 2022)"
CHIP = "four-phase reads of the 64-core chip (Le Gallo et al., Nat. Electron. 2023)"
HOROWITZ = "45 nm (Horowitz, ISSCC 2014)"
JOUPPI = "7 nm (Jouppi et al., ISCA 2021)"
LOGIC = f"{HOROWITZ}; low: {JOUPPI}; high: three times, for registers and control (own allowance)"

ENERGY_PJ: dict[str, Figure] = {
    "core_product": Figure(
        12_500.0,
        12_500.0,
        52_900.0,
        f"one 256x256 product, from 10.5 TOPS/W of the {HERMES}; high: 2.48 TOPS/W, {CHIP}",
    ),
    "set_pulse": Figure(
        13.0,
        5.0,
        40.0,
        "own estimate: 100 µA x about 1.3 V x 100 ns partial SET; depends on cell and driver (Lee et al., ISCA 2009: "
        "13.5 pJ per bit)",
    ),
    "reset_pulse": Figure(
        40.0,
        19.0,
        80.0,
        "own estimate: 400 µA x about 2 V x 50 ns RESET; depends on cell and driver (Lee et al., ISCA 2009: 19.2 pJ "
        "per bit)",
    ),
    "program_and_verify": Figure(
        200.0, 50.0, 1_000.0, "own estimate: about ten SET pulses with a read after each; low: three, high: forty"
    ),
    "integer_multiply_accumulate": Figure(0.23, 0.077, 0.69, f"8-bit multiply and add (16 bits take more), {LOGIC}"),
    "float_multiply_accumulate": Figure(4.6, 1.69, 13.8, f"float32 multiply and add, {LOGIC}"),
    "digital_add": Figure(0.1, 0.03, 0.3, f"32-bit integer add, {LOGIC}"),
    "binary_multiply_accumulate": Figure(
        0.043,
        0.021,
        0.07,
        "xnor and count with local memory: XNOR Neural Engine, 22 nm, 21.6 fJ per operation, two per product (Conti et "
        "al., TCAD 2018); low: XNORBIN, 95 TOPS/W (2018); high: BrainTTA, 35 fJ per operation (2022)",
    ),
    "sram_byte": Figure(
        2.5, 1.06, 12.5, f"64 bits of 32 KB for 20 pJ, {HOROWITZ}; low: 8.5 pJ, {JOUPPI}; high: of 1 MB, 100 pJ, 45 nm"
    ),
    "dram_byte": Figure(
        162.0, 31.0, 325.0, f"64 bits for 1.3 nJ, {HOROWITZ}; low: HBM2, 250 pJ, {JOUPPI}; high: 2.6 nJ, 45 nm"
    ),
    "written_weight": Figure(10.0, 4.2, 50.0, "four bytes of SRAM, as sram_byte; fewer bits take less"),
    "cortex_m4_cycle": Figure(
        28e-6 * 3.3 / 1e6 * 1e12,
        28e-6 * 1.8 / 1e6 * 1e12,
        79e-6 * 3.3 / 1e6 * 1e12,
        "STM32L412 at 3.3 V, 28 µA/MHz in run mode with its step-down converter; low: at 1.8 V; high: 79 µA/MHz "
        "without the converter (STMicroelectronics, DS12469 Rev 7, page 1)",
    ),
}

DURATION_NS: dict[str, Figure] = {
    "core_product": Figure(
        133.0, 128.0, 521.0, f"one-phase read of the 64-core chip; low: 128 cycles at 1 GHz, {HERMES}; high: {CHIP}"
    ),
    "set_pulse": Figure(100.0, 50.0, 500.0, "own estimate: partial SET of 100 ns; depends on cell and driver"),
    "reset_pulse": Figure(50.0, 40.0, 100.0, "own estimate; 40 ns in Lee et al., ISCA 2009"),
    "program_and_verify": Figure(
        2_300.0, 700.0, 25_000.0, "own estimate: about ten pulses of 100 ns with a core product after each"
    ),
}
