"""Commands that draw experiments, fluxes and cross sections."""

from __future__ import annotations

import click

from nuhist.cli.common import allow_outside_option
from nuhist.cli.drawing import Drawing, draws
from nuhist.cli.options import command
from nuhist.errors import ConfigError


@command(epilog="Example: nuhist plot response lz_ws2022 -o response.png")
@click.argument("experiment")
@click.option(
    "--response", "kind", metavar="KIND", help="matrix, gaussian or none [default: the experiment's]."
)
@allow_outside_option
@draws
def response(experiment: str, kind: str | None, allow_outside: bool) -> Drawing:
    """Response matrix of an EXPERIMENT (a bundled name or a folder)."""
    from nuhist.experiments.experiment import load_experiment
    from nuhist.report.detector import detector_response
    from nuhist.report.detector_figure import response_figure
    from nuhist.report.number_tables import response_table

    loaded = load_experiment(experiment, allow_outside=allow_outside)
    result = detector_response(loaded, kind)  # type: ignore[arg-type]  # checked there
    return Drawing(response_figure(result), result.to_json(), response_table(result))


@command(epilog="Example: nuhist plot efficiency lz_ws2022 xenonnt_sr0 -o efficiency.pdf")
@click.argument("experiments", metavar="EXPERIMENT...", nargs=-1, required=True)
@click.option(
    "--response", "kind", metavar="KIND", help="matrix, gaussian or none [default: each experiment's]."
)
@allow_outside_option
@draws
def efficiency(experiments: tuple[str, ...], kind: str | None, allow_outside: bool) -> Drawing:
    """Efficiency of one or several EXPERIMENTs against the true recoil energy."""
    from nuhist.experiments.experiment import load_experiments
    from nuhist.report.detector import detector_response
    from nuhist.report.detector_figure import efficiency_figure
    from nuhist.report.number_tables import efficiency_table

    loaded = load_experiments(experiments, allow_outside=allow_outside)
    results = [detector_response(entry, kind) for entry in loaded]  # type: ignore[arg-type]
    keys = ("experiment", "kind", "true_edges", "efficiency")
    numbers = [{key: result.to_json()[key] for key in keys} for result in results]
    return Drawing(efficiency_figure(results), {"experiments": numbers}, efficiency_table(results))


@command(epilog="Example: nuhist plot flux -o flux.pdf")
@draws
def flux() -> Drawing:
    """Fluxes of solar neutrinos."""
    from nuhist.report.neutrino_figure import flux_figure
    from nuhist.report.neutrinos import flux_curves
    from nuhist.report.number_tables import flux_table

    curves = flux_curves()
    return Drawing(
        flux_figure(curves), {"components": [curve.to_json() for curve in curves]}, flux_table(curves)
    )


@command("cross-section", epilog="Example: nuhist plot cross-section --flavor e -o cross_section.pdf")
@click.option(
    "--flavor", default="effective", show_default=True, metavar="F", help="effective, e, mu or tau."
)
@click.option("--neutrino-energy", type=float, metavar="KEV", help="[default: averaged over the solar flux].")
@click.option(
    "--coupling",
    "couplings",
    multiple=True,
    metavar="HYPOTHESIS=VALUE",
    help="In μ_B, e₀ or cm² [default: 1e-11 μ_B, 1e-13 e₀, 1e-31 cm²].",
)
@click.option("--atomic", default="step", show_default=True, help="step or rrpa.")
@draws
def cross_section(
    flavor: str, neutrino_energy: float | None, couplings: tuple[str, ...], atomic: str
) -> Drawing:
    """Cross sections of all hypotheses per xenon atom."""
    from nuhist.histfactory.grids import parse_pairs
    from nuhist.physics.hypotheses import RateOptions
    from nuhist.report.neutrino_figure import cross_section_figure
    from nuhist.report.neutrinos import cross_sections
    from nuhist.report.number_tables import cross_section_table

    result = cross_sections(
        flavor=flavor,  # type: ignore[arg-type]  # checked by the library
        neutrino_energy=neutrino_energy,
        couplings={name: _number(name, value) for name, value in parse_pairs(couplings).items()},
        options=RateOptions(atomic=atomic),  # type: ignore[arg-type]
    )
    return Drawing(cross_section_figure(result), result.to_json(), cross_section_table(result))


def _number(name: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise ConfigError(f"'{name}={value}': expected a number") from None
