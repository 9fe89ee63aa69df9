"""Options of the methods of limits, read off the fields of their classes when a command asks for them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import click

from nuhist.cli.options import Command

_TYPES = {"int | None": click.INT, "float | None": click.FLOAT}


class MethodCommand(Command):
    """A command that has the options of all methods; their classes are imported only where it runs."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Its own parameters, and the options of the methods before the last one, ``--json``."""
        known = {parameter.name for parameter in self.params}
        self.params[-1:-1] = [option for option in _options() if option.name not in known]
        return super().get_params(ctx)


def _options() -> list[click.Option]:
    from nuhist.methods.registry import methods

    takers: dict[str, list[str]] = {}
    found: dict[str, Any] = {}
    for name, method in methods().items():
        for field in fields(method):
            if "help" in field.metadata:
                takers.setdefault(field.name, []).append(name)
                found.setdefault(field.name, field)
    return [_option(field, takers[name]) for name, field in found.items()]


def _option(field: Any, takers: list[str]) -> click.Option:
    text = str(field.metadata["help"])
    before, bracket, after = text.partition(" [")
    shown = f"{before.rstrip('.')} ({', '.join(takers)}){bracket}{after}" + ("" if bracket else ".")
    name = f"--{field.name.replace('_', '-')}"
    if field.type == "bool":
        return click.Option([name], is_flag=True, help=shown)
    least = field.metadata.get("least")
    kind = _TYPES.get(field.type, click.STRING) if least is None else click.IntRange(min=least)
    return click.Option([name], type=kind, metavar=field.metadata["metavar"], help=shown)
