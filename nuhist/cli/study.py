"""Commands that study a fit: significance, goodness of fit, ranking, coverage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from nuhist.cli.choices import Chosen, model_argument
from nuhist.cli.common import as_json, refuse_toy_options, toy_execution, toy_options, toys_at_option
from nuhist.cli.options import command
from nuhist.cli.printing import print_json, print_remarks, print_table, say
from nuhist.errors import OptionError
from nuhist.physics.coupling import slashed, spaced
from nuhist.values import without_noise


@command(epilog="Example: nuhist significance lz.json --ntoys 10000")
@model_argument
@toy_options
@toys_at_option
@as_json
def significance(
    model: Chosen,
    ntoys: int | None,
    json_output: bool,
    **choices: Any,
) -> None:
    """How unlikely the data are without the coupling [default: asymptotic; with --ntoys: toys]."""
    if ntoys is None:
        refuse_toy_options("without --ntoys")
    with toy_execution(ntoys or 1, **choices) as execution:
        result = model.model().significance(execution=execution if ntoys else None)
    if json_output:
        print_json(result.to_json())
        return
    say(result.summary)
    say(f"  q0 = {result.q0:.4f}, best fit {result.best_fit:.4g}{spaced(result.unit)}; {result.method}")
    if result.expected is not None:
        where = f"{result.coupling} = {result.expected_at:.4g}{spaced(result.unit)}"
        say(f"  expected, if {where}: {result.expected:.2f} standard deviations (asymptotic)")
    print_remarks(result.data_kind, result.notes)


@command(epilog="Example: nuhist gof lz.json --ntoys 5000")
@model_argument
@toy_options
@toys_at_option
@as_json
def gof(
    model: Chosen,
    ntoys: int | None,
    json_output: bool,
    **choices: Any,
) -> None:
    """Goodness of fit against the saturated model [default: asymptotic; with --ntoys: toys too]."""
    if ntoys is None:
        refuse_toy_options("without --ntoys")
    with toy_execution(ntoys or 1, **choices) as execution:
        result = model.model().goodness_of_fit(execution=execution if ntoys else None)
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
@model_argument
@click.option("--fast", is_flag=True, help="Impacts from the covariance, without refits.")
@as_json
def ranking(model: Chosen, fast: bool, json_output: bool) -> None:
    """Pulls of the constrained parameters and their impact on the parameter of interest."""
    result = model.model().ranking(fast=fast)
    if json_output:
        print_json(result.to_json())
        return
    size = max((abs(entry.impact_up) + abs(entry.impact_down) for entry in result.impacts), default=0.0)
    say(f"{result.parameter} = {without_noise(result.best_fit, size):.4g}")
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


@command(epilog="Example: nuhist contour lz.json --parameters mu_nu_squared,lz_ws2022_beta_norm")
@model_argument
@click.option("--parameters", required=True, metavar="X,Y", help="Names of two parameters.")
@click.option("--levels", default="0.68,0.90", show_default=True, metavar="L,...",
              help="Joint confidence levels.")  # fmt: skip
@as_json
def contour(model: Chosen, parameters: str, levels: str, json_output: bool) -> None:
    """Contours of Δχ² in two parameters, all others profiled."""
    from nuhist.histfactory.grids import parse_levels
    from nuhist.values import percent

    made = model.model()
    result = made.contour(*_two(parameters, made.likelihood.names), levels=parse_levels(levels))
    if json_output:
        print_json(result.to_json())
        return
    x, y = result.x, result.y
    (of_x, of_y), (first, second) = result.names, result.best_fit
    say(f"best fit {of_x} = {first:.4g}{spaced(x.unit)}, {of_y} = {second:.4g}{spaced(y.unit)}")
    rows = []
    for level in result.levels:
        for number, line in enumerate(level.lines):
            sides = [(min(values), max(values)) for values in zip(*line, strict=True)]
            part = f", part {number + 1}" if len(level.lines) > 1 else ""
            name = f"{percent(level.confidence_level)}{part}"
            rows.append([name, *(f"{low:.4g} to {high:.4g}" for low, high in sides)])
    print_table(["contour", f"{of_x}{slashed(x.unit)}", f"{of_y}{slashed(y.unit)}"], rows)
    print_remarks(result.data_kind, result.notes)


def _two(text: str, known: Sequence[str]) -> tuple[str, str]:
    """Two names with a comma between them, which may have commas of their own."""
    parts = text.split(",")
    found = [(",".join(parts[:n]), ",".join(parts[n:])) for n in range(1, len(parts))]
    named = [pair for pair in found if set(pair) <= set(known)]
    if len(named) != 1 and len(found) != 1:
        raise OptionError(f"--parameters {text}: expected two names with a comma between them")
    return (named or found)[0]


@command(epilog="Example: nuhist coverage lz.json --range 0:2e-11:5 --ntoys 10000 --jobs 2")
@model_argument
@click.option("--range", "span", metavar="LO:HI:N", required=True, help="True couplings in μ_B, e₀ or cm².")
@click.option("--cl", "--confidence-level", "confidence_level", type=float, default=0.90, show_default=True,
              help="Confidence level.")  # fmt: skip
@click.option("--shift", "shifts", multiple=True, metavar="NAME=WIDTHS",
              help="Widths of its constraint by which a parameter is off; again for more.")  # fmt: skip
@toy_options
@toys_at_option
@as_json
def coverage(
    model: Chosen,
    span: str,
    confidence_level: float,
    shifts: tuple[str, ...],
    ntoys: int | None,
    json_output: bool,
    **choices: Any,
) -> None:
    """How often intervals of each method hold the truth."""
    from nuhist.histfactory.grids import parse_range
    from nuhist.histfactory.named_values import parse_numbers
    from nuhist.values import percent

    with toy_execution(ntoys or 2000, **choices) as execution:
        result = model.model().coverage(
            parse_range(span),
            confidence_level=confidence_level,
            shift=parse_numbers(shifts),
            execution=execution,
        )
    if json_output:
        print_json(result.to_json())
        return
    at = " at nominal values" if result.toys_at == "nominal" else ""
    say(f"coverage at {percent(result.confidence_level)} CL, {result.toys} toys{at}, seed {result.seed}")
    value = "nominal" if result.toys_at == "nominal" else "profiled"
    for name, widths in result.shift.items():
        say(f"true {name} off its {value} value by {widths:g} widths of its constraint")
    methods = list(result.points[0].coverage)
    print_table(
        [f"{result.coupling}{slashed(result.unit)}", *(text for name in methods for text in (name, "±"))],
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
