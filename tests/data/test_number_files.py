"""Numbers in a user's own CSV and NPY files: what is read, and what is refused with its line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from insitu.core import InsituError
from insitu.data.files import number_files

numbers = arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=5), elements=st.floats(-1e9, 1e9))


@given(x=numbers, header=st.booleans(), delimiter=st.sampled_from([",", ";"]))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, x: object, header: bool, delimiter: str
) -> None:
    rows = np.asarray(x)
    folder = tmp_path_factory.mktemp("numbers")
    np.save(folder / "x.npy", rows)
    lines = [delimiter.join(map(repr, row)) for row in rows.tolist()]
    names = [delimiter.join(f"column {k}" for k in range(rows.shape[1]))] * header
    (folder / "x.csv").write_text("\r\n".join([*names, *lines, ""]), encoding="utf-8")
    assert np.array_equal(number_files.read(folder / "x.npy"), rows)
    if delimiter == "," or rows.shape[1] > 1:
        assert np.array_equal(number_files.read(folder / "x.csv"), rows)


def test_one_dimension_is_one_row(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(4))
    assert number_files.read(tmp_path / "x.npy").tolist() == [[0, 1, 2, 3]]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.csv", b"1,2\n3,four\n", "line 2"),
        ("x.csv", b"1,2\n3\n", "line 2 has 1 numbers"),
        ("x.csv", b"1,nan\n", "row 1 holds NaN"),
        ("x.csv", b"", "no row of numbers"),
        ("x.csv", b"a,b\n", "no row of numbers"),
        ("x.csv", b"1,,3\n4,5,6\n", "line 1 holds '1,,3'"),  # a first row with a gap is no row of names
        ("x.csv", b"1,5;2,5\n", "decimal points"),
        ("x.csv", b"\xff\xfe", "UTF-8"),
        ("x.npy", b"no array", "no array of NumPy"),
        ("x.npy", None, "cannot be read"),
    ],
)
def test_anything_else_is_refused_in_one_line(tmp_path: Path, name: str, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InsituError, match=said) as error:
        number_files.read(tmp_path / name)
    assert "\n" not in str(error.value)


def test_an_array_of_objects_is_never_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(InsituError, match="no array of NumPy"):
        number_files.read(tmp_path / "x.npy")


@pytest.mark.parametrize("shape", [(0, 3), (2, 2, 2)])
def test_other_shapes_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "x.npy", np.zeros(shape))
    with pytest.raises(InsituError, match="save it as"):
        number_files.read(tmp_path / "x.npy")
