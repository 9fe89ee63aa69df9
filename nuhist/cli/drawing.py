"""What all commands that draw share: options, and the files they write."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nuhist.cli.common import as_json
from nuhist.cli.options import OutputType
from nuhist.cli.printing import print_json, tell
from nuhist.errors import DataError

if TYPE_CHECKING:
    from nuhist.report.figures import Drawn

_NUMBERS = (".csv", ".json")


def _pair(_: click.Context, option: click.Parameter, text: str | None) -> tuple[float, float] | None:
    """Two numbers with a colon."""
    try:
        low, high = map(float, (text or "0:0").split(":"))
    except ValueError:
        example = "8:4" if option.name == "size" else "1:10"
        raise click.BadParameter(f"'{text}': expected two numbers, such as {example}") from None
    return None if text is None else (low, high)


_LOOK = (
    click.option("--title", metavar="TEXT", help="Heading; what it says of its data stays below."),
    click.option("--size", metavar="W:H", callback=_pair, help="Width and height in inches."),
    click.option("--log", is_flag=True, help="A logarithmic vertical axis."),
    click.option("--xlim", metavar="LO:HI", callback=_pair, help="Ends of the horizontal axis."),
    click.option("--ylim", metavar="LO:HI", callback=_pair, help="Ends of the vertical axis."),
)


def draws(function: Callable[..., Drawn]) -> Callable[..., None]:
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

    for option in reversed(_LOOK):
        command = option(command)
    return command  # fmt: skip
