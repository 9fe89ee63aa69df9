"""Options of how workspaces are built, of every command that builds some."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import click

from nuhist.cli.common import Decorator, allow_outside_option
from nuhist.cli.options import PathType
from nuhist.cli.printing import warn

if TYPE_CHECKING:
    from nuhist.histfactory.options import BuildOptions, ReplacedTemplate

_BUILD_OPTIONS = (
    click.option("--background", metavar="NAME",
                 help="Treatment of the data: components, paper or total [default: the experiment's]."),
    click.option("--ar37", metavar="KIND", help="³⁷Ar: fixed, gaussian or flat [default: the treatment's]."),
    click.option("--constraint", default="normsys", show_default=True,
                 help="Constrained norms: normsys, or exactly linear."),
    click.option("--flux", metavar="KIND",
                 help="Norms of the Sun: split (by group) or paper (7 % on all) [default: the treatment's]."),
    click.option("--source", metavar="NAME[:KEY=VALUE,...]",
                 help="Source of the neutrinos [default: the experiment's]."),
    click.option("--atomic", metavar="KIND",
                 help="Electrons in atoms: step, or rrpa of xenon [default: the treatment's]."),
    click.option("--response", metavar="KIND",
                 help="Response: matrix, gaussian, none or monoenergetic [default: the treatment's]."),
    click.option("--neutrino-mass", type=float, metavar="EV",
                 help="Mass of the neutrino in eV, in the EPA [default: 1]."),
    click.option("--observed", type=PathType(), metavar="FILE",
                 help="Counts in place of the experiment's: CSV with a column 'counts', one row per bin."),
    click.option("--exposure", type=float, metavar="TY",
                 help="Scale to so many tonne years, with --asimov or --observed."),
    click.option("--asimov", is_flag=True, help="Observe what is expected without the coupling."),
    click.option("--template", "templates", multiple=True, metavar="SAMPLE=FILE:HISTOGRAM",
                 callback=lambda _context, _option, texts: _read_templates(texts),
                 help="Take a background's counts from a ROOT file; again for more."),
    allow_outside_option,
)  # fmt: skip


def _read_templates(texts: tuple[str, ...]) -> tuple[ReplacedTemplate, ...]:
    """Backgrounds with other counts, from the files that the options name."""
    if not texts:
        return ()
    from nuhist.exchange.root.background import read_template

    return tuple(read_template(text, message=warn) for text in texts)


BUILD_NAMES = (
    "background", "ar37", "constraint", "flux", "source", "atomic", "response", "neutrino_mass", "observed",
    "exposure", "asimov", "templates", "allow_outside",
)  # fmt: skip


def build_options(*, without: Collection[str] = ()) -> Decorator:
    """Options of how a workspace is built, see :class:`nuhist.BuildOptions`, but for some."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option, name in reversed([*zip(_BUILD_OPTIONS, BUILD_NAMES, strict=True)]):
            function = function if name in without else option(function)
        return function

    return decorate


def taken_options(choices: dict[str, Any], *, without: Collection[str] = ()) -> BuildOptions:
    """The same options, taken out of all of a command."""
    from nuhist.histfactory.options import BuildOptions

    return BuildOptions(**{name: choices.pop(name) for name in BUILD_NAMES if name not in without})
