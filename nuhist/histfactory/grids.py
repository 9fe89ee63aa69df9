"""Grids and pairs as a user writes them on the command line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

import numpy as np

from nuhist.errors import ConfigError, OptionError
from nuhist.tables import Array

_PAIR = re.compile("(.+?)=([^=,]+)(?:,|$)")  # a name may have commas, a value has none

_SAME = 1e-12  # relative: the same number computed in two ways
_ZERO = 1e-14  # of the largest value: what subtractions leave of 0
_PRINTED = 1e-5  # relative: the same number printed with six digits, or in 32 bits,
_COPIES = 3  # if they are no more than these: else they are a fine scan
_APART = 1e-3  # both only if their distance is no more than this beside that to other points


def parse_range(text: str) -> list[float]:
    """Values of ``LO:HI:N``: N of them from LO to HI.

    Raises
    ------
    ConfigError
        If the text has another form, is reversed, or has fewer than two points.

    Examples
    --------
    >>> parse_range("0:2:3")
    [0.0, 1.0, 2.0]
    """
    parts = text.split(":")
    try:
        (low, high), number = map(float, parts[:2]), int(parts[2])
    except (ValueError, IndexError):
        raise ConfigError(f"range '{text}': expected LO:HI:N, such as 0:3e-11:31") from None
    if len(parts) != 3 or number < 2 or not -inf < low < high < inf:
        raise ConfigError(f"range '{text}': needs HI above LO and at least two points")
    return [float(value) for value in np.linspace(low, high, number)]


@dataclass(frozen=True)
class Over:
    """Values of a parameter, as ``NAME=LO:HI:N`` or ``NAME=LO:HI:N:log``; LO and HI may have units.

    Examples
    --------
    >>> [round(value, 6) for value in Over("mass", "1", "100", 3, True).values(float)]
    [1.0, 10.0, 100.0]
    """

    name: str
    low: str
    high: str
    number: int
    logarithmic: bool

    def values(self, parsed: Callable[[str], float]) -> list[float]:
        """The values, from what a text with a unit means.

        Raises
        ------
        ConfigError
            If they are not in order, or not positive and in one ratio.
        """
        low, high = parsed(self.low), parsed(self.high)
        if not low < high:
            raise ConfigError(f"range of {self.name}, {self.low} to {self.high}: needs HI above LO")
        if self.logarithmic and low <= 0:
            raise ConfigError(f"range of {self.name} from {self.low}: values in one ratio begin above 0")
        between = np.geomspace if self.logarithmic else np.linspace
        inner = [float(f"{value:.12g}") for value in between(low, high, self.number)[1:-1]]
        return [low, *inner, high]


def parse_over(text: str) -> Over:
    """What ``NAME=LO:HI:N[:log]`` says.

    Raises
    ------
    ConfigError
        If the text has another form.
    """
    name, _, rest = text.partition("=")
    low, high, number, *more = [*rest.split(":"), "", "", ""][: max(3, rest.count(":") + 1)]
    if not (name and low and high and number.isdigit() and int(number) > 1 and more in ([], ["log"])):
        raise ConfigError(f"'{text}': expected NAME=LO:HI:N or NAME=LO:HI:N:log, such as mass=1:1e5:31:log")
    return Over(name, low, high, int(number), bool(more))


def parse_pairs(texts: Iterable[str]) -> dict[str, str]:
    """Pairs of ``NAME=VALUE``; several in one text stand with commas between.

    Raises
    ------
    ConfigError
        If a text has another form.
    OptionError
        If a name comes twice.

    Examples
    --------
    >>> parse_pairs(["a=b,c=d"])
    {'a': 'b', 'c': 'd'}
    >>> parse_pairs(["a, b=1,c=2"])
    {'a, b': '1', 'c': '2'}
    """
    pairs: dict[str, str] = {}
    for text in texts:
        found = _PAIR.findall(text)
        if ",".join(f"{name}={value}" for name, value in found) != text:
            raise ConfigError(f"'{text}': expected NAME=VALUE, or several with commas between them")
        for name, value in found:
            if name in pairs:
                raise OptionError(f"'{name}' is there twice; keep one")
            pairs[name] = value
    return pairs


def parse_numbers(texts: Iterable[str]) -> dict[str, float]:
    """Numbers of ``NAME=NUMBER``; several in one text stand with commas between.

    Raises
    ------
    ConfigError
        If a text has another form, a value is no number, or a name comes twice.

    Examples
    --------
    >>> parse_numbers(["lz_ws2022_beta_norm=-1"])
    {'lz_ws2022_beta_norm': -1.0}
    """
    numbers = {}
    for name, value in parse_pairs(texts).items():
        try:
            numbers[name] = float(value)
        except ValueError:
            raise ConfigError(f"{name}={value}: '{value}' is no number") from None
    return numbers


def parse_held(texts: Iterable[str]) -> dict[str, float | None]:
    """Names that are held, each at the number that ``NAME=VALUE`` says, or at None.

    Raises
    ------
    ConfigError
        If a value is no number.
    OptionError
        If a name comes twice.

    Examples
    --------
    >>> parse_held(["mu,nu=0"])
    {'mu': None, 'nu': 0.0}
    """
    found: dict[str, float | None] = {}
    for part in (part for text in texts for part in text.split(",")):
        named = parse_numbers([part]) if "=" in part else {part: None}
        for name, value in named.items():
            if name in found:
                raise OptionError(f"'{name}' is there twice; keep one")
            found[name] = value
    return found


def parse_values(texts: Iterable[str]) -> dict[str, str | float]:
    """Numbers or words of ``NAME=VALUE``.

    Examples
    --------
    >>> parse_values(["mass_GeV=6", "interaction=SI"])
    {'mass_GeV': 6.0, 'interaction': 'SI'}
    """
    values: dict[str, str | float] = {}
    for name, value in parse_pairs(texts).items():
        try:
            values[name] = float(value)
        except ValueError:
            values[name] = value
    return values


def parse_bounds(texts: Iterable[str]) -> dict[str, tuple[float, float]]:
    """Lower and upper bounds of ``NAME=LO:HI``.

    Raises
    ------
    ConfigError
        If a text has another form, a bound is no number, or a name comes twice.

    Examples
    --------
    >>> parse_bounds(["mu=-5:10"])
    {'mu': (-5.0, 10.0)}
    """
    bounds = {}
    for name, value in parse_pairs(texts).items():
        low, _, high = value.partition(":")
        try:
            bounds[name] = (float(low), float(high))
        except ValueError:
            raise ConfigError(f"{name}={value}: expected NAME=LO:HI, two numbers") from None
    return bounds


def parse_levels(text: str) -> list[float]:
    """Numbers with commas between them.

    Raises
    ------
    ConfigError
        If one is no number.

    Examples
    --------
    >>> parse_levels("0.68,0.9")
    [0.68, 0.9]
    """
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError(f"levels {text}: expected numbers such as 0.68,0.90") from None


def parse_correlations(texts: Iterable[str]) -> dict[str, float | str | list[str]]:
    """Names, each with its correlation (1, or what ``NAME=RHO`` says) or with its other names.

    Raises
    ------
    ConfigError
        If a text has another form.
    OptionError
        If a name comes twice.

    Examples
    --------
    >>> parse_correlations(["pp_flux,be7_flux", "atomic_response=0.5", "b8_flux=b8=cevns"])
    {'pp_flux': 1.0, 'be7_flux': 1.0, 'atomic_response': 0.5, 'b8_flux': ['b8', 'cevns']}
    """
    found: dict[str, float | str | list[str]] = {}
    for part in (part for text in texts for part in text.split(",")):
        (name, value), *_ = parse_pairs([part if "=" in part else f"{part}=1"]).items()
        said: float | list[str]
        try:
            said = float(value)
        except ValueError:
            name, *said = part.split("=")
            if not all((name, *said)):
                raise ConfigError(f"'{part}': expected NAME=RHO or NAME=OTHER_NAME") from None
        if name in found:
            raise OptionError(f"'{name}' is there twice; keep one")
        found[name] = said
    return found


def equal_runs(values: Sequence[float]) -> list[range]:
    """Which values are one point: equal but for rounding.

    Values are the same number where they differ by no more than two ways to compute it. Values that
    agree in their first digits only, as one number does that was printed or held in 32 bits, and what
    subtractions leave of 0, are one point where their distance is next to nothing beside that to the
    other points.

    Parameters
    ----------
    values
        Increasing.

    Returns
    -------
    Positions of the values of each point.

    Examples
    --------
    >>> equal_runs([-1.0, 0.0, 6e-17, 0.333333, 1 / 3, 1.0])
    [range(0, 1), range(1, 3), range(3, 5), range(5, 6)]
    """
    found = np.asarray(values, dtype=np.float64)
    zero = _ZERO * float(np.abs(found).max(initial=0.0))
    numbers = _joined(found, _SAME)
    numbers = _merged(found, numbers, _joined(found[[run.start for run in numbers]], 0.0, zero), len(numbers))
    printed = _joined(found[[run.start for run in numbers]], _PRINTED)
    return _merged(found, numbers, printed, _COPIES)


def _merged(values: Array, points: Sequence[range], runs: Iterable[range], most: int) -> list[range]:
    """Points of each run put together, where they are not too many and all others are far away."""
    first = values[[point.start for point in points]]
    gaps = np.diff(first)
    merged: list[range] = []
    for run in runs:
        outer = [gaps[gap] for gap in (run.start - 1, run.stop - 1) if 0 <= gap < gaps.size]
        width = first[run.stop - 1] - first[run.start]
        parts = points[run.start : run.stop]
        one = len(run) <= most and width <= _APART * min(outer, default=0.0)
        merged += [range(parts[0].start, parts[-1].stop)] if one else parts
    return merged


def _joined(values: Array, relative: float, absolute: float = 0.0) -> list[range]:
    """Runs of increasing values in which each is no further from the next than a tolerance."""
    magnitude = np.maximum(np.abs(values[1:]), np.abs(values[:-1]))
    apart = np.flatnonzero(np.diff(values) > np.maximum(relative * magnitude, absolute)) + 1
    return [range(start, stop) for start, stop in pairwise([0, *apart.tolist(), values.size])]


def distinct(values: Iterable[float]) -> list[float]:
    """Values in order, each once: of those that are equal up to rounding, the shortest to write.

    Examples
    --------
    >>> distinct([0.3, 0.7, 0.1 + 0.2, 1e-17])
    [0.0, 0.3, 0.7]
    """
    found = sorted(float(value) for value in values)
    kept = [
        min((found[index] for index in run), key=lambda value: (len(repr(value)), abs(value)))
        for run in equal_runs(found)
    ]
    with_zero = sorted([*kept, 0.0])
    left = [run for run in equal_runs(with_zero) if len(run) == 2 and with_zero.index(0.0) in run]
    rounded = {with_zero[index] for run in left for index in run}
    return [0.0 if value in rounded else value for value in kept]
