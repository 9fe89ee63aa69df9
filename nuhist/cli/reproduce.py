"""Commands that redo published results, and workspaces of all cases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nuhist.characters import printable
from nuhist.cli.common import as_json, output_option
from nuhist.cli.options import OutputType, command, refuse_given
from nuhist.cli.printing import aligned, print_text, tell

if TYPE_CHECKING:
    from nuhist.report.published import PublishedLimits
    from nuhist.report.reproduce import Reproduction


@command(epilog="Example: nuhist reproduce --markdown -o comparison.md --plots figures")
@click.option("--experiments", is_flag=True, help="The collaborations' own limits instead.")
@click.option("--plots", type=OutputType(), metavar="DIR", help="Draw Figs. 2, 3 and 4 there.")
@click.option("--markdown", is_flag=True, help="Print a Markdown table.")
@click.option("--jobs", type=click.IntRange(min=1), help="Processes [default: as many as processors].")
@output_option("Where to write [default: standard output].")
@as_json
def reproduce(
    experiments: bool,
    plots: Path | None,
    markdown: bool,
    jobs: int | None,
    output: Path | None,
    json_output: bool,
) -> None:
    """Set the numbers of arXiv:2207.05036 beside ours, in four treatments of the data."""
    import os
    import sys

    from nuhist.files import check_output, to_json, write_atomically
    from nuhist.report import published, reproduce_tables
    from nuhist.report.reproduce import reproduce as run

    if experiments:
        refuse_given(("jobs",), "with --experiments one process computes all")
    if markdown and json_output:
        raise click.UsageError("--markdown and --json exclude each other")

    def progress(line: str) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r\033[K{printable(line)}", nl=False, err=True)

    # Before the table, which takes longer and may go to standard output.
    if output is not None:
        check_output(output)
    if plots is not None:
        from nuhist.report.reproduce_figures import draw_figures

        for path in draw_figures(plots):
            tell(f"{path}: drawn")
    result: Reproduction | PublishedLimits
    if experiments:
        result = published.compare_published()
        table = reproduce_tables.published_rows(result)
        note = "Upper limits, 90 % C.L.; in brackets: ours over the published one."
    else:
        result = run(jobs=jobs or os.cpu_count() or 1, progress=progress)
        table, note = reproduce_tables.to_rows(result), reproduce_tables.explanation(result)
    progress("")
    if json_output:
        text = to_json(result.to_json())
    elif markdown:
        command = "nuhist reproduce --experiments" if experiments else "nuhist reproduce"
        text = reproduce_tables.to_markdown(*table, note, command)
    else:
        text = aligned(*table, left=2)
    if output is None:
        print_text(text)
    else:
        write_atomically(output, text)
        tell(f"{output}: written")


@command(epilog="Example: nuhist rebuild")
@click.argument("folder", required=False, metavar="DIR", type=OutputType())
@click.option(
    "--limits/--no-limits", default=True, show_default=True, help="Compute the limits of the index."
)
@click.option("--jobs", type=click.IntRange(min=1), help="Processes [default: as many as processors].")
@click.option("--templates-only", is_flag=True, help="Only DIR/templates, of the workspaces that are there.")
def rebuild(folder: Path | None, limits: bool, jobs: int | None, templates_only: bool) -> None:
    """Write workspaces of all cases, with sidecars and an index, to DIR/workspaces [default: here].

    ROOT templates of the default treatments go to DIR/templates. One version writes the same digests on
    every machine.
    """
    import os
    from importlib.util import find_spec

    from nuhist.errors import missing_extra
    from nuhist.report.rebuild import rebuild as run
    from nuhist.report.rebuild import rebuild_templates

    if templates_only:
        refuse_given(("limits", "jobs"), "--templates-only computes no limits")
    if find_spec("uproot") is None:  # before minutes of work
        raise missing_extra("ROOT files", "uproot", "root")
    place = folder or Path()
    if not templates_only:
        index = run(place / "workspaces", limits=limits, jobs=jobs or os.cpu_count() or 1)
        tell(f"{index}: written")
    paths = rebuild_templates(place / "workspaces", place / "templates")
    tell(f"{place / 'templates'}: {len(paths)} files")
