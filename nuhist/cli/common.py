"""Options and output that several commands share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from nuhist.inference.execution import Execution

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

as_json = click.option("--json", "json_output", is_flag=True, help="Print one JSON object.")
workspace_argument = click.argument("workspace", metavar="WS", default="-")
engine_option = click.option(
    "--engine", default="compiled", show_default=True, help="What fits: compiled, or pyhf."
)
measurement_option = click.option("--measurement", help="Name of the measurement [default: the first].")


def output_option(text: str) -> Decorator:
    """``-o FILE``, in pyhf's spelling too."""
    return click.option(
        "-o", "--output-file", "output", type=click.Path(path_type=Path), metavar="FILE", help=text
    )


def hypothesis_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """``--hypothesis`` and ``--flavor``."""
    for option in (
        click.option("--flavor", default="effective", show_default=True, metavar="F",
                     help="effective, e, mu or tau."),
        click.option("--hypothesis", required=True, metavar="H",
                     help="magnetic-moment, millicharge-fea, millicharge-epa-only, millicharge-epa,"
                          " charge-radius, charge-radius-transition or standard-model."),
    ):  # fmt: skip
        function = option(function)
    return function


_TOY_OPTIONS = (
    click.option("--ntoys", type=click.IntRange(min=1), help="Pseudo-experiments per value."),
    click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the toys."),
    click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Processes."),
    click.option("--scheduler", metavar="ADDRESS", help="Of a Dask cluster, such as tcp://host:8786."),
    click.option("--resume", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
                 help="Checkpoint: finished batches are kept there and taken from there."),
)  # fmt: skip


def toy_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Options of how toys are thrown and by whom."""
    for option in reversed(_TOY_OPTIONS):
        function = option(function)
    return function


def refuse_toy_options(reason: str, ntoys: int | None, choices: Mapping[str, Any]) -> None:
    """Refuse options of toys where none are thrown, instead of leaving them unused.

    Raises
    ------
    ConfigError
        With the options and the reason.
    """
    from nuhist.errors import ConfigError

    given = {
        "--ntoys": ntoys is not None,
        "--jobs": choices["jobs"] > 1,
        "--scheduler": choices["scheduler"] is not None,
        "--resume": choices["resume"] is not None,
    }
    if any(given.values()):
        names = ", ".join(name for name, present in given.items() if present)
        raise ConfigError(f"{names}: no toys are thrown {reason}")


@contextmanager
def toy_execution(ntoys: int, **choices: Any) -> Iterator[Execution]:
    """How to throw toys, with a progress bar where somebody looks at standard error."""
    from nuhist.inference.execution import Execution

    if not sys.stderr.isatty():
        yield Execution(toys=ntoys, **choices)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        """Toys per second."""

        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:,.0f}/s" if task.speed else "", style="progress.data.speed")

    columns = (TextColumn("toys"), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("toys", total=None)

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield Execution(toys=ntoys, progress=progress, **choices)


def print_json(value: Any) -> None:
    """One JSON object on standard output."""
    from nuhist.files import to_json

    click.echo(to_json(value), nl=False)


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> str:
    """Columns aligned for reading: the first ``left`` to the left, the others to the right."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = []
    for row in [header, *rows]:
        cells = [
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> None:
    """Columns on standard output, see :func:`aligned`."""
    click.echo(aligned(header, rows, left=left), nl=False)


def command_line() -> str:
    """The command as it was typed, for the sidecar."""
    import shlex

    return shlex.join(["nuhist", *sys.argv[1:]])
