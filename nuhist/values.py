"""Values that users give, checked in one place: numbers are no texts, and no truth values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import inf, isfinite
from numbers import Real
from typing import TYPE_CHECKING, Any

from nuhist.characters import printable
from nuhist.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Between these, limits are right to 1e-6: Δχ² of less than 1e-6 is rounding, and a level nearer to 1 has
# not enough digits in a double to say how near. See docs/explanation/validity.md.
LEAST_LEVEL, LEAST_MISSED = 1e-3, 1e-12
_LARGEST = 2**64  # whole numbers lie below
_NOISE = 1e-9  # of a size: fits end so near to their bounds
_SHOWN = 40  # letters of a wrong value


def shown(value: object) -> str:
    """A value for a message, on one short line."""
    text = printable(repr(value))
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def as_number(value: Any, what: str, unit: str = "") -> float:
    """A finite number.

    Parameters
    ----------
    value
        What was given.
    what
        It is, for the message.
    unit
        For the message, too.

    Raises
    ------
    ConfigError
        If it is a text, a truth value, None, NaN, infinite, or anything else.

    Examples
    --------
    >>> as_number(2, "start value of mu")
    2.0
    """
    found = _float(value) if _is_number(value) else inf
    if not isfinite(found):
        raise ConfigError(f"{what} = {_as_number(value)}{unit and f' {unit}'}: expected a number")
    return found


def as_positive(value: Any, what: str, unit: str = "") -> float:
    """A finite number above 0, see :func:`as_number`."""
    found = _float(value) if _is_number(value) else as_number(value, what, unit)
    if not 0 < found < inf:
        raise ConfigError(f"{what} {found:g}{unit and f' {unit}'}: must be positive")
    return found


def as_whole(value: Any, what: str, least: int) -> int:
    """A whole number that is not too small; 2000.0 is one as well.

    Raises
    ------
    ConfigError
        If it is none.

    Examples
    --------
    >>> as_whole(1e4, "toys", 1)
    10000
    """
    if _is_number(value) and isfinite(_float(value)) and value == int(value) and value >= least:
        if value >= _LARGEST:
            raise ConfigError(f"{what} {value}: must be below 2^64")
        return int(value)
    raise ConfigError(f"{what} = {_as_number(value)}: expected a whole number of at least {least}")


def as_flag(value: Any, what: str) -> bool:
    """True or False.

    Raises
    ------
    ConfigError
        If it is neither, such as a text, which Python takes for true.
    """
    import numpy as np  # not for a line of help

    if not isinstance(value, bool | np.bool_):
        raise ConfigError(f"{what} = {shown(value)}: expected True or False")
    return bool(value)


def as_text(value: Any, what: str) -> str:
    """A text, such as a name.

    Raises
    ------
    ConfigError
        If it is none.
    """
    if not isinstance(value, str):
        raise ConfigError(f"{what} = {shown(value)}: expected a text")
    return value


def as_pair(value: Any, what: str) -> tuple[float, float]:
    """Two finite numbers.

    Raises
    ------
    ConfigError
        If they are not two, or no such numbers.

    Examples
    --------
    >>> as_pair([0, 2.5], "bounds")
    (0.0, 2.5)
    """
    pair = list(value) if isinstance(value, Iterable) and not isinstance(value, str | Mapping) else []
    if len(pair) != 2:
        raise ConfigError(f"{what} = {shown(value)}: expected two numbers")
    return as_number(pair[0], what), as_number(pair[1], what)


def without_noise(value: float, size: float) -> float:
    """A value, or 0 where it is nothing beside a size: a best fit next to its bound of 0.

    Examples
    --------
    >>> without_noise(5e-11, 3.0), without_noise(0.5, 3.0)
    (0.0, 0.5)
    """
    return 0.0 if abs(value) < _NOISE * abs(size) else value


def as_level(value: Any) -> float:
    """A confidence level, between 0.001 and 1 - 1e-12.

    Raises
    ------
    ConfigError
        If it is none, or one at which limits would be rounding.
    """
    if not _is_number(value):
        raise ConfigError(f"confidence level {shown(value)}: expected a number between 0 and 1, such as 0.90")
    found = _float(value)
    if not 0 < found < 1:
        raise ConfigError(f"confidence level {found:g}: must lie between 0 and 1, such as 0.90")
    if found < LEAST_LEVEL or 1 - found < LEAST_MISSED:
        raise ConfigError(
            f"confidence level {found!r}: limits are right from {LEAST_LEVEL:g} to 1 - {LEAST_MISSED:g}; name"
            " one between these"
        )
    return found


def percent(level: float) -> str:
    """A confidence level in percent, with all of its digits.

    Examples
    --------
    >>> percent(0.9), percent(0.999999999)
    ('90 %', '99.9999999 %')
    """
    return f"{100 * level:.14g} %"


def rough_percent(fraction: float) -> str:
    """An uncertainty in percent with two digits, without a power of ten.

    Examples
    --------
    >>> rough_percent(0.0904), rough_percent(1.0), rough_percent(0.007)
    ('9 %', '100 %', '0.7 %')
    """
    return f"{float(f'{100 * fraction:.2g}'):.10g} %"


def as_numbers(values: Any, what: str) -> NDArray[np.float64]:
    """Finite numbers in one row, shape (values,).

    Raises
    ------
    ConfigError
        If one of them is no number, or they are a text, a table, or no row at all.
    """
    import numpy as np

    problem = f"{what}: expected numbers in one row, such as [0.0, 1.5]"
    if isinstance(values, str | bytes | Mapping) or not hasattr(values, "__len__"):
        raise ConfigError(f"{problem}, not {shown(values)}")
    try:
        found = np.asarray(values)
    except ValueError:  # rows of different lengths
        raise ConfigError(f"{problem}, not {shown(values)}") from None
    if found.ndim != 1:
        raise ConfigError(f"{problem}, not {shown(values)}")
    mixed = isinstance(values, list | tuple) and any(isinstance(value, bool) for value in values)
    if mixed or found.dtype.kind not in "iuf":  # find the first that is none
        return np.array([as_number(value, f"{what}[{index}]") for index, value in enumerate(values)])
    for index in np.flatnonzero(~np.isfinite(found)):
        as_number(found[index].item(), f"{what}[{index}]")
    return found.astype(np.float64)


def as_named(values: Any, what: str) -> dict[str, Any]:
    """What is given by name.

    Raises
    ------
    ConfigError
        If it is no mapping, or a key of it no text.
    """
    if not isinstance(values, Mapping) or not all(isinstance(name, str) for name in values):
        raise ConfigError(f"{what}: expected values by name, such as {{'mu': ...}}, not {shown(values)}")
    return dict(values)


def as_named_numbers(values: Any, what: str) -> dict[str, float]:
    """Numbers by name, see :func:`as_number`."""
    return {name: as_number(value, f"{what}: {name}") for name, value in as_named(values, what).items()}


def as_bounds(values: Any, what: str) -> tuple[float, float]:
    """Two numbers, the first below the second.

    Raises
    ------
    ConfigError
        If they are not.
    """
    low, high = as_pair(values, what)
    if not low < high:
        raise ConfigError(f"{what} {low:g} to {high:g}; expected two numbers, the first below the second")
    return low, high


def _as_number(value: object) -> str:
    """A wrong value, numbers without the names of their types."""
    return printable(str(value))[:_SHOWN] if _is_number(value) else shown(value)


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return inf


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)
