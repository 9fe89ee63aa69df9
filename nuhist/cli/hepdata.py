"""Commands that make and check a submission to HEPData."""

from __future__ import annotations

from pathlib import Path

import click

from nuhist.cli.common import Source, as_json, read_results, results_option, workspaces_argument
from nuhist.cli.options import OutputType, PathType, group
from nuhist.cli.printing import command_line, print_json, say, tell
from nuhist.errors import ExchangeError


@group(epilog="Example: nuhist hepdata build lz.json --data-license CC0-1.0 -o lz_hepdata")
def hepdata() -> None:
    """Share likelihoods on HEPData: make a submission, and check one."""


@hepdata.command(epilog="Example: nuhist hepdata build lz.json epa -o submission --data-license CC-BY-4.0")
@workspaces_argument("WS...", required=True)
@click.option("-o", "--output-dir", "output", required=True, type=OutputType(), metavar="DIR",
              help="New folder for the submission; DIR.tar.gz beside it is for the upload.")  # fmt: skip
@click.option("--cl", "--confidence-level", "confidence_level", type=float, default=0.90, show_default=True,
              help="Confidence level of the limits.")  # fmt: skip
@click.option("--inspire-id", type=int, metavar="N", help="INSPIRE record of the publication.")
@click.option("--abstract", type=PathType(), metavar="FILE",
              help="Plain text that HEPData shows above the tables.")  # fmt: skip
@click.option("--data-license", metavar="NAME[=URL]",
              help="Such as CC0-1.0 [default: the one that all channels state].")  # fmt: skip
@click.option(
    "--allow-asimov", is_flag=True, help="Take Asimov data and toys, which the tables name as such."
)
@results_option
def build(
    workspaces: tuple[Source, ...],
    output: Path,
    confidence_level: float,
    inspire_id: int | None,
    abstract: Path | None,
    data_license: str | None,
    allow_asimov: bool,
    results: tuple[Path, ...],
) -> None:
    """Write a submission: tables, and the likelihoods with their expected results.

    WS are workspace files, folders with a patchset, or - for standard input.
    """
    from nuhist.exchange.hepdata.names import model_names
    from nuhist.exchange.hepdata.submission import build_submission
    from nuhist.files import read_text

    models = [source.model() for source in workspaces]
    names = model_names(
        [
            "" if source.path == "-" else Path(source.path).resolve().name.removesuffix(".json")
            for source in workspaces
        ]
    )
    made = build_submission(
        dict(zip(names, models, strict=True)),
        output,
        confidence_level=confidence_level,
        inspire_id=inspire_id,
        abstract=None if abstract is None else read_text(abstract),
        data_license=data_license,
        allow_asimov=allow_asimov,
        results=read_results(results),
        command=command_line(),
    )
    tell(f"{made.folder}: {len(made.tables)} tables, {len(made.files)} files of likelihoods")
    tell(f"{made.archive}: for the upload")
    for note in made.notes:
        tell(f"note: {note}")


@hepdata.command(epilog="Example: nuhist hepdata validate submission.tar.gz")
@click.argument("path", metavar="DIR|ARCHIVE", type=PathType())
@as_json
def validate(path: Path, json_output: bool) -> None:
    """Check a submission offline: its form, its digests, and its results with stock pyhf.

    Takes a submission's folder, its archive, or the archive with the likelihoods alone.
    """
    from nuhist.exchange.hepdata.validation import validate_submission

    result = validate_submission(path)
    if json_output:
        print_json(result.to_json())
    else:
        for check in result.checks:
            say(f"{'ok    ' if check.passed else 'FAILED'}  {check.name}: {check.detail}")
    failed = sum(not check.passed for check in result.checks)
    if failed:
        raise ExchangeError(f"{path}: {failed} of {len(result.checks)} checks failed")
