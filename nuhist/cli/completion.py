"""What a shell can complete beyond commands and options: names, and files."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem


class _Names(click.types.StringParamType):
    """A text, with names that a shell suggests; checks are the library's."""

    def __init__(self, known: Callable[[], Iterable[str]], *, files: bool = False) -> None:
        self.known = known
        self.files = files

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 - the signature is click's
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        names = [CompletionItem(name) for name in self.known() if name.startswith(incomplete)]
        return [*names, CompletionItem(incomplete, type="file")] if self.files and not names else names


def _experiments() -> Iterable[str]:
    from nuhist.experiments.loading import bundled_experiments
    from nuhist.experiments.outside import of_packages
    from nuhist.experiments.sets import bundled_sets

    return [*bundled_experiments(), *bundled_sets(), *of_packages()]


def _hypotheses() -> Iterable[str]:
    from nuhist.physics.hypotheses import all_families, all_hypotheses

    return [
        *all_hypotheses(),
        *(f"{family.name}:{family.parameters[0].name}=" for family in all_families().values()),
    ]


def _methods() -> Iterable[str]:
    from nuhist.methods.registry import methods

    return methods()


_FLAVORS = ("effective", "e", "mu", "tau")
_PLURALS = {"experiments": "experiment", "name": "experiment", "workspaces": "workspace"}
_TYPES = {
    "experiment": _Names(_experiments, files=True),
    "hypothesis": _Names(_hypotheses),
    "flavor": _Names(lambda: _FLAVORS),
    "method": _Names(_methods),
    "workspace": _Names(tuple, files=True),
}


def with_names(command: click.Command) -> click.Command:
    """The command with types that complete names; for shells' questions only, not to be run."""
    for parameter in command.params:
        name = _PLURALS.get(parameter.name or "", parameter.name)
        if name in _TYPES and isinstance(parameter.type, click.types.StringParamType):
            parameter.type = _TYPES[name]
    if isinstance(command, click.Group):
        for child in command.commands.values():
            with_names(child)
    return command
