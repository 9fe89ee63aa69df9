"""Results, remarks and tables as the shell prints them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nuhist.characters import printable, shell_word
from nuhist.cli.words import in_shell

if TYPE_CHECKING:
    from nuhist.histfactory.data_kind import DataKind
    from nuhist.histfactory.workspace import Workspace


def say(*lines: str) -> None:
    """Lines of a result on standard output, with names as :func:`nuhist.characters.printable` has them."""
    click.echo("\n".join(map(printable, lines)))


def tell(line: str) -> None:
    """One line for whoever watches, on standard error; a result is not given up where that is closed."""
    with suppress(OSError):
        click.echo(printable(line), err=True)


def warn(line: str) -> None:
    """What a reader of files leaves out or takes differently, on standard error."""
    tell(f"nuhist: {in_shell(line)}")


def print_text(text: str) -> None:
    """A text that ends with a line break on standard output, each line as :func:`say` prints it."""
    say(*text.removesuffix("\n").split("\n"))


def print_json(value: Any) -> None:
    """One JSON object on standard output, as :func:`nuhist.files.to_json` writes it."""
    from nuhist.files import to_json

    click.echo(to_json(value), nl=False)


def deliver(workspace: Workspace, output: Path | None) -> None:
    """Print a workspace, or save it and say so, with remarks on its data and on responses."""
    from nuhist.histfactory.data_kind import data_remarks, describe, response_remarks
    from nuhist.histfactory.interest import lost_meanings

    for remark in (*data_remarks(workspace.spec), *response_remarks(workspace.sidecar)):
        warn(remark)
    if output is None:
        for remark in lost_meanings(workspace):
            warn(remark)
        print_json(workspace.spec)
        return
    workspace.save(output)
    observed = sum(sum(counts) for counts in workspace.observed().values())
    kind = workspace.data_kind
    what = "observed" if kind == "observed" else f"({describe(kind)})"
    tell(f"{output}: {observed:g} counts {what}, digest {workspace.digest[:12]}")


def print_remarks(kind: DataKind, notes: Sequence[str], *, err: bool = False) -> None:
    """What the data are, unless observed, and the notes of a result; with ``err`` on standard error."""
    from nuhist.histfactory.data_kind import describe

    put = tell if err else say
    if kind != "observed":
        put(f"  data: {describe(kind)}")
    for note in notes:
        put(f"  note: {in_shell(note)}")


def told_apart(values: Sequence[float]) -> list[str]:
    """Numbers with four digits, or with as many as tell them apart."""
    for digits in (4, 6, 9, 12):
        texts = [f"{value:.{digits}g}" for value in values]
        if len(set(texts)) == len(set(values)):
            break
    return texts


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> str:
    """Columns aligned for reading: the first ``left`` to the left, the others to the right."""
    shown = [[printable(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    lines = []
    for row in shown:
        cells = [
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> None:
    """Columns on standard output, see :func:`aligned`."""
    print_text(aligned(header, rows, left=left))


def command_line() -> str:
    """The command as it was typed, for the sidecar: a line that a shell reads, in characters of UTF-8."""
    return " ".join(["nuhist", *map(shell_word, sys.argv[1:])])
