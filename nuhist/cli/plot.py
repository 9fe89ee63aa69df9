"""Commands that draw what is in workspaces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from nuhist.cli.choices import Chosen, model_argument, models_argument
from nuhist.cli.common import Source, workspaces_argument
from nuhist.cli.drawing import Drawing, draws
from nuhist.cli.options import group, refuse_given
from nuhist.cli.plot_physics import cross_section, efficiency, flux, response


@group(epilog="Example: nuhist plot spectrum lz.json -o lz.png")
def plot() -> None:
    """Draw a figure (PDF, SVG, PNG, ...); its numbers go beside it as JSON, or as CSV."""


def _labels(what: str) -> Callable[..., Any]:
    return click.option("--label", "labels", multiple=True, help=f"Of each {what}, in order.")


@plot.command(epilog="Example: nuhist plot spectrum lz.json --coupling 2.8e-11 -o lz.pdf")
@model_argument
@click.option(
    "--channel", "channels", multiple=True, help="Name of a channel; may be repeated [default: the first]."
)
@click.option("--all-channels", is_flag=True, help="All of them, in one figure.")
@click.option("--coupling", type=float, help="Draw this coupling on the fit without it.")
@click.option("--prefit", is_flag=True, help="Before the fit, with the uncertainties of the constraints.")
@draws
def spectrum(
    model: Chosen, channels: tuple[str, ...], all_channels: bool, coupling: float | None, prefit: bool
) -> Drawing:
    """Observed and expected events per bin, stacked by component, with residuals."""
    from nuhist.inference.spectrum import fitted_spectra, fitted_spectrum
    from nuhist.report.number_tables import spectrum_table
    from nuhist.report.spectrum_figure import spectrum_figure

    if all_channels:
        refuse_given(("channels",), "--all-channels draws all of them")
    made = model.model()
    if channels or all_channels:
        chosen = None if all_channels else channels
        results = fitted_spectra(made, channels=chosen, coupling=coupling, prefit=prefit)
    else:
        results = (fitted_spectrum(made, coupling=coupling, prefit=prefit),)
    numbers = [result.to_json() for result in results]
    shown = numbers[0] if len(numbers) == 1 else {"channels": numbers}
    return Drawing(spectrum_figure(*results), shown, spectrum_table(results))


@plot.command(epilog="Example: nuhist plot scan e.json mu.json tau.json -o flavours.png")
@models_argument("WS...", required=True)
@_labels("curve")
@draws
def scan(models: tuple[Chosen, ...], labels: tuple[str, ...]) -> Drawing:
    """Δχ² of one or several workspaces in one figure."""
    from nuhist.report.number_tables import profile_table
    from nuhist.report.profile_figure import profile_figure
    from nuhist.report.profiles import profile_lines

    lines = profile_lines([chosen.model() for chosen in models], labels)
    return Drawing(
        profile_figure(lines), {"curves": [line.to_json() for line in lines]}, profile_table(lines)
    )


@plot.command(epilog="Example: nuhist plot cls lz.json -o cls.pdf")
@model_argument
@click.option("--cl", "--confidence-level", "confidence_level", type=float, default=0.90, show_default=True,
              help="Confidence level of the limits.")  # fmt: skip
@draws
def cls(model: Chosen, confidence_level: float) -> Drawing:
    """CLs against the coupling, observed and expected."""
    from nuhist.report.cls_curve import cls_curve
    from nuhist.report.cls_figure import cls_figure
    from nuhist.report.number_tables import cls_table

    curve = cls_curve(model.model(), confidence_level=confidence_level)
    return Drawing(cls_figure(curve), curve.to_json(), cls_table(curve))


@plot.command(epilog="Example: nuhist plot pulls lz.json -o pulls.pdf")
@model_argument
@click.option("--most", type=click.IntRange(min=1), default=40, show_default=True, help="Rows.")
@draws
def pulls(model: Chosen, most: int) -> Drawing:
    """How far the fit pulls each constrained parameter."""
    from nuhist.report.number_tables import pulls_table
    from nuhist.report.pulls import pulls as run
    from nuhist.report.pulls_figure import pulls_figure

    result = run(model.model())
    return Drawing(pulls_figure(result, most=most), result.to_json(), pulls_table(result))


@plot.command(epilog="Example: nuhist plot ranking lz.json -o ranking.pdf")
@model_argument
@click.option("--most", type=click.IntRange(min=1), default=20, show_default=True, help="Rows.")
@draws
def ranking(model: Chosen, most: int) -> Drawing:
    """Impact of each constrained parameter on the coupling, beside its pull."""
    from nuhist.report.number_tables import ranking_table
    from nuhist.report.ranking_figure import ranking_figure

    made = model.model()
    result = made.ranking()
    figure = ranking_figure(result, made.likelihood.interest, most=most)
    return Drawing(figure, result.to_json(), ranking_table(result))


@plot.command(epilog="Example: nuhist plot correlations lz.json -o correlations.pdf")
@model_argument
@click.option("--most", type=click.IntRange(min=1), default=30, show_default=True, help="Parameters.")
@draws
def correlations(model: Chosen, most: int) -> Drawing:
    """Correlations of the fitted parameters."""
    from nuhist.report.correlation_figure import correlation_figure
    from nuhist.report.number_tables import correlation_table

    made = model.model().lifted()
    result = made.fit()
    numbers = {
        "parameters": [entry.name for entry in result.parameters],
        "correlations": [list(row) for row in result.correlations],
        "bound_lifted": bool(made.lifted_from),
        "conditional_on": list(result.conditional_on),
        "data_kind": result.data_kind,
        "workspace_digest": result.workspace_digest,
        "nuhist_version": result.nuhist_version,
    }
    figure = correlation_figure(result, most=most, bound_lifted=bool(made.lifted_from))
    return Drawing(figure, numbers, correlation_table(result))


@plot.command("world-limits", epilog="Example: nuhist plot world-limits lz.json xenonnt.json -o limits.pdf")
@workspaces_argument("[WS...]")
@_labels("workspace")
@click.option("--method", help="profile, cls or feldman-cousins [default: profile].")
@draws
def world_limits(workspaces: tuple[Source, ...], labels: tuple[str, ...], method: str | None) -> Drawing:
    """Published limits on magnetic moment and charge at 90 % CL, and those of workspaces."""
    from nuhist.report.number_tables import world_limits_table
    from nuhist.report.world_limits import world_limits as run
    from nuhist.report.world_limits_figure import world_limits_figure

    result = run([source.model() for source in workspaces], labels, method=method)
    return Drawing(world_limits_figure(result), result.to_json(), world_limits_table(result))


for _command in (response, efficiency, flux, cross_section):
    plot.add_command(_command)
