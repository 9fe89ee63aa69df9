"""What all commands that draw share: options, and the files they write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nuhist.cli.common import as_json, print_json, tell
from nuhist.cli.options import OutputType
from nuhist.errors import DataError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nuhist.report.number_tables import Table

_NUMBERS = (".csv", ".json")


@dataclass(frozen=True)
class Drawing:
    """A figure, and its numbers as JSON and as a table."""

    figure: Figure
    numbers: dict[str, Any]
    table: Table


def draws(function: Callable[..., Drawing]) -> Callable[..., None]:
    """Options of every figure, and what is done with it."""

    @click.option(
        "-o",
        "--output-file",
        "output",
        required=True,
        metavar="FILE",
        type=OutputType(),
        help="Picture; its ending chooses the format.",
    )
    @click.option(
        "--numbers",
        metavar="FILE",
        type=OutputType(),
        help="Its numbers, .json or .csv [default: beside the picture, .numbers.json].",
    )
    @click.option(
        "--style",
        default="plain",
        show_default=True,
        metavar="NAME",
        help="plain, or mplhep's alice, atlas, cms, dune, lhcb or root.",
    )
    @as_json
    @wraps(function)
    def command(*, output: Path, numbers: Path | None, style: str, json_output: bool, **options: Any) -> None:
        from nuhist.files import check_output, to_json, write_together
        from nuhist.report.figures import check_picture, picture
        from nuhist.report.figures import style as in_style

        check_picture(output)
        beside = numbers or output.with_suffix(".numbers.json")
        if beside.suffix.lower() not in _NUMBERS:
            raise DataError(f"{beside}: numbers are written as {' or '.join(_NUMBERS)}; name such a file")
        check_output(beside)
        with in_style(style):
            drawing = function(**options)
            drawn = picture(drawing.figure, output)
        as_csv = beside.suffix.lower() == ".csv"
        text = drawing.table.to_csv() if as_csv else to_json(drawing.numbers)
        write_together({beside: text, output: drawn}, key=output)
        tell(f"{output}: drawn; its numbers: {beside}")
        if json_output:
            print_json(drawing.numbers)

    return command  # fmt: skip
