"""CSV tables: comment lines with '#', one header line, then rows; written so that no cell is a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nuhist.characters import printable
from nuhist.errors import DataError
from nuhist.files import read_text

Array = NDArray[np.float64]
Cell = str | float | bool | None
MOST_CELLS = 10_000_000  # each takes some 100 bytes while it is read
_FORMULAS = tuple("=+-@＝＋－＠")  # with which spreadsheets let one begin; tab and return are escaped


def read_rows(path: Path, *, least: int = 1) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a CSV file, as text; ``least`` says how many rows there must be, 0 or 1.

    Raises
    ------
    DataError
        If the file cannot be read, has no rows or more than ten million cells, a column is there twice,
        or a row is longer or shorter than the header.
    """
    text = read_text(path)
    if text.count("\n") + text.count(",") > MOST_CELLS:
        raise DataError(f"{path}: has more than {MOST_CELLS // 10**6} million cells; not read")
    lines = [
        (number, line.strip())
        for number, line in enumerate(text.split("\n"), start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if len(lines) < 1 + least:
        raise DataError(
            f"{path}: has no rows; expected a header line{' and at least one row' if least else ''}"
        )
    header = [name.strip() for name in lines[0][1].split(",")]
    for index, name in enumerate(header):
        if name in header[:index]:
            raise DataError(f"{path}: has two columns '{name}'; keep one")
    rows = []
    for number, line in lines[1:]:
        cells = line.split(",")
        if len(cells) != len(header):
            raise DataError(f"{path}: line {number} has {len(cells)} columns, the header {len(header)}")
        rows.append(cells)
    return header, rows


def read_table(path: Path, *, least: int = 1) -> Mapping[str, Array]:
    """Columns of a CSV file of numbers, by name, with ``least`` rows, see :func:`read_rows`.

    Empty cells and ``nan`` become NaN: whether that may be is for :func:`column` to say.

    Raises
    ------
    DataError
        If a cell is no number.
    """
    header, rows = read_rows(path, least=least)
    if not rows:
        return {name: np.empty(0) for name in header}
    try:
        # Not by NumPy, which gives every cell the room of the longest one.
        values = np.array([[float(cell) for cell in row] for row in rows])
    except ValueError:
        cells = [
            [
                _number(f"{path}: column '{name}', row {number}", cell)
                for name, cell in zip(header, row, strict=True)
            ]
            for number, row in enumerate(rows, start=1)
        ]
        values = np.array(cells)
    return dict(zip(header, values.T, strict=True))


def _number(where: str, cell: str) -> float:
    try:
        return float(cell) if cell.strip() else np.nan
    except ValueError:
        raise DataError(f"{where}: '{cell.strip():.60}' is no number") from None


def column(
    path: Path,
    table: Mapping[str, Array],
    name: str,
    *,
    increasing: bool = False,
    non_negative: bool = False,
) -> Array:
    """One column, checked.

    Parameters
    ----------
    path
        Where the table came from, for the message.
    table
        From :func:`read_table`.
    name
        The column's name.
    increasing
        Whether the values must increase strictly.
    non_negative
        Whether negative values are refused.

    Raises
    ------
    DataError
        If the column is missing or a value is not finite, out of order or negative.
    """
    if name not in table:
        raise DataError(f"{path}: has no column '{name}'; it has {', '.join(table)}")
    values = table[name]

    def refuse(bad: NDArray[np.bool_], why: str) -> None:
        if bad.any():
            row = int(np.argmax(bad))
            raise DataError(f"{path}: column '{name}', row {row + 1}: {values[row]:g} {why}")

    refuse(~np.isfinite(values), "is not a finite number")
    if increasing:
        refuse(np.diff(values, prepend=-np.inf) <= 0, "is not above the row before it; sort the rows")
    if non_negative:
        refuse(values < 0, "is negative")
    return values


def to_csv(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """A table as comma-separated text, a header line first; what is not finite or not known is empty.

    Names come from files. Characters that nobody sees are written as escapes, and a text with which a
    spreadsheet would begin a formula gets an apostrophe before it; numbers stay numbers.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerows([_written(cell) for cell in row] for row in (header, *rows))
    return stream.getvalue()


def _written(cell: Cell) -> Cell:
    if isinstance(cell, str):
        text = printable(cell)
        return f"'{text}" if text.startswith(_FORMULAS) and not _is_number(text) else text
    return None if isinstance(cell, float) and not isfinite(cell) else cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
