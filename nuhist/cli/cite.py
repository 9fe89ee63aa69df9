"""The command that says what to cite."""

from __future__ import annotations

import click

from nuhist.cli.common import print_text
from nuhist.cli.options import command


@command(epilog="Example: nuhist cite joint.json")
@click.argument("workspaces", metavar="[WS...]", nargs=-1)
def cite(workspaces: tuple[str, ...]) -> None:
    """Print BibTeX for nuhist, pyhf, arXiv:2207.05036, and the sources of the data in WS."""
    from nuhist.histfactory.patchset import SignalGrid, load
    from nuhist.report.citations import citations

    models = [load(workspace) for workspace in workspaces]
    used = [model.background if isinstance(model, SignalGrid) else model for model in models]
    print_text(citations(used))


def print_citations(context: click.Context, _option: click.Parameter, asked: bool) -> None:
    """The callback of ``nuhist --cite``."""
    if asked and not context.resilient_parsing:
        from nuhist.report.citations import citations

        print_text(citations())
        context.exit()
