"""Commands that study a fit: significance, goodness of fit, ranking, coverage."""

from __future__ import annotations

from typing import Any

import click

from nuhist.cli.common import (
    Source,
    as_json,
    engine_option,
    measurement_option,
    poi_option,
    print_json,
    print_remarks,
    print_table,
    refuse_toy_options,
    say,
    toy_execution,
    toy_options,
    workspace_argument,
)
from nuhist.cli.options import command


@command(epilog="Example: nuhist significance lz.json --ntoys 10000")
@workspace_argument
@measurement_option
@poi_option
@engine_option
@toy_options
@as_json
def significance(
    workspace: Source,
    measurement: str | None,
    poi: str | None,
    engine: str,
    ntoys: int | None,
    json_output: bool,
    **choices: Any,
) -> None:
    """How unlikely the data are without the coupling [default: asymptotic; with --ntoys: toys]."""
    from nuhist.inference.significance import significance as run

    if ntoys is None:
        refuse_toy_options("without --ntoys")
    with toy_execution(ntoys or 1, **choices) as execution:
        result = run(
            workspace.workspace(),
            measurement=measurement,
            poi=poi,
            engine=engine,  # type: ignore[arg-type]  # checked by the library
            execution=execution if ntoys else None,
        )
    if json_output:
        print_json(result.to_json())
        return
    error = "" if result.p_value_error is None else f" ± {result.p_value_error:.2g} ({result.toys} toys)"
    say(f"{result.significance:.2f} standard deviations, p = {result.p_value:.3g}{error}")
    say(f"  q0 = {result.q0:.4f}, best fit {result.best_fit:.4g} {result.unit}; {result.method}")
    print_remarks(result.data_kind, result.notes)


@command(epilog="Example: nuhist gof lz.json --ntoys 5000")
@workspace_argument
@measurement_option
@engine_option
@toy_options
@as_json
def gof(
    workspace: Source,
    measurement: str | None,
    engine: str,
    ntoys: int | None,
    json_output: bool,
    **choices: Any,
) -> None:
    """Goodness of fit against the saturated model [default: asymptotic; with --ntoys: toys too]."""
    from nuhist.inference.significance import goodness_of_fit

    if ntoys is None:
        refuse_toy_options("without --ntoys")
    with toy_execution(ntoys or 1, **choices) as execution:
        result = goodness_of_fit(
            workspace.workspace(),
            measurement=measurement,
            engine=engine,  # type: ignore[arg-type]  # checked by the library
            execution=execution if ntoys else None,
        )
    if json_output:
        print_json(result.to_json())
        return
    asymptotic = "none" if result.p_value is None else f"{result.p_value:.3g}"
    say(
        f"min_chi2 = {result.min_chi2:.3f}, {result.degrees_of_freedom} degrees of freedom;"
        f" p = {asymptotic} (asymptotic)"
    )
    if result.toys_p_value is not None:
        say(f"p = {result.toys_p_value:.3g} ± {result.toys_p_value_error:.2g} ({result.toys} toys)")
    print_remarks(result.data_kind, result.notes)


@command(epilog="Example: nuhist ranking lz.json")
@workspace_argument
@measurement_option
@poi_option
@engine_option
@click.option("--fast", is_flag=True, help="Impacts from the covariance, without refits.")
@as_json
def ranking(
    workspace: Source, measurement: str | None, poi: str | None, engine: str, fast: bool, json_output: bool
) -> None:
    """Pulls of the constrained parameters and their impact on the parameter of interest."""
    from nuhist.inference.ranking import ranking as run

    result = run(
        workspace.workspace(),
        measurement=measurement,
        poi=poi,
        engine=engine,  # type: ignore[arg-type]  # checked by the library
        fast=fast,
    )
    if json_output:
        print_json(result.to_json())
        return
    say(f"{result.parameter} = {result.best_fit:.4g}")
    print_table(
        ["parameter", "pull", "±", "impact up", "impact down"],
        [
            [
                entry.parameter,
                f"{entry.pull:.3f}",
                f"{entry.pull_error:.3f}",
                f"{entry.impact_up:.4g}",
                f"{entry.impact_down:.4g}",
            ]
            for entry in result.impacts
        ],
    )
    if result.conditional_on:
        held = ", ".join(result.conditional_on)
        say(f"  errors of pulls are conditional: {held} held where the fit ends, at the bound")
    print_remarks(result.data_kind, result.notes)


@command(epilog="Example: nuhist coverage lz.json --range 0:2e-11:5 --ntoys 10000 --jobs 2")
@workspace_argument
@measurement_option
@click.option("--range", "span", metavar="LO:HI:N", required=True, help="True couplings in μ_B, e₀ or cm².")
@click.option("--cl", "confidence_level", type=float, default=0.90, show_default=True,
              help="Confidence level.")  # fmt: skip
@click.option("--shift", "shifts", multiple=True, metavar="NAME=WIDTHS",
              help="True value of a nuisance parameter, off its profiled one.")  # fmt: skip
@toy_options
@as_json
def coverage(
    workspace: Source,
    measurement: str | None,
    span: str,
    confidence_level: float,
    shifts: tuple[str, ...],
    ntoys: int | None,
    json_output: bool,
    **choices: Any,
) -> None:
    """How often intervals of each method hold the truth."""
    from nuhist.histfactory.grids import parse_numbers, parse_range
    from nuhist.inference.coverage import coverage as run

    with toy_execution(ntoys or 2000, **choices) as execution:
        result = run(
            workspace.workspace(),
            parse_range(span),
            confidence_level=confidence_level,
            shift=parse_numbers(shifts),
            measurement=measurement,
            execution=execution,
        )
    if json_output:
        print_json(result.to_json())
        return
    say(f"coverage at {100 * result.confidence_level:g} % CL, {result.toys} toys, seed {result.seed}")
    for name, widths in result.shift.items():
        say(f"true {name} off its profiled value by {widths:g} widths of its constraint")
    methods = list(result.points[0].coverage)
    print_table(
        [f"{result.coupling}/{result.unit}", *(text for name in methods for text in (name, "±"))],
        [
            [f"{point.coupling:.4g}"]
            + [
                text
                for name in methods
                for text in (f"{point.coverage[name]:.4f}", f"{point.error[name]:.4f}")
            ]
            for point in result.points
        ],
        left=0,
    )
    print_remarks(result.data_kind, result.notes)
