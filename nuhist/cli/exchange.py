"""Commands that bring a model into other formats, and back: two for each format of the table."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nuhist.cli.common import Source, output_option, workspace_argument
from nuhist.cli.offered import OfferedCommand
from nuhist.cli.options import OutputType, PathType, TableGroup, group
from nuhist.cli.printing import command_line, deliver, print_json, tell, warn

if TYPE_CHECKING:
    from nuhist.entry_points import Offers
    from nuhist.exchange.format import Format, Reader, Writer


def _formats() -> Offers[Format]:
    from nuhist.exchange.formats import formats

    return formats()


def _exports(each: Format) -> click.Command | None:
    return _export(each.name, each.writer) if each.writer else None


def _imports(each: Format) -> click.Command | None:
    return _import(each.name, each.reader) if each.reader else None


@group(cls=TableGroup, table=_formats, make=_exports, epilog="Example: nuhist export root lz.json -o lz.root")
def export() -> None:
    """Write a workspace in another format."""


@group(
    "import",
    cls=TableGroup,
    table=_formats,
    make=_imports,
    epilog="Example: nuhist import root lz.root -o lz.json",
)
def import_() -> None:
    """Make a workspace from a file of another format."""


@cache  # a command stays the same
def _export(name: str, writer: Writer) -> click.Command:
    @workspace_argument
    def run(workspace: Source, output: Path | None, **choices: Any) -> None:
        if output is None:
            print_json(writer.json(workspace.workspace(), message=warn, **choices))
            return
        for path in writer(workspace.workspace(), output, message=warn, **choices):
            tell(f"{path}: written")

    if writer.document:
        run = output_option(writer.target)(run)
    else:
        folder = bool(writer.main)
        run = click.option(
            "-o", "--output-dir" if folder else "--output-file", "output", required=True, type=OutputType(),
            metavar="DIR" if folder else "FILE", help=writer.target,
        )(run)  # fmt: skip
    return _command(name, "export", writer, OutputType(), run)


@cache
def _import(name: str, reader: Reader) -> click.Command:
    def run(files: Any, output: Path | None, **choices: Any) -> None:
        deliver(reader(files, command=command_line(), message=warn, **choices), output)

    files = click.argument("files", metavar="FILE", type=PathType())
    if reader.several:
        files = click.argument("files", metavar="FILE...", nargs=-1, required=True)
    where = output_option("Where to write; the sidecar goes beside it [default: standard output].")
    return _command(name, "import", reader, PathType(), files(where(run)))


def _command(name: str, verb: str, way: Reader | Writer, path: PathType, run: Any) -> click.Command:
    example = f"Example: nuhist {verb} {name} {way.example}"
    made: click.Command = click.command(
        name, cls=OfferedCommand, offered=way, path=path, help=way.help, epilog=example
    )(run)
    return made
