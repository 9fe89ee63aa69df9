"""Commands that build and check workspaces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
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
    workspace_argument,
    workspaces_argument,
)
from nuhist.cli.options import OutputType, PathType, command
from nuhist.cli.printing import command_line, deliver, print_json, print_table, say, tell, warn
from nuhist.errors import OptionError


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
    deliver(result, output)


@command(
    epilog="Example: nuhist patchset lz_ws2022 --hypothesis millicharge-epa --grid=-4e-13:4e-13:21 -o epa"
)
@click.argument("experiments", metavar="EXPERIMENT...", nargs=-1, required=True)
@hypothesis_options
@click.option("--grid", "grids", multiple=True, required=True, metavar="LO:HI:N",
              help="Couplings in μ_B, e₀ or cm²; give it again to refine a part.")  # fmt: skip
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
    """Write the exact counts on a grid of couplings, as a pyhf PatchSet."""
    from nuhist.histfactory.grids import parse_range
    from nuhist.histfactory.patchset import build_patchset

    couplings = [coupling for grid in grids for coupling in parse_range(grid)]
    result = build_patchset(
        *experiments,
        couplings=couplings,
        hypothesis=hypothesis,
        flavor=flavor,  # type: ignore[arg-type]  # checked by the library
        command=command_line(),
        **choices,
    )
    result.save(output)
    tell(f"{output}: {len(result.points)} signal points, digest {result.digest[:12]}")


@command(epilog="Example: nuhist build lz_ws2022 --hypothesis magnetic-moment | nuhist validate")
@workspace_argument
@as_json
def validate(workspace: Source, json_output: bool) -> None:
    """Check a workspace: pyhf's schema, what it lets pass (names twice, NaN, lengths), and pyhf's model."""
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
    from nuhist.histfactory.loading import load_background
    from nuhist.histfactory.record import is_record
    from nuhist.histfactory.summary import summarise

    patchset = None
    if is_record(workspace.path) and not workspace.patches:
        background, patchset = load_background(workspace.path)
        summary = summarise(background)
    else:
        summary = summarise(workspace.workspace())
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


@command(epilog="Example: nuhist combine lz.json xenonnt.json --correlate pp_flux,be7_flux -o joint.json")
@workspaces_argument("WS...", required=True)
@click.option(
    "--correlate",
    multiple=True,
    metavar="NAME[=RHO|=OTHER_NAME]",
    help="Share a parameter or those of a pattern, correlate it in part, or say what others call it; several"
    " with commas.",
)
@click.option(
    "--correlate-common", is_flag=True, help="Share all names that agree in type, number and constraint."
)
@click.option(
    "--correlations",
    type=PathType(),
    metavar="FILE",
    help="Read these choices from YAML, as --plan writes it.",
)
@click.option(
    "--decorrelate",
    multiple=True,
    metavar="NAME",
    help="Keep a parameter of one name apart, or those of a pattern.",
)
@click.option("--rename", multiple=True, metavar="OLD=NEW", help="Rename a parameter first.")
@click.option(
    "--prefer",
    multiple=True,
    metavar="NAME=WORKSPACE",
    help="Whose constraint a shared parameter takes; own: each its own; first; own or first alone for all.",
)
@click.option("--poi", metavar="NAME", help="Parameter of interest; others stay free.")
@click.option(
    "--fix",
    "fixed",
    multiple=True,
    metavar="NAME[=VALUE]",
    help="Hold a parameter in the workspace that is written, at VALUE or where it starts.",
)
@click.option(
    "--plan",
    type=PathType(),
    metavar="FILE",
    help="Write a proposal to edit, for --correlations, and combine nothing.",
)
@click.option("--force", is_flag=True, help="Combine workspaces that hold the same events.")
@output_option("Where to write; the sidecar goes beside it [default: standard output].")
def combine(
    workspaces: tuple[Source, ...],
    correlate: tuple[str, ...],
    correlate_common: bool,
    correlations: Path | None,
    decorrelate: tuple[str, ...],
    rename: tuple[str, ...],
    prefer: tuple[str, ...],
    poi: str | None,
    fixed: tuple[str, ...],
    plan: Path | None,
    force: bool,
    output: Path | None,
) -> None:  # fmt: skip
    """Combine workspaces, from nuhist or from elsewhere, into one likelihood."""
    from nuhist.files import check_output, write_atomically
    from nuhist.histfactory.combination_plan import combination_plan, read_plan
    from nuhist.histfactory.combine import combine as run
    from nuhist.histfactory.grids import parse_correlations, parse_held, parse_pairs

    file = {} if correlations is None else read_plan(correlations)
    renames = file.get("rename", {}) | parse_pairs(rename)
    sources = [source.workspace() for source in workspaces]
    if plan is not None:
        settled = {
            "--correlate": correlate,
            "--correlate-common": correlate_common,
            "--prefer": prefer,
            "--correlations": correlations,
            "--decorrelate": decorrelate,
            "--poi": poi,
            "--fix": fixed,
            "-o": output,
        }
        for option, value in settled.items():
            if value:
                raise OptionError(f"{option}: does nothing with --plan, which combines nothing")
        check_output(plan)
        write_atomically(plan, combination_plan(sources, rename=renames, force=force))
        tell(f"{plan}: edit it, then combine with --correlations {plan}")
        return
    apart, together = ",".join(decorrelate).split(",") if decorrelate else [], parse_correlations(correlate)
    # What the command line says goes before the file.
    filed = {name: rho for name, rho in file.get("correlate", {}).items() if not _named(name, apart)}
    kept = [name for name in file.get("decorrelate", ()) if not _named(name, together)]
    chosen = file.get("prefer", {})
    if not isinstance(chosen, str):
        chosen = {name: winner for name, winner in chosen.items() if not _named(name, apart)}
    result = run(
        sources,
        correlate=filed | together,
        correlate_common=correlate_common,
        decorrelate=[*kept, *apart],
        rename=renames,
        prefer=_preferences(prefer, chosen),
        poi=poi,
        fixed=parse_held(fixed),
        force=force,
        command=command_line(),
        message=warn,
    )
    if output is None:
        print_json(result.spec)
        return
    result.save(output)
    channels = len(result.spec["channels"])
    tell(f"{output}: {channels} channels, digest {result.digest[:12]}")


@command(epilog="Example: nuhist describe w.json --coupling sigma --unit cm^2 --reference 1e-45 -o wimp.json")
@workspace_argument
@click.option("--poi", metavar="NAME", help="Parameter that is described [default: the one of interest].")
@click.option("--coupling", metavar="NAME", help="Quantity that is proportional to it, such as sigma.")
@click.option("--unit", metavar="UNIT", help="Its unit, such as cm^2.")
@click.option("--reference", type=float, metavar="X", help="Its value where the parameter is 1.")
@click.option(
    "--signal",
    multiple=True,
    metavar="KEY=VALUE",
    help="For which signal the reference is, such as mass_GeV=6; again for more.",
)
@click.option(
    "--channel",
    "channels",
    multiple=True,
    metavar="NAME",
    help="Channel of which the rest holds; again for several [default: all].",
)
@click.option("--dataset", metavar="TEXT", help="Whose events they are; those of one are not combined.")
@click.option("--licence", metavar="TEXT", help="On which terms the model was published.")
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="TEXT",
    help="What to cite, with arXiv:NUMBER or doi:NUMBER; again for several.",
)
@click.option(
    "-o",
    "--output-file",
    "output",
    required=True,
    type=OutputType(),
    metavar="FILE",
    help="Where to write; the sidecar goes beside it.",
)
def describe(workspace: Source, signal: tuple[str, ...], output: Path, **choices: Any) -> None:
    """Say in a sidecar what a workspace of other people limits, whose events it holds, and what to cite."""
    from nuhist.histfactory.describe import describe as run
    from nuhist.histfactory.grids import parse_values

    made = run(workspace.workspace(), signal=parse_values(signal), command=command_line(), **choices)
    deliver(made, output)


def _named(name: str, patterns: Iterable[str]) -> bool:
    return any(name == pattern or fnmatchcase(name, pattern) for pattern in patterns)


def _preferences(given: Sequence[str], file: Mapping[str, str] | str) -> Mapping[str, str] | str:
    """``own`` or ``first`` alone, or NAME=WORKSPACE; what is on the command line goes before the file."""
    from nuhist.histfactory.correlation import FIRST, OWN
    from nuhist.histfactory.grids import parse_pairs

    words = [text for text in given if text in (OWN, FIRST)]
    if len(words) > 1 or (words and len(given) > 1):
        raise OptionError(f"--prefer {words[0]}: holds for all; give it alone")
    if words:
        return words[0]
    pairs = parse_pairs(given)
    return pairs or file if isinstance(file, str) else {**file, **pairs}
