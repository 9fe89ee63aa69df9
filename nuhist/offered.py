"""Functions that the shell offers: what they are called with, and which of their keywords are options."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any

from nuhist.keywords import named


@dataclass(frozen=True)
class Option:
    """A keyword of the function that writes or reads, as the shell shows it.

    Attributes
    ----------
    name
        Name of the keyword; its annotation and its default say what the shell takes.
    help
        In one line.
    metavar
        What stands for the value. ``X[,..]`` lets a user write several with commas.
    flag
        The option's name in the shell, where it is not that of the keyword.
    short
        Another name there, such as ``--cl``.
    least
        The least value of a whole number.
    """

    name: str
    help: str
    metavar: str | None = None
    flag: str | None = None
    short: str | None = None
    least: int | None = None


def resolved(function: Callable[..., Any] | str | None) -> Any:
    """A function from itself, or from where it is, as ``"module:function"``."""
    return resolve_name(function) if isinstance(function, str) else function


@dataclass(frozen=True)
class Offered:
    """A function, or where it is as ``"module:function"``, imported when it is needed.

    Attributes
    ----------
    run
        The function.
    help
        What its command does; the first sentence stands in lists.
    example
        Arguments of its command.
    options
        Keywords that a user may give.
    """

    run: Callable[..., Any] | str
    help: str
    example: str
    options: tuple[Option, ...] = ()

    def function(self) -> Callable[..., Any]:
        """The function itself."""
        found: Callable[..., Any] = resolved(self.run)
        return found

    def checked(self) -> Callable[..., Any]:
        """The function, which names a keyword that it does not have, see :func:`nuhist.keywords.named`."""
        function = self.function()
        return named(function, getattr(function, "__name__", str(self.run)))

    def keywords(self) -> dict[str, inspect.Parameter]:
        """What the function takes, by name."""
        return dict(inspect.signature(self.function()).parameters)


def refuse_unknown_options(offered: Offered) -> None:
    """Refuse an entry whose function is not there, or takes other keywords than its options name.

    Raises
    ------
    AttributeError, ImportError
        If there is no such function.
    TypeError
        With the first keyword.
    """
    keywords = offered.keywords()
    for option in offered.options:
        if option.name not in keywords:
            raise TypeError(f"its option '{option.name}' is no keyword of {offered.run}")
