"""Keywords: those that a function takes elsewhere are in its signature, those that do not exist are named."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields
from functools import cache, wraps
from typing import Any, TypeVar

from nuhist.errors import unknown_option

Function = TypeVar("Function", bound=Callable[..., Any])
Class = TypeVar("Class", bound=type[Any])


def named(function: Function, where: str) -> Function:
    """The same function, which refuses a keyword that it does not have with the nearest one that it has.

    Parameters
    ----------
    function
        One that takes any keyword, by ``**``, is left as it is.
    where
        What users call it, such as ``"nuhist.limit"``.
    """
    parameters = inspect.signature(function).parameters
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        return function

    old = getattr(function, "old_keywords", ())  # see nuhist.deprecation.renamed

    @wraps(function)
    def checked(*values: Any, **keywords: Any) -> Any:
        for name in keywords:
            if name not in parameters and name not in old:
                raise unknown_option(name, where, set(parameters) - {"self"})
        return function(*values, **keywords)

    checked.__module__ = "nuhist"  # where it is found again, as in another process
    return checked  # type: ignore[return-value]  # the same for a caller


def named_fields(kind: Class) -> Class:
    """The same dataclass, which refuses a keyword that is no field of it, see :func:`named`."""
    made: Any = kind
    made.__init__ = named(made.__init__, f"nuhist.{kind.__name__}")
    return kind


@cache
def public(function: Function) -> Function:
    """A function of the package under the name that users call it by, see :func:`named`."""
    return named(function, f"nuhist.{function.__name__}")


def with_fields(*kinds: type[Any], others: bool = False) -> Callable[[Function], Function]:
    """Show the fields of dataclasses as keywords in the signature of a function that takes them by ``**``.

    Parameters
    ----------
    kinds
        The dataclasses.
    others
        Whether the function takes keywords besides.
    """

    def show(function: Function) -> Function:
        *kept, rest = inspect.signature(function).parameters.values()
        shown = {
            field.name: inspect.Parameter(
                field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=field.type
            )
            for kind in kinds
            for field in fields(kind)
        }
        parameters = [*kept, *shown.values(), *([rest] if others else [])]
        changed: Any = function
        changed.__signature__ = inspect.signature(function).replace(parameters=parameters)
        return function

    return show
