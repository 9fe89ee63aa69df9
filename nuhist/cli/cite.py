"""The command that says what to cite."""

from __future__ import annotations

import click

from nuhist.cli.common import Source, workspaces_argument
from nuhist.cli.options import command
from nuhist.cli.printing import print_text


@command(epilog="Example: nuhist cite joint.json")
@workspaces_argument("[WS...]")
def cite(workspaces: tuple[Source, ...]) -> None:
    """Print BibTeX for nuhist, pyhf, what the hypothesis of WS cites, and the sources of its data.

    A channel without a sidecar, as after a pipe, is known by its name if a bundled experiment has it.
    """
    from nuhist.histfactory.patchset import SignalGrid
    from nuhist.report.citations import citations

    models = [source.model() for source in workspaces]
    used = [model.background if isinstance(model, SignalGrid) else model for model in models]
    print_text(citations(used))


def print_citations(context: click.Context, _option: click.Parameter, asked: bool) -> None:
    """The callback of ``nuhist --cite``."""
    if asked and not context.resilient_parsing:
        from nuhist.report.citations import citations

        print_text(citations())
        context.exit()
