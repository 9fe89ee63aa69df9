"""The command ``nuhist``: its commands in the order in which one uses them."""

from __future__ import annotations

from typing import Any

import click

from nuhist.__about__ import __version__
from nuhist.cli import exchange, experiment, hepdata, infer, plot, report, reproduce, study, workspace
from nuhist.errors import NuhistError


class _Nuhist(click.Group):
    """A group that keeps its commands' order and turns nuhist's errors into one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the signature is click's
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except NuhistError as error:
            click.echo(f"nuhist: {' '.join(str(error).split())}", err=True)
            ctx.exit(1)


@click.group(
    cls=_Nuhist,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: nuhist build lz_ws2022 --hypothesis magnetic-moment | nuhist limit",
)
@click.version_option(__version__, prog_name="nuhist")
def main() -> None:
    """Neutrino cross sections to HistFactory likelihoods that anyone can fit.

    The order of work: look at the experiments and a spectrum, build a workspace, fit it, set a
    limit, plot it. WS is a file, or - for standard input (the default).
    """


for _command in (
    experiment.experiments,
    experiment.spectrum,
    workspace.build,
    workspace.patchset,
    workspace.combine,
    workspace.validate,
    workspace.inspect,
    infer.fit,
    infer.scan,
    infer.limit,
    study.significance,
    study.gof,
    study.ranking,
    study.coverage,
    exchange.export,
    exchange.import_,
    hepdata.hepdata,
    plot.plot,
    report.report,
    reproduce.reproduce,
    reproduce.rebuild,
):
    main.add_command(_command)
