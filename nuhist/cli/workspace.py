"""Commands that build and check workspaces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nuhist.cli.build_options import build_options
from nuhist.cli.common import (
    Source,
    as_json,
    hypotheses_options,
    hypothesis_options,
    output_option,
    remark_on,
    workspace_argument,
)
from nuhist.cli.options import OutputType, command
from nuhist.cli.printing import command_line, deliver, print_json, print_table, say, tell, warn


@command(epilog="Example: nuhist build lz_ws2022 --hypothesis magnetic-moment -o lz.json")
@click.argument("experiments", metavar="EXPERIMENT...", nargs=-1, required=True)
@hypotheses_options
@build_options()
@output_option("Where to write; the sidecar goes beside it [default: standard output].")
def build(
    experiments: tuple[str, ...],
    hypothesis: tuple[str, ...],
    flavor: tuple[str, ...],
    output: Path | None,
    **choices: Any,
) -> None:
    """Build the workspace of a hypothesis, for one EXPERIMENT (a bundled name or a folder) or several."""
    from nuhist.histfactory.build import build as make

    result = make(
        *experiments,
        hypothesis=hypothesis,
        flavor=flavor,  # type: ignore[arg-type]  # checked by the library
        command=command_line(),
        **choices,
    )
    remark_on(*hypothesis)
    deliver(result, output)


@command(epilog="Example: nuhist patchset lz_ws2022 --hypothesis millicharge-epa -o epa")
@click.argument("experiments", metavar="EXPERIMENT...", nargs=-1, required=True)
@hypothesis_options
@click.option("--grid", "grids", multiple=True, metavar="LO:HI:N", default=None,
              help="Couplings, chosen by default; give it again to refine a part.")  # fmt: skip
@build_options()
@click.option("-o", "--output-dir", "output", required=True, type=OutputType(), metavar="DIR",
              help="Gets BkgOnly.json, its sidecar, and patchset.json.")  # fmt: skip
def patchset(
    experiments: tuple[str, ...],
    hypothesis: str,
    flavor: str,
    grids: tuple[str, ...],
    output: Path,
    **choices: Any,
) -> None:
    """Write the exact counts on a grid of couplings, as a pyhf PatchSet.

    A limit from it takes five points or more. An end outside the grid is open.
    """
    from nuhist.histfactory.data_kind import response_remarks
    from nuhist.histfactory.grids import parse_range
    from nuhist.histfactory.patchset import build_patchset

    couplings = [coupling for grid in grids for coupling in parse_range(grid)] or None
    result = build_patchset(
        *experiments,
        couplings=couplings,
        hypothesis=hypothesis,
        flavor=flavor,  # type: ignore[arg-type]  # checked by the library
        command=command_line(),
        **choices,
    )
    remark_on(hypothesis)
    for remark in response_remarks(result.background.sidecar):
        warn(remark)
    result.save(output)
    tell(f"{output}: {len(result.points)} signal points, digest {result.digest[:12]}")


@command(epilog="Example: nuhist build lz_ws2022 --hypothesis magnetic-moment | nuhist validate")
@workspace_argument
@as_json
def validate(workspace: Source, json_output: bool) -> None:
    """Check a workspace: pyhf's schema, what it lets pass (names twice, NaN, lengths), and pyhf's model.

    What is legal and hardly meant is a warning on standard error. No model is built where it would take
    minutes: beyond 10,000 modifiers, 100,000 bins, or 10⁶ modifiers × samples × bins.
    """
    from nuhist.histfactory.patchset import SignalGrid
    from nuhist.histfactory.suspicions import suspicions
    from nuhist.inference.validity import check_models, grid_remarks

    found = workspace.whole()
    built = check_models(found)
    background = found[0] if isinstance(found, tuple) else found
    spec = (background.background if isinstance(background, SignalGrid) else background).spec
    warnings = (*suspicions(spec), *(grid_remarks(found) if built else ()))
    for text in warnings:
        warn(f"warning: {text}")
    if not built:
        warn("too large to build pyhf's model of all of it; the rest is checked as a document alone")
    if json_output:
        print_json({"valid": True, "workspace_digest": background.digest, "model_built": built,
                    "warnings": list(warnings)})  # fmt: skip
    else:
        say(f"valid; digest {background.digest}")


@command(epilog="Example: nuhist inspect lz.json")
@workspace_argument
@as_json
def inspect(workspace: Source, json_output: bool) -> None:
    """Show channels, samples, counts and parameters, with what they mean."""
    from nuhist.histfactory.data_kind import describe
    from nuhist.histfactory.summary import summarise

    background, patchset = workspace.background()
    summary = summarise(background)
    if json_output:
        print_json(summary.to_json())
        return
    say(f"digest: {summary.workspace_digest}")
    say(f"measurements: {', '.join(summary.measurements)}")
    if patchset is not None:
        say(f"{len(patchset.names)} patches by {', '.join(patchset.labels)}: {', '.join(patchset.names)}")
    say(f"parameter of interest: {summary.poi or 'none'}, {summary.poi_meaning}")
    data = "observed" if summary.data_kind == "observed" else f"counts ({describe(summary.data_kind)})"
    for channel in summary.channels:
        place = f", {channel.low:g} to {channel.high:g} keV" if channel.low is not None else ""
        say("", f"channel {channel.name}: {channel.bins} bins{place}, {channel.observed:g} {data}")
        print_table(
            ["sample", "expected", "modifiers"],
            [
                [sample.name, f"{sample.expected:.3f}", ", ".join(sample.modifiers)]
                for sample in channel.samples
            ],
            left=3,
        )
    say()
    print_table(
        ["parameter", "type", "meaning"],
        [[entry.name, "/".join(entry.types), entry.meaning] for entry in summary.parameters],
        left=3,
    )
    for channel in summary.channels:
        if channel.license:
            where = f" ({channel.url})" if channel.url else ""
            say("", f"licence of {channel.name}: {channel.license}{where}")
        if channel.sources:
            say("", f"sources of {channel.name}:", *(f"  {source}" for source in channel.sources))
