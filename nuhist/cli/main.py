"""The command ``nuhist``: its commands in the order in which one uses them."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from nuhist.__about__ import __version__
from nuhist.characters import printable
from nuhist.cli import (
    cite,
    combination,
    exchange,
    experiment,
    hepdata,
    infer,
    physics,
    plane,
    plot,
    report,
    reproduce,
    study,
    workspace,
)
from nuhist.cli.options import Group
from nuhist.cli.printing import tell
from nuhist.cli.streams import open_closed_streams
from nuhist.cli.words import in_shell
from nuhist.errors import NuhistError, OptionError
from nuhist.inputs import inputs_kept
from nuhist.interrupts import is_interrupt

_FAMILIES = {
    "Look at what there is": (
        experiment.experiments,
        experiment.spectrum,
        physics.hypotheses,
        physics.sources,
        physics.targets,
    ),
    "Make a likelihood": (
        workspace.build,
        workspace.patchset,
        combination.combine,
        combination.describe,
        workspace.validate,
        workspace.inspect,
    ),
    "Fit it": (infer.fit, infer.scan, infer.limit),
    "Question it": (
        study.significance,
        study.gof,
        study.ranking,
        study.contour,
        study.coverage,
        physics.moments,
    ),
    "Fill a plane": (plane.exclusion, plane.sensitivity),
    "Show it": (plot.plot, report.report),
    "Share it": (exchange.export, exchange.import_, hepdata.hepdata, cite.cite),
    "Redo ours": (reproduce.reproduce, reproduce.rebuild),
}

_MEMORY = "the memory does not suffice for this model; take fewer bins or parameters, or a larger machine"
# What an error says, and the page that says more.
_PAGES = {
    "no hypothesis called": "docs/explanation/statistical-model.md",
    "no experiment called": "docs/explanation/experiments.md",
    " both have '": "docs/how-to/combine.md",
    "' has different sizes: ": "docs/how-to/combine.md",
    ": no toys are thrown ": "docs/how-to/many-toys.md",
}


class _Nuhist(Group):
    """A group that shows its commands by family and turns nuhist's errors into one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the signature is click's
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        width = max(map(len, self.commands))
        room = formatter.width - 6 - width
        for family, commands in _FAMILIES.items():
            rows = [(f"{command.name:{width}}", command.get_short_help_str(room)) for command in commands]
            with formatter.section(family):
                formatter.write_dl(rows)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        found = super().get_command(ctx, cmd_name)
        if found is None or not ctx.resilient_parsing:
            return found
        from nuhist.cli.completion import with_names  # a shell asks what could follow

        return with_names(found)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        open_closed_streams()
        try:
            return super().main(*args, **kwargs)
        except OSError as error:  # of standard output, or of the folder for temporary files
            reason = "is closed" if error.errno == errno.EBADF else error.strerror or error
            tell(f"nuhist: {error.filename or 'output'}: {reason}")
            sys.exit(1)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with _printable_usage():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with _printable_usage(), inputs_kept():
                return super().invoke(ctx)
        except Exception as error:
            if is_interrupt(error):
                raise click.Abort from error
            if isinstance(error, MemoryError):
                tell(f"nuhist: {_MEMORY}")
            elif isinstance(error, NuhistError):
                message = in_shell(str(error))
                page = next((page for text, page in _PAGES.items() if text in message), None)
                tell(f"nuhist: {message}{f' ({page})' if page else ''}")
            else:
                raise
            ctx.exit(2 if isinstance(error, OptionError) else 1)


@contextmanager
def _printable_usage() -> Iterator[None]:
    """What is wrong with the arguments, without characters that a terminal obeys."""
    try:
        yield
    except click.ClickException as error:
        error.message = printable(error.message)  # type: ignore[misc]  # Final: told to nobody else
        raise


@click.group(
    cls=_Nuhist,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: nuhist build lz_ws2022 --hypothesis magnetic-moment | nuhist limit",
)
@click.version_option(__version__, prog_name="nuhist")
@click.option("--cite", is_flag=True, is_eager=True, expose_value=False, callback=cite.print_citations,
              help="Print BibTeX and exit; nuhist cite WS adds the sources of the data.")  # fmt: skip
@click.pass_context
def main(context: click.Context) -> None:
    """Neutrino cross sections to HistFactory likelihoods that anyone can fit.

    \b
    nuhist experiments                                              which data there are
    nuhist build lz_ws2022 --hypothesis magnetic-moment -o lz.json  a likelihood of one
    nuhist fit lz.json                                              what the data say
    nuhist limit lz.json                                            how large it may be
    nuhist report lz.json -o lz.html                                all of it on one page

    nuhist COMMAND --help lists options. WS is a file, or - for standard input (the default).
    """  # noqa: D301 - click's sign for lines that stay as they are
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for _commands in _FAMILIES.values():
    for _command in _commands:
        main.add_command(_command)
