"""Commands that draw."""

from __future__ import annotations

from pathlib import Path

import click

from nuhist.cli.common import as_json, print_json, workspace_argument


@click.group(epilog="Example: nuhist plot spectrum lz.json -o lz.png")
def plot() -> None:
    """Draw a figure; its numbers go beside it as JSON."""


@plot.command(epilog="Example: nuhist plot spectrum lz.json --coupling 2.8e-11 -o lz.pdf")
@workspace_argument
@click.option("--channel", help="Name of the channel [default: the first].")
@click.option("--coupling", type=float, help="Draw this coupling on the fit without it.")
@click.option("-o", "--output-file", "output", required=True, type=click.Path(path_type=Path),
              metavar="FILE", help="Picture; its ending chooses the format.")  # fmt: skip
@as_json
def spectrum(
    workspace: str, channel: str | None, coupling: float | None, output: Path, json_output: bool
) -> None:
    """Observed and fitted events per bin, stacked by component, with residuals."""
    from nuhist.files import to_json, write_atomically
    from nuhist.histfactory.workspace import load_workspace
    from nuhist.report.spectrum_figure import draw_spectrum, fitted_spectrum

    result = fitted_spectrum(load_workspace(workspace), channel=channel, coupling=coupling)
    draw_spectrum(result, output)
    numbers = output.with_suffix(".numbers.json")
    write_atomically(numbers, to_json(result.to_json()))
    click.echo(f"{output}: drawn; its numbers: {numbers}", err=True)
    if json_output:
        print_json(result.to_json())
