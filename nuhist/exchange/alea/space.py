"""Numbers that alea's YAML writes as NumPy expressions: read as syntax, never evaluated."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

import numpy as np

from nuhist.errors import ExchangeError
from nuhist.tables import Array
from nuhist.values import shown

MOST = 100_000  # numbers that an expression may stand for
_LONGEST = 10_000_000  # letters
_PREFIXES = ("np", "numpy")
_OPERATORS: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: lambda a, b: float(a) ** float(b),
}
# Names of arguments, and how many of them there must be.
_SPACED = ("start", "stop", "num", "endpoint")
_FUNCTIONS: Mapping[str, tuple[tuple[str, ...], int]] = {
    "linspace": (_SPACED, 2),
    "geomspace": (_SPACED, 2),
    "logspace": ((*_SPACED, "base"), 2),
    "arange": (("start", "stop", "step"), 1),
    "array": (("object",), 1),
}


def numbers(value: Any, where: str) -> list[float]:
    """The numbers of a list, of a text such as ``"1 2 3"`` or ``"1, 2, 3"``, or of ``np.linspace(0, 1, 4)``.

    Whole numbers of a list stay whole: file names are made of them.

    Raises
    ------
    ExchangeError
        If it is anything else, or more than 100,000 numbers.
    """
    if isinstance(value, str):
        if not value.startswith(tuple(f"{prefix}." for prefix in _PREFIXES)):
            return _listed(value, where)
        found: Any = _expression(value, where)
    else:
        found = value
    if not isinstance(found, list) or not found:
        raise _refused(value, where)
    if len(found) > MOST:
        raise ExchangeError(f"{where}: has {len(found)} numbers; at most {MOST} can be read")
    for each in found:
        if isinstance(each, bool) or not isinstance(each, int | float) or not isfinite(each):
            raise ExchangeError(f"{where}: {shown(each)} is no number")
    return found


def edges(value: Any, where: str) -> Array:
    """Edges of bins, which must rise; see :func:`numbers`."""
    found = np.asarray(numbers(value, where), dtype=np.float64)
    if found.size < 2:
        raise ExchangeError(f"{where}: has one number; expected at least two edges of bins")
    if (np.diff(found) <= 0).any():
        index = int(np.argmax(np.diff(found) <= 0))
        raise ExchangeError(f"{where}: edges must rise; {found[index + 1]:g} comes after {found[index]:g}")
    return found


def _listed(text: str, where: str) -> list[float]:
    parts = text.split(",") if "," in text else text.split()
    if len(text) > _LONGEST or not parts:
        raise _refused(text, where)
    try:
        return [float(part) for part in parts]
    except ValueError as error:
        raise _refused(text, where) from error


def _expression(text: str, where: str) -> Any:
    if len(text) > _LONGEST:
        raise _refused(text, where)
    try:
        return _value(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError, ArithmeticError, RecursionError, MemoryError, TypeError) as error:
        raise _refused(text, where) from error


def _value(node: ast.expr) -> Any:
    """What an expression stands for, if it has nothing but numbers, lists and the five functions."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        operand = _number(node.operand)
        return -operand if isinstance(node.op, ast.USub) else operand
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_number(node.left), _number(node.right))
    if isinstance(node, ast.List | ast.Tuple):
        return [_number(each) for each in node.elts]
    if isinstance(node, ast.Call):
        return _call(node)
    raise ValueError


def _number(node: ast.expr) -> float:
    found = _value(node)
    if isinstance(found, bool) or not isinstance(found, int | float) or not abs(found) < 1e300:
        raise ValueError
    return found


def _call(node: ast.Call) -> list[float]:
    function = node.func
    if not (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Name)
        and function.value.id in _PREFIXES
        and function.attr in _FUNCTIONS
    ):
        raise ValueError
    name = function.attr
    names, least = _FUNCTIONS[name]
    if len(node.args) > len(names) or any(keyword.arg not in names for keyword in node.keywords):
        raise ValueError
    given = dict(zip(names, map(_value, node.args), strict=False))
    for keyword in node.keywords:
        if str(keyword.arg) in given:
            raise ValueError
        given[str(keyword.arg)] = _value(keyword.value)
    if len(given) < least:
        raise ValueError
    if name == "array":
        return list(given["object"])
    return _made(name, given)


def _made(name: str, given: dict[str, Any]) -> list[float]:
    """What NumPy makes, of a size that is looked at before."""
    if any(isinstance(each, list) for each in given.values()):
        raise ValueError
    if name == "arange":
        if "stop" not in given:
            given = {**given, "start": 0, "stop": given["start"]}
        size = (given["stop"] - given["start"]) / given.get("step", 1)
    else:
        size = given.setdefault("num", 50)
    if not 0 <= size <= MOST:
        raise ValueError
    if "num" in given:
        given["num"] = int(given["num"])
    with np.errstate(all="raise"):
        made: list[float] = getattr(np, name)(**given).tolist()
    return made


def _refused(value: Any, where: str) -> ExchangeError:
    return ExchangeError(
        f"{where}: {shown(value)} is no list of numbers; write a list, a text such as '1 2 3', or one of"
        f" np.{', np.'.join(_FUNCTIONS)} with numbers"
    )
