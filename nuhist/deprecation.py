"""Old words that still work for a while: each warns, and names the new one."""

from __future__ import annotations

import inspect
import os
import warnings
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

from nuhist.errors import OptionError

Function = TypeVar("Function", bound=Callable[..., Any])


_PACKAGE = f"{Path(__file__).parent}{os.sep}"


def warn_of_old(old: str, new: str, since: str) -> None:
    """Warn whoever calls nuhist that a word is an old one.

    Parameters
    ----------
    old, new
        The word that was used, and the one to use.
    since
        Version that has the new word.
    """
    text = f"{old} is an old word since nuhist {since}, and goes with the next major version; write {new}"
    frame, level = inspect.currentframe(), 1
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, DeprecationWarning, stacklevel=level)


def renamed(since: str, **keywords: str) -> Callable[[Function], Function]:
    """Let a function take keywords by their old names, too, with a warning.

    Parameters
    ----------
    since
        Version that has the new names.
    keywords
        New names by the old ones.

    Raises
    ------
    OptionError
        When the function is called with an old and its new keyword.

    Examples
    --------
    >>> @renamed("0.2.0", colour="color")
    ... def paint(color):
    ...     return color
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     paint(colour="red")
    'red'
    >>> print(caught[0].message)
    colour=... is an old word since nuhist 0.2.0, and goes with the next major version; write color=...
    """

    def decorate(function: Function) -> Function:
        @wraps(function)
        def called(*values: Any, **given: Any) -> Any:
            return function(*values, **_with_new(given, keywords, since))

        called.old_keywords = dict(keywords)  # type: ignore[attr-defined]  # for nuhist.keywords.named
        return called  # type: ignore[return-value]  # the same for a caller

    return decorate


def _with_new(given: dict[str, Any], keywords: Mapping[str, str], since: str) -> dict[str, Any]:
    """Arguments with the new names, after a warning for each old one."""
    for old, new in keywords.items():
        if old in given:
            if new in given:
                raise OptionError(f"{old}=... is the old word for {new}=...; give one of them")
            warn_of_old(f"{old}=...", f"{new}=...", since)
            given = {**{name: value for name, value in given.items() if name != old}, new: given[old]}
    return given
