"""Commands about the physics: hypotheses, sources of neutrinos, targets, matrices of moments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nuhist.cli.choices import Chosen, model_argument
from nuhist.cli.common import as_json
from nuhist.cli.options import PathType, command
from nuhist.cli.printing import print_json, print_remarks, print_table, say
from nuhist.values import rough_percent

if TYPE_CHECKING:
    from pathlib import Path

    from nuhist.physics.own_parameter import OwnParameter
    from nuhist.physics.sources.parameters import Choice, SourceKind


@command(epilog="Example: nuhist hypotheses light-scalar:mass=10keV")
@click.argument("name", required=False)
@as_json
def hypotheses(name: str | None, json_output: bool) -> None:
    """List what can be tested, or describe one hypothesis: its formula, parameters and reference."""
    from nuhist.physics.catalogue_table import describe, described

    found = described() if name is None else (describe(name),)
    if json_output:
        plain = [entry.to_json() for entry in found]
        print_json({"hypotheses": plain} if name is None else plain[0])
        return
    if name is None:
        print_table(
            ["name", "what", "coupling"], [[entry.name, entry.title, entry.said] for entry in found], left=3
        )
        return
    (entry,) = found
    say(f"{entry.name}: {entry.title}", "")
    for title, text in (
        ("coupling", entry.said),
        ("parameter", entry.parameter),
        ("formula", entry.formula),
        ("reference", entry.cited),
        ("depends on", ", ".join(entry.own_parameters)),
    ):
        if text:
            say(f"  {title}: {text}")


@command(epilog="Example: nuhist sources reactor:power=3GW,distance=14m")
@click.argument("name", required=False, metavar="[NAME[:KEY=VALUE,...]]")
@as_json
def sources(name: str | None, json_output: bool) -> None:
    """List the sources of neutrinos with their parameters, or describe one."""
    from nuhist.physics.sources.registry import get_source, source_kind, source_names

    if name is not None:
        _describe_source(get_source(name), json_output=json_output)
        return
    kinds = {known: source_kind(known) for known in source_names()}
    if json_output:
        print_json({"sources": [_kind_json(known, kind) for known, kind in kinds.items()]})
        return
    for known, kind in kinds.items():
        say(f"{kind.example(known)}: {kind.title}")
        for parameter in kind.parameters:
            say(f"    {parameter.name}: {_values(kind, parameter)}")


def _describe_source(source: Any, *, json_output: bool) -> None:
    groups = [
        {
            "name": group.name,
            "components": [part.name for part in group.components],
            "per_cm2_s": group.total,
            "fractional_uncertainty": group.uncertainty,
        }
        for group in source.groups
    ]
    if json_output:
        names = ("name", "title", "description", "references")
        found = {name: getattr(source, name) for name in names}
        variations = [{"name": each.name, "meaning": each.meaning} for each in source.variations]
        print_json(
            {**found, "references": list(source.references), "groups": groups, "variations": variations}
        )
        return
    say(f"{source.name}: {source.description}", "")
    rows = [
        [group["name"], f"{group['per_cm2_s']:.4g}", rough_percent(group["fractional_uncertainty"]),
         ", ".join(group["components"])]
        for group in groups
    ]  # fmt: skip
    print_table(["group", "per cm2 s", "error", "components"], rows)
    for each in source.variations:
        say(f"{each.name}: {each.meaning}")
    if source.references:
        say("", f"Sources: {', '.join(source.references)}")


def _kind_json(name: str, kind: SourceKind) -> dict[str, Any]:
    parameters = [
        {
            "name": parameter.name,
            "title": parameter.title,
            "values": _values(kind, parameter),
            "default": parameter.default,
        }
        for parameter in kind.parameters
    ]
    return {"name": name, "title": kind.title, "example": kind.example(name), "parameters": parameters}


def _values(kind: SourceKind, parameter: OwnParameter | Choice) -> str:
    """What a parameter is, which values it may have, and which one it has by default."""
    from nuhist.physics.sources.parameters import Choice

    if isinstance(parameter, Choice):
        values = " or ".join([*parameter.choices, *(["a CSV file"] if parameter.table else [])])
    else:
        unit = "" if parameter.unit == "1" else f" {parameter.unit}"
        values = f"{parameter.low:g} to {parameter.high:g}{unit}"
    said = f"{parameter.title}; {values}"
    if parameter.default is not None:
        return f"{said} [default: {parameter.default}]"
    return f"{said} [optional]" if parameter.name in kind.optional else f"{said} [needed]"


@command(epilog="Example: nuhist targets germanium")
@click.argument("name", required=False)
@as_json
def targets(name: str | None, json_output: bool) -> None:
    """List what neutrinos scatter on, or describe one target: its electrons by binding energy."""
    from nuhist.physics.targets.registry import get_target, target_names

    found = [get_target(known) for known in (target_names() if name is None else [name])]
    if json_output:
        described = [_target_json(target) for target in found]
        print_json({"targets": described} if name is None else described[0])
        return
    if name is None:
        rows = [
            [
                target.name,
                f"{target.per_tonne:.4g}",
                str(target.edges.size),
                "no" if target.rrpa is None else "yes",
            ]
            for target in found
        ]
        print_table(["name", "atoms per tonne", "edges", "RRPA"], rows)
        return
    (target,) = found
    say(f"{target.title}: {target.per_tonne:.6g} atoms (of a compound: formula units) in a tonne", "")
    charges = target.effective_charge(target.edges * (1 + 1e-12))
    print_table(
        ["above/keV", "electrons"],
        [[f"{edge:g}", f"{charge:g}"] for edge, charge in zip(target.edges, charges, strict=True)],
        left=0,
    )
    say("", "Sources", *(f"- {line}" for line in target.sources))


def _target_json(target: Any) -> dict[str, Any]:
    return {
        "name": target.name,
        "title": target.title,
        "per_tonne": target.per_tonne,
        "edges_keV": target.edges.tolist(),
        "electrons_above": target.effective_charge(target.edges * (1 + 1e-12)).tolist(),
        "rrpa": target.rrpa is not None,
        "sources": list(target.sources),
    }


@command(epilog="Example: nuhist moments lz.json --cl 0.9")
@model_argument
@click.option("--method", default="profile", show_default=True, help="Of the limit on the effective moment.")
@click.option(
    "--cl", "--confidence-level", "confidence_level", type=float, help="Confidence level [default: 0.9]."
)
@click.option(
    "--matrix",
    type=PathType(),
    metavar="FILE",
    help="CSV with 3 × 3 moments in μ_B, such as 1e-11 or 1e-11+2e-12j.",
)
@click.option("--nature", metavar="KIND", help="Check that the matrix is dirac or majorana.")
@click.option("--basis", metavar="KIND", help="flavor or mass, of the matrix [default: flavor].")
@as_json
def moments(
    model: Chosen,
    method: str,
    confidence_level: float | None,
    matrix: Path | None,
    nature: str | None,
    basis: str | None,
    json_output: bool,
) -> None:
    """Limits on the matrix of magnetic moments, Dirac and Majorana, by flavour and by mass state.

    WS has the magnetic moment of all flavours, and a sidecar that says which neutrinos arrive. Each element
    is limited with all others at zero.
    """
    from nuhist.errors import OptionError
    from nuhist.files import read_text
    from nuhist.methods.moment_limits import moments as compute
    from nuhist.physics.moments import read_matrix

    for name, value in (("--nature", nature), ("--basis", basis)):
        if value is not None and matrix is None:
            raise OptionError(f"{name}: does nothing without --matrix")
    given = None
    if matrix is not None:
        lines = (line.strip() for line in read_text(matrix).splitlines())
        given = read_matrix([line.split(",") for line in lines if line and not line.startswith("#")])
    result = compute(
        model.model(),
        method,
        matrix=given,
        nature=nature,  # type: ignore[arg-type]  # checked by the library
        basis=basis or "flavor",  # type: ignore[arg-type]
        confidence_level=confidence_level,
    )
    if json_output:
        print_json(result.to_json())
        return
    say(result.summary)
    say(f"  {result.method}: {result.convention}")
    states = "mass states, in phase" if result.coherent else "mass states"
    shares = [("flavours", result.flavors), (states, result.masses or {})]
    for title, fractions in shares:
        if fractions:
            say(f"  {title}: " + ", ".join(f"{name} {value:.4f}" for name, value in fractions.items()))
    header = ["nature", "basis", "element", f"limit/{result.unit}"]
    rows = [[str(cell) for cell in row[:3]] + [f"{row[3]:.3e}"] for row in result.table().rows]
    print_table(header, rows, left=3)
    if result.matrix_moment is not None:
        ratio = "" if result.matrix_ratio is None else f", {result.matrix_ratio:.3g} times the limit"
        say(f"the matrix has the effective moment {result.matrix_moment:.4g} {result.unit}{ratio}")
    print_remarks(result.data_kind, result.notes)
    say(f"  workspace {result.workspace_digest[:12]}; nuhist {result.nuhist_version}")
