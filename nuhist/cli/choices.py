"""What every command that fits can change of its WS: measurement, parameters, data; one model of all that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from nuhist.cli.common import Source, workspace_argument, workspaces_argument
from nuhist.errors import ConfigError, OptionError

if TYPE_CHECKING:
    from nuhist.inference.model import Model

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_OPTIONS = (
    click.option("--measurement", help="Name of the measurement [default: the first]."),
    click.option("--poi", metavar="NAME", help="Parameter of interest [default: the measurement's]."),
    click.option("--fix", "fixed", multiple=True, metavar="NAME=VALUE",
                 help="Hold a parameter, or by its name a coupling; again for more."),
    click.option("--init", multiple=True, metavar="NAME=VALUE",
                 help="Start of a parameter, or of a coupling, in fits; again for more."),
    click.option("--bounds", multiple=True, metavar="NAME=LO:HI",
                 help="Other bounds of a parameter, or of a coupling; again for more."),
    click.option("--asimov", metavar="X",
                 help="Take data expected at a coupling, or with 'fit' at the best fit."),
    click.option("--engine", default="compiled", show_default=True, help="What fits: compiled, or pyhf."),
)  # fmt: skip
_NAMES = ("measurement", "poi", "fixed", "init", "bounds", "asimov", "engine")


@dataclass(frozen=True)
class Chosen:
    """A WS, and what was chosen of it; nothing is read before a model is made."""

    source: Source
    choices: dict[str, Any]

    def model(self) -> Model:
        """The model.

        Raises
        ------
        ConfigError
            If a choice has another form than its option says.
        """
        from nuhist.histfactory.named_values import parse_bounds, parse_numbers
        from nuhist.histfactory.patchset import SignalGrid
        from nuhist.inference.model import Model

        fixed, init = parse_numbers(self.choices["fixed"]), parse_numbers(self.choices["init"])
        bounds, asimov = parse_bounds(self.choices["bounds"]), self.choices["asimov"]
        source = self.source.model(remarks=asimov is None)
        if isinstance(source, SignalGrid):
            options = {"poi": "poi", "fixed": "fix", "init": "init", "bounds": "bounds", "asimov": "asimov"}
            for name, option in options.items():
                if self.choices[name]:
                    raise OptionError(
                        f"--{option}: does nothing with signal points, whose coupling is the one of their"
                        " label; choose a point with --patch"
                    )
        model = Model(
            source,
            measurement=self.choices["measurement"],
            poi=self.choices["poi"],
            fixed=fixed,
            init=init,
            bounds=bounds,
            engine=self.choices["engine"],
        )
        return model if asimov is None else model.asimov(_coupling(asimov))


def _coupling(text: str) -> Any:
    if text == "fit":
        return text
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"--asimov {text}: expected a coupling such as 1e-11, or fit") from None


def model_argument(function: Callable[..., Any]) -> Callable[..., Any]:
    """One WS with its choices, as a :class:`Chosen` called ``model``."""

    @wraps(function)
    def read(workspace: Source, **others: Any) -> Any:
        choices = {name: others.pop(name) for name in _NAMES}
        return function(model=Chosen(workspace, choices), **others)

    return workspace_argument(_with_choices(read))


def models_argument(metavar: str, *, required: bool = False, default: tuple[str, ...] = ()) -> Decorator:
    """Several WS with the same choices, as a tuple of :class:`Chosen` called ``models``."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def read(workspaces: tuple[Source, ...], **others: Any) -> Any:
            choices = {name: others.pop(name) for name in _NAMES}
            return function(models=tuple(Chosen(source, choices) for source in workspaces), **others)

        return workspaces_argument(metavar, required=required, default=default)(_with_choices(read))

    return decorate


def parameter_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same choices but for the data, which stay those of the workspace."""
    for option, name in reversed([*zip(_OPTIONS, _NAMES, strict=True)]):
        function = function if name == "asimov" else option(function)
    return function


def _with_choices(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        function = option(function)
    return function
