"""Commands whose options are read off the keywords of a function, for tables that other packages extend."""

from __future__ import annotations

from functools import cached_property
from inspect import Parameter
from typing import Any

import click

from nuhist.cli.options import Command, PathType, kind_of
from nuhist.offered import Offered, Option


class OfferedCommand(Command):
    """A command whose options are keywords of a function, made when they are asked for."""

    def __init__(self, *, offered: Offered, path: PathType, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.offered, self.path = offered, path

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The options of the function, and its own parameters."""
        return [*self.options, *super().get_params(ctx)]

    @cached_property  # click knows options by identity
    def options(self) -> list[click.Option]:
        """Options of the function."""
        keywords = self.offered.keywords()
        return [self._option(each, keywords[each.name]) for each in self.offered.options]

    def _option(self, option: Option, keyword: Parameter) -> click.Option:
        kind, flag = kind_of(keyword.annotation), (option.flag or option.name).replace("_", "-")
        shown: dict[str, Any] = {"help": option.help, "metavar": option.metavar}
        if kind == "bool" and keyword.default:
            names = f"--{flag}/--no-{flag}"
            return click.Option([names, option.name], default=True, show_default=True, **shown)
        names = f"--{flag}"
        forms = [option.short, names, option.name] if option.short else [names, option.name]
        if kind == "bool":
            return click.Option(forms, is_flag=True, **shown)
        if kind == "Sequence[str]":
            commas = _split if "[,..]" in (option.metavar or "") else None
            return click.Option(forms, multiple=True, callback=commas, **shown)
        if option.least is not None:
            kind = "bounded"
        types = {
            "bounded": click.IntRange(min=option.least),
            "int": click.INT,
            "float": click.FLOAT,
            "Path": self.path,
        }
        taken = types.get(kind, click.STRING)
        return click.Option(forms, type=taken, default=keyword.default, show_default=True, **shown)


def _split(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for text in values for name in text.split(","))
