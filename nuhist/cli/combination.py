"""Commands for workspaces that exist: several into one, and what one of other people means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import click

from nuhist.cli.common import Source, output_option, workspace_argument, workspaces_argument
from nuhist.cli.options import OutputType, PathType, command
from nuhist.cli.printing import command_line, deliver, print_json, tell, warn
from nuhist.errors import OptionError


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
    """Combine workspaces, from nuhist or from elsewhere, into one likelihood.

    A workspace is called by its experiment, else by its file; workspace2 and so on after a pipe.
    """
    from nuhist.files import check_output, write_atomically
    from nuhist.histfactory.combination_plan import combination_plan, read_plan
    from nuhist.histfactory.combine import combine as run
    from nuhist.histfactory.named_values import parse_correlations, parse_held, parse_pairs

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
@click.option("--license", metavar="TEXT", help="On which terms the model was published.")
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
    from nuhist.histfactory.named_values import parse_values

    made = run(workspace.workspace(), signal=parse_values(signal), command=command_line(), **choices)
    deliver(made, output)


def _named(name: str, patterns: Iterable[str]) -> bool:
    return any(name == pattern or fnmatchcase(name, pattern) for pattern in patterns)


def _preferences(given: Sequence[str], file: Mapping[str, str] | str) -> Mapping[str, str] | str:
    """``own`` or ``first`` alone, or NAME=WORKSPACE; what is on the command line goes before the file."""
    from nuhist.histfactory.correlation import FIRST, OWN
    from nuhist.histfactory.named_values import parse_pairs

    words = [text for text in given if text in (OWN, FIRST)]
    if len(words) > 1 or (words and len(given) > 1):
        raise OptionError(f"--prefer {words[0]}: holds for all; give it alone")
    if words:
        return words[0]
    pairs = parse_pairs(given)
    return pairs or file if isinstance(file, str) else {**file, **pairs}
