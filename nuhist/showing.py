"""How results and models are shown: in one line, as a table of HTML, as a pandas DataFrame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from operator import attrgetter
from typing import Any

from nuhist.characters import printable
from nuhist.errors import missing_extra
from nuhist.tables import Cell, to_csv

_MOST_ROWS, _MOST_COLUMNS = 20, 14  # of a table in HTML
_SAID = "data_kind"  # a column of files; above a table it is said once
# In the colours of the page around it, light or dark; lines of a grey that both show.
_STYLE = (
    "<style>.nuhist table {border-collapse: collapse; margin: 0.4em 0; color: inherit; font-size: 90%}"
    " .nuhist th, .nuhist td {border: 0; border-bottom: 1px solid rgba(128, 128, 128, 0.5)}"
    " .nuhist th, .nuhist td {padding: 0.15em 0.7em; text-align: left}"
    " .nuhist .number {text-align: right; white-space: nowrap} .nuhist {overflow-x: auto}"
    " .nuhist .less {opacity: 0.75; font-size: 90%}</style>"
)


@dataclass(frozen=True)
class Table:
    """Named columns."""

    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    @classmethod
    def of(cls, records: Iterable[Any], *names: str, **same: Cell) -> Table:
        """A row for each record, of these of its attributes; ``same`` are columns that do not change."""
        values = attrgetter(*names)
        rows = tuple((*values(record), *same.values()) for record in records)
        return cls((*(name.replace(".", "_") for name in names), *same), rows)

    @classmethod
    def joined(cls, tables: Sequence[Table]) -> Table:
        """The rows of tables that have the same columns, one table after the other."""
        return cls(tables[0].header, tuple(row for table in tables for row in table.rows))

    def to_csv(self) -> str:
        """The table as :func:`nuhist.tables.to_csv` writes it."""
        return to_csv(self.header, self.rows)

    def to_dataframe(self) -> Any:
        """The table as a ``pandas.DataFrame``.

        Raises
        ------
        DataError
            If pandas is not installed.
        """
        try:
            from pandas import DataFrame
        except ImportError as error:
            raise missing_extra("data frames", "pandas", "pandas") from error
        return DataFrame(list(self.rows), columns=list(self.header))

    def to_html(self) -> str:
        """A ``<table>`` in the colours of the page around it, with at most 20 rows and 14 columns."""
        shown = self.rows[:_MOST_ROWS]
        columns = [index for index, name in enumerate(self.header) if name != _SAID]
        kept = columns[:_MOST_COLUMNS]
        numbers = {index for index in kept if any(isinstance(row[index], int | float) for row in shown)}
        head = _cells(self.header, kept, numbers, "th")
        body = "".join(_cells(row, kept, numbers, "td") for row in shown)
        left = {"rows": len(self.rows) - len(shown), "columns": len(columns) - len(kept)}
        more = " and ".join(f"{count} more {what}" for what, count in left.items() if count)
        tail = f'<div class="less">and {more}</div>' if more else ""
        return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>{tail}"


class Shown:
    """What is shown in a notebook. A class says in words what it is, and which rows it has."""

    __slots__ = ()

    @property
    def words(self) -> tuple[str, ...]:
        """The result in a sentence, then where it comes from."""
        raise NotImplementedError

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader should know besides."""
        return ()

    def table(self) -> Table:
        """The rows of the data frame, of the table in HTML, and of CSV beside a figure."""
        raise NotImplementedError

    def further(self) -> tuple[Table, ...]:
        """Tables that HTML has below it."""
        return ()

    def to_dataframe(self) -> Any:
        """The rows as a ``pandas.DataFrame``.

        Raises
        ------
        DataError
            If pandas is not installed.
        """
        return self.table().to_dataframe()

    def __repr__(self) -> str:
        return printable(f"{type(self).__name__}({'; '.join(self.words)})")

    def _repr_html_(self) -> str:
        first, *others = map(_text, self.words)
        tables = "".join(table.to_html() for table in (self.table(), *self.further()) if table.rows)
        remarks = "".join(f'<div class="less">note: {_text(remark)}</div>' for remark in self.remarks)
        head = f'<b>{type(self).__name__}</b> {first}<div class="less">{"; ".join(others)}</div>'
        return f'<div class="nuhist">{_STYLE}{head}{tables}{remarks}</div>'


def _text(text: str) -> str:
    return escape(printable(text))


def _cells(row: Sequence[Cell], kept: Sequence[int], numbers: set[int], tag: str) -> str:
    """One row of a table in HTML."""
    parts = (
        f'<{tag} class="number">{_cell(row[index])}</{tag}>'
        if index in numbers
        else f"<{tag}>{_cell(row[index])}</{tag}>"
        for index in kept
    )
    return f"<tr>{''.join(parts)}</tr>"


def _cell(value: Cell) -> str:
    if value is None or isinstance(value, str):
        return _text(value or "")
    return str(value) if isinstance(value, int) else f"{value:.4g}"
