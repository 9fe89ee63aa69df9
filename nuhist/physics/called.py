"""Functions that a user gives: what they raise is one line, which says where."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import partial
from typing import Any

import numpy as np

from nuhist.errors import ConfigError, NuhistError


def called(function: Callable[..., Any], where: str, *arguments: Any) -> Any:
    """What a function gives.

    What it prints goes to standard error, as standard output is for results. NumPy's warnings of numbers that
    are not finite are left out, as these are refused where they come out.

    Parameters
    ----------
    function
        Function of a user.
    where
        What is asked, for the message.
    arguments
        Its own.

    Raises
    ------
    ConfigError
        If it raises anything but an error of nuhist, or ends the program: which error, and at which line of
        its file. The cause has the whole traceback.
    """
    try:
        with redirect_stdout(sys.stderr), np.errstate(all="ignore"):
            return function(*arguments)
    except (NuhistError, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
        raise ConfigError(f"{where}: {_place(function, error)} raised {reason}") from error


def innermost(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function itself, where keywords are bound to it or nuhist's own functions call it."""
    while isinstance(function, partial):
        # nuhist's own hold the user's function; those of a user may have a keyword of that name, too.
        ours = str(getattr(function.func, "__module__", "")).startswith("nuhist.")
        function = function.keywords.get("function", function.func) if ours else function.func
    return function


def _place(function: Callable[..., Any], error: BaseException) -> str:
    """The last line of the function's own file that was run, or of any file."""
    function = innermost(function)
    frames = traceback.extract_tb(error.__traceback__)[1:]
    code = getattr(function, "__code__", None)
    own = [frame for frame in frames if code is not None and frame.filename == code.co_filename]
    name = getattr(function, "__name__", type(function).__name__)
    if not (own or frames):
        return f"{name}()"
    last = (own or frames)[-1]
    return f"{name}() in {last.filename}, line {last.lineno},"
