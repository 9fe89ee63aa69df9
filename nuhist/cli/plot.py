"""Commands that draw: one for each figure of the table."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import click

from nuhist.cli.choices import model_argument, models_argument
from nuhist.cli.common import allow_outside_option, workspaces_argument
from nuhist.cli.drawing import draws
from nuhist.cli.offered import OfferedCommand
from nuhist.cli.options import PathType, TableGroup, group

if TYPE_CHECKING:
    from nuhist.entry_points import Offers
    from nuhist.report.figure import FigureKind


def _figures() -> Offers[FigureKind]:
    from nuhist.report.figure_table import figures

    return figures()


def _experiments(experiments: tuple[str, ...], allow_outside: bool) -> Any:
    from nuhist.experiments.loading import load_experiments

    return load_experiments(experiments, allow_outside=allow_outside)


def _experiment(experiment: str, allow_outside: bool) -> tuple[Any, ...]:
    from nuhist.experiments.loading import load_experiment

    return (load_experiment(experiment, allow_outside=allow_outside),)


def _results(results: tuple[str, ...]) -> tuple[Any, ...]:
    from nuhist.methods.result_files import read_result

    return ([read_result(path) for path in results],)


def _same(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


# What the command takes for a subject, and how the subject is made of that.
_SUBJECTS: dict[str, tuple[Callable[..., Any], Callable[..., tuple[Any, ...]]]] = {
    "model": (model_argument, lambda model: (model.model(),)),
    "models": (
        models_argument("WS...", required=True),
        lambda models: ([chosen.model() for chosen in models],),
    ),
    "workspaces": (
        workspaces_argument("[WS...]"),
        lambda workspaces: ([source.model() for source in workspaces],),
    ),
    "experiment": (
        lambda function: click.argument("experiment")(allow_outside_option(function)),
        _experiment,
    ),
    "experiments": (
        lambda function: click.argument("experiments", metavar="EXPERIMENT...", nargs=-1, required=True)(
            allow_outside_option(function)
        ),
        lambda experiments, allow_outside: (_experiments(experiments, allow_outside),),
    ),
    "results": (click.argument("results", metavar="RESULT...", nargs=-1, required=True), _results),
    "nothing": (_same, lambda: ()),
}
_NAMES = ("model", "models", "workspaces", "experiment", "experiments", "allow_outside", "results")


@cache  # a command stays the same
def _command(kind: FigureKind) -> click.Command:
    argument, made_of = _SUBJECTS[kind.subject]

    @argument
    @draws
    def run(**choices: Any) -> Any:
        given = {name: choices.pop(name) for name in _NAMES if name in choices}
        return kind.function()(*made_of(**given), **choices)

    made: click.Command = click.command(
        kind.name,
        cls=OfferedCommand,
        offered=kind,
        path=PathType(),
        help=kind.help,
        epilog=f"Example: nuhist plot {kind.name} {kind.example}",
    )(run)
    return made


@group(
    cls=TableGroup,
    table=_figures,
    make=_command,
    epilog="Example: nuhist plot spectrum lz.json -o lz.png",
)
def plot() -> None:
    """Draw a figure (PDF, SVG, PNG, ...); its numbers go beside it as JSON, or as CSV."""
