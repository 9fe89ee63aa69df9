"""Commands that take each option once and none that does nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from inspect import formatannotation
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from nuhist.cli.words import remember
from nuhist.errors import OptionError
from nuhist.inputs import STDIN

if TYPE_CHECKING:
    from nuhist.entry_points import Offers


class PathType(click.Path):
    """A path. An empty one, which would be the current folder, is refused."""

    def __init__(self, **checks: bool) -> None:
        super().__init__(path_type=Path, **checks)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See click."""
        if value == "":
            self.fail("the path is empty; name it, or write . for the current folder", param, ctx)
        return super().convert(value, param, ctx)


class OutputType(PathType):
    """A path to write to. ``-`` is standard output where one text is written, and refused elsewhere."""

    def __init__(self, *, text: bool = False, **checks: bool) -> None:
        super().__init__(**checks)
        self.text = text

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See click; None for standard output."""
        if value != STDIN:
            return super().convert(value, param, ctx)
        if not self.text:
            self.fail("standard output does not take this; name it, or write ./- for that name", param, ctx)
        return None


class _Once(click.Command):
    """A command that refuses an option given twice, unless it is a list; errors are in its words."""

    def invoke(self, ctx: click.Context) -> Any:
        """See click."""
        remember(ctx)
        return super().invoke(ctx)

    def make_parser(self, ctx: click.Context) -> Any:
        parser: Any = super().make_parser(ctx)
        parse = parser.parse_args

        def parse_once(args: list[str]) -> Any:
            found = parse(args)
            times = Counter(parameter for parameter in found[2] if _is_single(parameter))
            for parameter, number in times.items():
                if number > 1 and not ctx.resilient_parsing:
                    name = parameter.opts[-1] if parameter.opts else parameter.name
                    raise click.UsageError(f"{name} is given {number} times; keep one", ctx)
            return found

        parser.parse_args = parse_once
        return parser


class Command(_Once):
    """A command of ``nuhist``."""


class Group(_Once, click.Group):
    """A group of commands of ``nuhist``."""

    command_class = Command


class TableGroup(Group):
    """A group whose commands come from a table that other packages may extend; read when asked for."""

    def __init__(
        self,
        *,
        table: Callable[[], Offers[Any]],
        make: Callable[[Any], click.Command | None],
        **attributes: Any,
    ) -> None:
        self._table, self._make = table, make
        super().__init__(**attributes)

    @property
    def commands(self) -> dict[str, click.Command]:
        """Commands of the table."""
        made = {name: self._make(entry) for name, entry in self._table().items()}
        return {name: each for name, each in made.items() if each is not None}

    @commands.setter
    def commands(self, _: object) -> None:
        pass

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the signature is click's
        """Names of the commands, in the table's order."""
        return list(self.commands)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command; where another package should bring it and does not, the reason."""
        found = super().get_command(ctx, cmd_name)
        if found is None and cmd_name in self._table().broken:
            self._table().entry(cmd_name)
        return found


def kind_of(annotation: Any) -> str:
    """The simple type of a value that may be None, whose annotation is a text or a type."""
    text = annotation if isinstance(annotation, str) else formatannotation(annotation)
    simple = r"bool|int|float|Path|Sequence\[str\]"
    found = re.fullmatch(rf"(?:(?:[\w.]+\.)?Optional\[)?(?:[\w.]+\.)?({simple})(?: *\| *None|\])?", text)
    return found.group(1) if found else "str"


def _is_single(parameter: click.Parameter) -> bool:
    return isinstance(parameter, click.Option) and not parameter.multiple and not parameter.is_eager


def command(name: str | None = None, **attributes: Any) -> Callable[[Callable[..., Any]], Command]:
    """``click.command`` with :class:`Command`, or another class of its kind."""
    kind: type[Command] = attributes.pop("cls", Command)
    return click.command(name, cls=kind, **attributes)


def group(name: str | None = None, **attributes: Any) -> Callable[[Callable[..., Any]], Group]:
    """``click.group`` with :class:`Group`, or another class of its kind."""
    kind: type[Group] = attributes.pop("cls", Group)
    return click.group(name, cls=kind, **attributes)


def refuse_given(names: Iterable[str], reason: str) -> None:
    """Refuse options that were given on the command line, of those with these names of parameters.

    Raises
    ------
    OptionError
        With the options and the reason why they do nothing.
    """
    context, wanted = click.get_current_context(), set(names)
    found = [
        parameter.opts[-1]
        for parameter in context.command.get_params(context)
        if parameter.name in wanted
        and context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE
    ]
    if found:
        raise OptionError(f"{', '.join(found)}: {reason}")
