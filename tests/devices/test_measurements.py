"""Tables of measurements: repeated reads are averaged; what cannot be used is one line that names the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from insitu.core import InsituError
from insitu.devices.fitting.measurements import read_csv
from insitu.devices.fitting.pulses import fit

HEAD = "cell,pulse,conductance_us\n"


def table(rows: list[tuple[object, ...]], head: str = HEAD) -> str:
    return head + "".join(",".join(map(str, row)) + "\n" for row in rows)


def saved(folder: Path, text: str) -> Path:
    file = folder / "pulses.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_rows_alike_are_repeated_reads(tmp_path: Path) -> None:
    file = saved(tmp_path, table([("a", 0, 1.0), ("a", 0, 3.0), ("a", 2, 5.0), ("b", 0, 7.0)]))
    reads = read_csv(file, "pulse")
    assert reads.cells == 2
    assert_array_equal(reads.points, [0, 2])
    assert_array_equal(reads.mean_us, [[2, 5], [7, np.nan]])
    assert_array_equal(reads.count, [[2, 1], [1, 0]])
    assert_allclose(reads.variance_us2, [[2, np.nan], [np.nan, np.nan]])


@pytest.mark.parametrize(
    "text",
    [
        "Cell;Pulse number;Conductance µS\n1;0;1.5\n2;0;2.5\n",
        "conductance_us\tpulse\tcell\n1.5\t0\t1\n2.5\t0\t2\n",
        '\ufeff"cell","pulse","conductance_us","remark"\r\n"1","0","1.5","x"\r\n"2","0","2.5","y, z"\r\n\r\n',
    ],
    ids=["semicolons", "tabs", "quoted"],
)
def test_exports_of_other_programs_are_read_alike(tmp_path: Path, text: str) -> None:
    assert_array_equal(read_csv(saved(tmp_path, text), "pulse").mean_us, [[1.5], [2.5]])


GOOD = [(cell, pulse, 0.1 + pulse) for cell in range(3) for pulse in range(6)]
BAD = {
    "nothing": ("", "has no rows; give a header .cell,pulse,conductance_us."),
    "only a header": (HEAD, "has no rows"),
    "a column less": (table([(1, 2)], "cell,pulse\n"), "lacks the column conductance_us; its header is cell, pulse"),
    "decimal commas": (table(GOOD).replace(",", ";").replace(".", ","), "; write decimals with a point"),
    "no header": (table(GOOD, ""), "lacks the columns cell, pulse and conductance_us; its header is 0, 0, 0.1"),
    "siemens": (table([(c, p, g * 1e-6) for c, p, g in GOOD]), "largest conductance is 5.1e-06, .* hardly in µS"),
    "nanosiemens": (table([(c, p, g * 1e4) for c, p, g in GOOD]), "largest conductance is 51000, .* hardly in µS"),
    "NaN": (table([*GOOD[:4], (0, 4, "nan")]), "row 6: conductance_us is nan; give a number"),
    "no number": (table([*GOOD[:4], (0, "four", 1)]), "row 6: pulse is four; give a number"),
    "a gap": (table([*GOOD[:4], (0, 4, "")]), "row 6: conductance_us is empty; give a number"),
    "a value less": (HEAD + "0,0,1\n0,1\n", "row 3: 2 values under 3 headings"),
    "one cell": (table(GOOD[:6]), "takes 2 cells or more .*; got 1"),
    "pulses that fall": (table([*GOOD, (2, 3, 4.0)]), "pulse of cell 2 goes from 5 back to 3; number from RESET on"),
    "half a pulse": (table([*GOOD, (2, 5.5, 4.0)]), "pulse is 5.5; they are whole numbers from 0"),
    "a pulse before RESET": (table([(0, -1, 4.0), *GOOD]), "pulse is -1; they are whole numbers from 0"),
    "four pulse numbers": (table([row for row in GOOD if row[1] < 4]), "4 pulse numbers are too few for a fit"),
    "cells apart": (table([row for row in GOOD if row[0] == row[1] % 3]), "at least 2 cells need a read there"),
    "falling": (table([(c, p, 9 - p) for c, p, _ in GOOD]), "the mean goes from 9 to 4 µS; SET pulses raise it"),
    "high after RESET": (table([(c, p, g + 3) for c, p, g in GOOD]), "RESET leaves 3.1 of 8.1 µS; .* subtract it"),
}


@pytest.mark.parametrize(("text", "said"), BAD.values(), ids=BAD.keys())
def test_what_cannot_be_used_is_one_line_that_names_the_file(tmp_path: Path, text: str, said: str) -> None:
    file = saved(tmp_path, text)
    with pytest.raises(InsituError, match=said) as caught:
        fit(read_csv(file, "pulse"))
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_bytes_are_no_table(tmp_path: Path) -> None:
    (tmp_path / "table.xlsx").write_bytes(b"PK\x03\x04\xff\xfe")
    with pytest.raises(InsituError, match="is not a text file in UTF-8; export the table as CSV"):
        read_csv(tmp_path / "table.xlsx", "pulse")


def test_negative_times_are_refused_and_targets_come_in_any_order(tmp_path: Path) -> None:
    rows = [(0, 5, 5.1), (0, 1, 1.1), (1, 5, 4.9), (1, 1, 0.9)]
    reads = read_csv(saved(tmp_path, table(rows, "cell,target_us,conductance_us\n")), "target_us")
    assert_array_equal(reads.points, [1, 5])
    with pytest.raises(InsituError, match="time_s is -1; they are numbers of at least 0"):
        read_csv(saved(tmp_path, table([(0, -1, 5), (1, 2, 5)], "cell,time_s,conductance_us\n")), "time_s")
