"""The command that writes a page about models."""

from __future__ import annotations

from pathlib import Path

import click
from click.core import ParameterSource

from nuhist.characters import printable
from nuhist.cli.common import Source, as_json, read_results, results_option, workspaces_argument
from nuhist.cli.options import OutputType, command, refuse_given
from nuhist.cli.printing import command_line, print_json, tell


@command(epilog="Example: nuhist report lz.json xenonnt.json -o report.html")
@workspaces_argument("WS...", default=("-",))
@click.option("--cl", "--confidence-level", "confidence_level", type=float, default=0.90, show_default=True,
              help="Confidence level of the limits.")  # fmt: skip
@click.option("--ntoys", type=click.IntRange(min=0), default=1000, show_default=True,
              help="Toys for the goodness of fit; 0 for none.")  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the toys.")
@click.option("-o", "--output-file", "output", required=True, type=OutputType(), metavar="FILE",
              help="The page, such as report.html.")  # fmt: skip
@results_option
@as_json
def report(
    workspaces: tuple[Source, ...],
    confidence_level: float,
    ntoys: int,
    seed: int,
    output: Path,
    results: tuple[Path, ...],
    json_output: bool,
) -> None:
    """Write one self-contained HTML page on one or several WS: results, spectra, provenance, files.

    With --result also, or without WS only, of exclusions, forecasts and contours.

    A step that fails is on the page with its message, and on standard error.
    """
    from nuhist.files import check_output, write_atomically
    from nuhist.histfactory.patchset import SignalGrid
    from nuhist.inference.execution import Execution
    from nuhist.report.page import check_packages, make_report

    check_packages()
    check_output(output)
    if ntoys == 0:
        refuse_given(("seed",), "no toys are thrown with --ntoys 0")
    planes = read_results(results)
    context = click.get_current_context()
    alone = bool(planes) and context.get_parameter_source("workspaces") is ParameterSource.DEFAULT
    models = [] if alone else [source.model() for source in workspaces]
    if alone:
        refuse_given(("ntoys", "seed", "confidence_level"), "does nothing without WS")
    elif all(isinstance(model, SignalGrid) for model in models):
        unused = ("ntoys", "seed") if ntoys else ("seed",)
        refuse_given(unused, "no toys are thrown for a grid of signal points")
    from rich.console import Console
    from rich.markup import escape

    with Console(stderr=True).status("report") as status:
        result = make_report(
            models,
            confidence_level=confidence_level,
            execution=Execution(toys=ntoys, seed=seed) if ntoys else None,
            results=planes,
            command=command_line(),
            progress=lambda line: status.update(escape(printable(line))),
        )
    write_atomically(output, result.html)
    for study in result.studies:
        for failure in study.failures:
            tell(f"{study.path}: {failure.step} failed: {failure.message}")
    tell(f"{output}: written, {len(result.html.encode()) / 1e6:.2f} MB")
    if json_output:
        print_json(result.to_json())
