"""Commands that bring a model into other formats, and back: two for each format of the table."""

from __future__ import annotations

from functools import cache, cached_property
from inspect import Parameter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nuhist.cli.common import (
    Source,
    command_line,
    deliver,
    output_option,
    print_json,
    tell,
    warn,
    workspace_argument,
)
from nuhist.cli.options import Command, OutputType, PathType, TableGroup, group, kind_of

if TYPE_CHECKING:
    from nuhist.exchange.format import Option, Reader, Writer


def _exports() -> dict[str, click.Command]:
    from nuhist.exchange.formats import formats

    return {name: _export(name, each.writer) for name, each in formats().items() if each.writer}


def _imports() -> dict[str, click.Command]:
    from nuhist.exchange.formats import formats

    return {name: _import(name, each.reader) for name, each in formats().items() if each.reader}


@group(cls=TableGroup, table=_exports, epilog="Example: nuhist export root lz.json -o lz.root")
def export() -> None:
    """Write a workspace in another format."""


@group("import", cls=TableGroup, table=_imports, epilog="Example: nuhist import root lz.root -o lz.json")
def import_() -> None:
    """Make a workspace from a file of another format."""


class _FormatCommand(Command):
    """A command with a format's options, made from the keywords of its function when they are asked for."""

    def __init__(self, *, way: Reader | Writer, path: PathType, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.way, self.path = way, path

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Its own parameters, the options of the format, and ``--help``."""
        found, own = super().get_params(ctx), len(self.params)
        return [*found[:own], *self.options, *found[own:]]

    @cached_property  # click knows options by identity
    def options(self) -> list[click.Option]:
        """Those of the format."""
        keywords = self.way.keywords()
        return [self._option(each, keywords[each.name]) for each in self.way.options]

    def _option(self, option: Option, keyword: Parameter) -> click.Option:
        kind, flag = kind_of(keyword.annotation), (option.flag or option.name).replace("_", "-")
        shown: dict[str, Any] = {"help": option.help, "metavar": option.metavar}
        if kind == "bool" and keyword.default:
            names = f"--{flag}/--no-{flag}"
            return click.Option([names, option.name], default=True, show_default=True, **shown)
        names = f"--{flag}"
        if kind == "bool":
            return click.Option([names, option.name], is_flag=True, **shown)
        if kind == "Sequence[str]":
            commas = _split if "[,..]" in (option.metavar or "") else None
            return click.Option([names, option.name], multiple=True, callback=commas, **shown)
        types = {"int": click.INT, "float": click.FLOAT, "Path": self.path}
        taken = types.get(kind, click.STRING)
        return click.Option(
            [names, option.name], type=taken, default=keyword.default, show_default=True, **shown
        )


def _split(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for text in values for name in text.split(","))


@cache  # a command stays the same
def _export(name: str, writer: Writer) -> click.Command:
    @workspace_argument
    def run(workspace: Source, output: Path | None, **choices: Any) -> None:
        if output is None:
            print_json(writer.json(workspace.workspace(), **choices))
            return
        for path in writer(workspace.workspace(), output, **choices):
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
        name, cls=_FormatCommand, way=way, path=path, help=way.help, epilog=example
    )(run)
    return made
