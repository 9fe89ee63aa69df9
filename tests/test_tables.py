"""CSV tables: what is read, what is refused and how it is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nuhist.errors import DataError
from nuhist.tables import column, read_rows, read_table


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_comments_blank_lines_and_spaces(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "# source\n\n a , b\n  # more\n1, 2e3\n\n-0.5,inf\n"))
    assert {name: values.tolist() for name, values in table.items()} == {"a": [1, -0.5], "b": [2000, np.inf]}


def test_text_is_left_alone(tmp_path: Path) -> None:
    assert read_rows(written(tmp_path, "name,x\npp,1\npep,\n")) == (["name", "x"], [["pp", "1"], ["pep", ""]])


def test_empty_cells_are_nan(tmp_path: Path) -> None:
    values = read_table(written(tmp_path, "a,b\n1,\nnan,2\n"))
    np.testing.assert_array_equal(values["a"], [1, np.nan])
    np.testing.assert_array_equal(values["b"], [np.nan, 2])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no rows"),
        ("# only a comment\n", "has no rows"),
        ("a,b\n", "has no rows; expected a header line and at least one row"),
        ("a,b\n1,2\n\n3\n", "line 4 has 1 columns, the header 2"),
        ("a,b\n1,2,3\n", "line 2 has 3 columns, the header 2"),
        ("a,b\n1,two\n", "'two' is no number"),
    ],
)
def test_wrong_tables(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(DataError, match=message) as raised:
        read_table(path)
    assert str(raised.value).startswith(f"{path}: ")


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.csv: cannot be read: No such file or directory"):
        read_table(tmp_path / "gone.csv")


def test_no_text(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"table\.csv: cannot be read"):
        read_table(path)


PATH = Path("table.csv")


@pytest.mark.parametrize(
    ("values", "increasing", "non_negative", "message"),
    [
        ([1, np.nan], False, False, "row 2: nan is not a finite number"),
        ([np.inf, 1], False, False, "row 1: inf is not a finite number"),
        ([1, 3, 2], True, False, "row 3: 2 is not above the row before it; sort the rows"),
        ([1, 1], True, False, "row 2: 1 is not above"),
        ([0, -1e-9], False, True, "row 2: -1e-09 is negative"),
    ],
)
def test_refused_values(values: list[float], increasing: bool, non_negative: bool, message: str) -> None:
    table = {"x": np.array(values, dtype=float)}
    with pytest.raises(DataError, match=rf"table\.csv: column 'x', {message}"):
        column(PATH, table, "x", increasing=increasing, non_negative=non_negative)


def test_accepted_values() -> None:
    table = {"x": np.array([-1.0, 0.0, 2.0]), "y": np.array([2.0, 0.0, 0.0])}
    assert column(PATH, table, "x", increasing=True) is table["x"]
    assert column(PATH, table, "y", non_negative=True) is table["y"]


def test_missing_column() -> None:
    with pytest.raises(DataError, match="has no column 'z'; it has x, y"):
        column(PATH, {"x": np.ones(1), "y": np.ones(1)}, "z")
