"""Options of the methods of limits, read off the fields of their classes when a command asks for them."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import Any

import click

from nuhist.cli.options import Command, kind_of

_TYPES = {"int": click.INT, "float": click.FLOAT}


class MethodCommand(Command):
    """A command that has the options of all methods; their classes are imported only where it runs."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Its own parameters, and the options of the methods before the last one, ``--json``."""
        from nuhist.methods.registry import methods

        found, last = super().get_params(ctx), len(self.params) - 1
        known = {parameter.name for parameter in found}
        options = [option for option in _options(tuple(methods().items())) if option.name not in known]
        return [*found[:last], *options, *found[last:]]


@cache  # click knows options by identity
def _options(methods: tuple[tuple[str, type[Any]], ...]) -> tuple[click.Option, ...]:
    takers: dict[str, list[str]] = {}
    found: dict[str, Any] = {}
    for name, method in methods:
        for field in fields(method):
            if "help" in field.metadata:
                takers.setdefault(field.name, []).append(name)
                found.setdefault(field.name, field)
    return tuple(_option(field, takers[name]) for name, field in found.items())


def _option(field: Any, takers: list[str]) -> click.Option:
    text = str(field.metadata["help"])
    before, bracket, after = text.partition(" [")
    shown = f"{before.rstrip('.')} ({', '.join(takers)}){bracket}{after}" + ("" if bracket else ".")
    name = f"--{field.name.replace('_', '-')}"
    kind = kind_of(field.type)
    if kind == "bool":
        return click.Option([name], is_flag=True, help=shown)
    least = field.metadata.get("least")
    taken = _TYPES.get(kind, click.STRING) if least is None else click.IntRange(min=least)
    return click.Option([name], type=taken, metavar=field.metadata["metavar"], help=shown)
