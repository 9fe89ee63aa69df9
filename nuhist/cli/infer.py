"""Commands that fit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import click

from nuhist.cli.choices import Chosen, model_argument
from nuhist.cli.common import (
    TOY_NAMES,
    as_json,
    refuse_toy_options,
    toy_execution,
    toy_options,
    toys_at_option,
)
from nuhist.cli.method_options import MethodCommand
from nuhist.cli.options import command
from nuhist.cli.printing import print_json, print_remarks, print_table, say
from nuhist.physics.coupling import slashed, spaced
from nuhist.values import without_noise

if TYPE_CHECKING:
    from nuhist.inference.likelihood import Likelihood


@command(epilog="Example: nuhist fit lz.json")
@model_argument
@click.option(
    "--test-poi", type=float, help="Hold the parameter of interest (not the coupling) at this value."
)
@click.option("--errors", default="covariance", show_default=True,
              help="covariance, or profile: those of each parameter's profile likelihood, too.")  # fmt: skip
@as_json
def fit(
    model: Chosen, test_poi: float | None, errors: Literal["covariance", "profile"], json_output: bool
) -> None:
    """Fit a workspace to its observed counts."""
    made = model.model()
    likelihood = made.likelihood
    result = made.fit(test_poi=test_poi, errors=errors)
    if json_output:
        print_json(result.to_json())
        return
    scale = likelihood.poi
    internal = scale is not None and scale.scale != 1  # a parameter that is small, and may have the same name
    if result.coupling is not None:
        what = "coupling " if internal else ""
        say(f"{what}{result.coupling} = {result.best_fit:.4g}{spaced(result.unit)}")
    quality = "" if result.p_value is None else f", p = {result.p_value:.3g} (asymptotic)"
    say(f"min_chi2 = {result.min_chi2:.3f}, {result.degrees_of_freedom} degrees of freedom{quality}", "")
    print_table(
        ["sample", "before", "after", "±"],
        [
            [f"{entry.channel}: {entry.title}", f"{entry.before:.2f}", f"{entry.after:.2f}",
             f"{entry.uncertainty:.2f}"]
            for entry in result.samples
        ]
        + [[f"{channel}: observed", "", f"{events:g}", ""] for channel, events in result.observed.items()],
    )  # fmt: skip
    say()
    profiled = ["down", "up"] if errors == "profile" else []
    rows: list[list[str]] = []
    for heading, members in _groups(likelihood).items():
        rows += [[f"{heading}:", *[""] * (2 + len(profiled))]] if members else []
        for index in members:
            entry = result.parameters[index]
            is_fixed = likelihood.constant[index] or (test_poi is not None and index == likelihood.poi_index)
            without = "fixed" if is_fixed else "not told"
            if not is_fixed and entry.name in result.conditional_on:
                without = "at its bound"
            error = without if entry.uncertainty is None else f"{entry.uncertainty:.3g}"
            both = (_shown(each) for each in (entry.errors or (None, None)) if profiled)
            rows.append([f"  {entry.name}", f"{entry.value:.4g}", error, *both])
    print_table(["parameter", "value", "±", *profiled], rows)
    say("")
    if internal and scale is not None:
        meaning = scale.meaning.replace(scale.coupling, f"coupling {scale.coupling}", 1)
        say(f"  the parameter {scale.name} is {meaning}")
    if result.conditional_on:
        held = ", ".join(result.conditional_on)
        say(f"  errors are conditional: {held} held where the fit ends, at the bound")
    print_remarks(result.data_kind, result.notes)
    say(f"{result.method}; workspace {result.workspace_digest[:12]}; nuhist {result.nuhist_version}")


def _groups(likelihood: Likelihood) -> dict[str, list[int]]:
    """Positions of the parameters: the one of interest first, then those that nothing constrains."""
    config = likelihood.model.config
    groups: dict[str, list[int]] = {"parameter of interest": [], "free": [], "constrained": [], "of bins": []}
    interest = likelihood.poi.name if likelihood.poi else None
    for name in config.par_order:
        part, constrained = config.par_slice(name), name in config.auxdata_order
        several = "of bins" if part.stop - part.start > 1 else "constrained"
        kind = "parameter of interest" if name == interest else several if constrained else "free"
        groups[kind] += range(part.start, part.stop)
    return groups


@command(epilog="Example: nuhist scan lz.json --range 0:3e-11:31")
@model_argument
@click.option("--range", "span", metavar="LO:HI:N", help="Couplings in μ_B, e₀ or cm² [default: Δχ² < 9].")
@as_json
def scan(model: Chosen, span: str | None, json_output: bool) -> None:
    """Scan the profile likelihood over the coupling."""
    from nuhist.histfactory.grids import parse_range

    result = model.model().scan(None if span is None else parse_range(span))
    if json_output:
        print_json(result.to_json())
        return
    print_table(
        [f"{result.coupling}{slashed(result.unit)}", "delta_chi2"],
        [
            [f"{value:.4e}", f"{height:.4f}"]
            for value, height in zip(result.values, result.delta_chi2, strict=True)
        ],
        left=0,
    )
    print_remarks(result.data_kind, result.notes, err=True)


@command(cls=MethodCommand, epilog="Example: nuhist limit lz.json --method cls --cl 0.90 --expected")
@model_argument
@click.option(
    "--method",
    default="profile",
    show_default=True,
    help="profile, cls, feldman-cousins, or one of another package.",
)
@click.option(
    "--cl", "--confidence-level", "confidence_level", type=float, help="Confidence level [default: 0.9]."
)
@toy_options
@toys_at_option
@as_json
def limit(
    model: Chosen,
    method: str,
    confidence_level: float | None,
    ntoys: int | None,
    json_output: bool,
    **choices: Any,
) -> None:
    """Confidence interval or upper limit of the coupling."""
    from nuhist.methods.method import asked
    from nuhist.methods.registry import make_method

    toys = {name: choices.pop(name) for name in TOY_NAMES if name != "ntoys"}
    chosen: Any = make_method(method, choices)
    if not chosen.throws:
        refuse_toy_options(
            f"with --method {method}; they are with --method feldman-cousins, and with --method cls"
            " --calctype toybased"
        )
        result = asked(chosen, model.model(), confidence_level)
    else:
        with toy_execution(ntoys or 2000, **toys) as execution:
            result = asked(replace(chosen, execution=execution), model.model(), confidence_level)
    if json_output:
        print_json(result.to_json())
        return
    say(result.summary)
    say(f"  {result.method}: {result.convention}")
    best = result.best_fit if without_noise(result.parameter_best_fit, result.parameter_upper or 0.0) else 0.0
    say(f"  best fit {best:.4g}{spaced(result.unit)}, min_chi2 {result.min_chi2:.2f}")
    for sigma, value in (result.expected or {}).items():
        shown = "open" if value is None else f"{value:.4g}{spaced(result.unit)}"
        say(f"  expected {'median' if sigma == '0' else sigma + ' σ'}: {shown}")
    if result.interpolation_error is not None:
        error = f"{result.interpolation_error:.1g}{spaced(result.unit)}"
        say(f"  interpolated between signal points, to ± {error}")
    print_remarks(result.data_kind, result.notes)
    say(f"  workspace {result.workspace_digest[:12]}; nuhist {result.nuhist_version}")


def _shown(error: float | None) -> str:
    return "open" if error is None else f"{error:.3g}"
