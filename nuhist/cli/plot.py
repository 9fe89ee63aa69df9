"""Commands that draw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nuhist.cli.common import as_json, print_json, workspace_argument

_picture = click.option(
    "-o", "--output-file", "output", required=True, type=click.Path(path_type=Path), metavar="FILE",
    help="Picture; its ending chooses the format.",
)  # fmt: skip


@click.group(epilog="Example: nuhist plot spectrum lz.json -o lz.png")
def plot() -> None:
    """Draw a figure; its numbers go beside it as JSON."""


@plot.command(epilog="Example: nuhist plot spectrum lz.json --coupling 2.8e-11 -o lz.pdf")
@workspace_argument
@click.option("--channel", help="Name of the channel [default: the first].")
@click.option("--coupling", type=float, help="Draw this coupling on the fit without it.")
@_picture
@as_json
def spectrum(
    workspace: str, channel: str | None, coupling: float | None, output: Path, json_output: bool
) -> None:
    """Observed and fitted events per bin, stacked by component, with residuals."""
    from nuhist.histfactory.patchset import load
    from nuhist.inference.spectrum import fitted_spectrum
    from nuhist.report.spectrum_figure import draw_spectrum

    result = fitted_spectrum(load(workspace), channel=channel, coupling=coupling)
    numbers = result.to_json()
    draw_spectrum(result, output)
    _finish(output, numbers, json_output=json_output)


@plot.command(epilog="Example: nuhist plot scan e.json mu.json tau.json -o flavours.png")
@click.argument("workspaces", metavar="WS...", nargs=-1, required=True)
@click.option(
    "--label", "labels", multiple=True, help="Of each curve, in order [default: coupling and file]."
)
@_picture
@as_json
def scan(workspaces: tuple[str, ...], labels: tuple[str, ...], output: Path, json_output: bool) -> None:
    """Δχ² of one or several workspaces in one figure."""
    from nuhist.histfactory.patchset import load
    from nuhist.report.profile_figure import draw_profiles
    from nuhist.report.profiles import profile_lines

    lines = profile_lines([load(workspace) for workspace in workspaces], labels)
    draw_profiles(lines, output)
    _finish(output, {"curves": [line.to_json() for line in lines]}, json_output=json_output)


def _finish(output: Path, numbers: dict[str, Any], *, json_output: bool) -> None:
    from nuhist.files import to_json, write_atomically

    beside = output.with_suffix(".numbers.json")
    write_atomically(beside, to_json(numbers))
    click.echo(f"{output}: drawn; its numbers: {beside}", err=True)
    if json_output:
        print_json(numbers)
