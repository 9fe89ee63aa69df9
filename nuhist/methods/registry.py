"""The methods of intervals by name: nuhist's own, and those of other packages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

from nuhist.entry_points import Offers, with_entry_points
from nuhist.errors import ConfigError, OptionError, unknown_option
from nuhist.methods.cls import CLs
from nuhist.methods.feldman_cousins import FeldmanCousins
from nuhist.methods.method import IntervalMethod
from nuhist.methods.profile_likelihood import ProfileLikelihood
from nuhist.values import shown

METHODS: tuple[type[Any], ...] = (ProfileLikelihood, CLs, FeldmanCousins)
_TAKEN = {
    "model", "method", "confidence_level", "measurement", "poi", "engine", "fixed", "init", "bounds",
    "asimov", "patch", "ntoys", "seed", "toys_at", "jobs", "resume", "scheduler", "json_output",
}  # fmt: skip
ENTRY_POINTS = "nuhist.methods"  # group of the classes that other packages bring along


@cache
def methods() -> Offers[type[Any]]:
    """Classes of methods by name."""
    return with_entry_points(METHODS, ENTRY_POINTS, "method", ("title", "throws", "interval"), _check)


def _check(method: Any) -> None:
    made: Any = method
    if not isinstance(method, type) or not is_dataclass(method) or not made.__dataclass_params__.frozen:
        raise TypeError("a method is a frozen dataclass, whose fields are its options")
    names = {field.name for field in fields(method)}
    if made.throws is not False and "execution" not in names:
        raise TypeError("a method that throws toys has the field execution")
    if taken := sorted(names & _TAKEN):
        raise TypeError(f"its field '{taken[0]}' has the name of another option of nuhist limit")


def method_names() -> tuple[str, ...]:
    """Names of the methods of limits, those of other packages included."""
    return tuple(methods())


def make_method(
    method: str | IntervalMethod, options: dict[str, Any], beside: Iterable[str] = ()
) -> IntervalMethod:
    """A method from its name and its options; itself, if it is one.

    Parameters
    ----------
    method, options
        Those that are None count as not given.
    beside
        Keywords besides, which a mistyped option may have meant.

    Raises
    ------
    ConfigError
        If there is no such method or no such option.
    OptionError
        If an option belongs to other methods.
    """
    given = {name: value for name, value in options.items() if value is not None and value is not False}
    if not isinstance(method, str | IntervalMethod):
        raise ConfigError(f"method = {shown(method)}: expected the name of a method, or one such as CLs()")
    if isinstance(method, type):
        raise ConfigError(f"method = {method.__name__}: give one, {method.__name__}(), or its name")
    if not isinstance(method, str):
        if given:
            name = next(iter(given))
            raise OptionError(f"{name}: belongs into the method itself, {type(method).__name__}({name}=…)")
        return method
    known = methods()
    chosen = known.entry(method)
    takes = {name: {field.name for field in fields(other)} for name, other in known.items()}
    for name in given:
        if name not in takes[method]:
            takers = [other for other, names in takes.items() if name in names]
            if not takers:
                raise unknown_option(name, "nuhist.limit", {*beside}.union(*takes.values()))
            raise OptionError(
                f"{name}=...: does nothing with method='{method}'; it belongs to"
                f" {' and '.join(f'method={other!r}' for other in takers)}"
            )
    made: IntervalMethod = chosen(**given)
    return made
