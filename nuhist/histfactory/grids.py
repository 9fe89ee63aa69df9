"""Grids as a user writes them on the command line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

import numpy as np

from nuhist.errors import ConfigError


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
