"""Grids as a user writes them on the command line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
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
    """Values of a parameter, as ``NAME=LO:HI:N``, ``NAME=LO:HI:N:log`` or ``NAME=A,B,C``.

    Attributes
    ----------
    name
        The parameter.
    ends
        Its values as texts: the first and the last one of ``number``, or all of them in any order.
    number
        How many there are between the ends and with them; None where all are named.
    logarithmic
        Whether they are in one ratio.

    Examples
    --------
    >>> [round(value, 6) for value in Over("mass", ("1", "100"), 3, True).values(float)]
    [1.0, 10.0, 100.0]
    >>> Over("mass", ("5", "1", "2")).values(float)
    [1.0, 2.0, 5.0]
    """

    name: str
    ends: tuple[str, ...]
    number: int | None = None
    logarithmic: bool = False

    def values(self, parsed: Callable[[str], float]) -> list[float]:
        """The values, from what a text with a unit means.

        Raises
        ------
        ConfigError
            If two are one, ends are not in order, or values in one ratio are not positive.
        """
        named = [parsed(text) for text in self.ends]
        if self.number is None:
            named.sort()
        if any(first >= second for first, second in pairwise(named)):
            text = f"range of {self.name}, {(', ' if self.number is None else ' to ').join(self.ends)}"
            wanted = "each value once" if self.number is None else "the second value above the first"
            raise ConfigError(f"{text}: expected {wanted}")
        if self.number is None:
            return named
        low, high = named
        if self.logarithmic and low <= 0:
            raise ConfigError(f"range of {self.name} from {self.ends[0]}: values in one ratio begin above 0")
        between_ends = np.geomspace if self.logarithmic else np.linspace
        inner = [float(f"{value:.12g}") for value in between_ends(low, high, self.number)[1:-1]]
        return [low, *inner, high]


def parse_over(text: str) -> Over:
    """What ``NAME=LO:HI:N[:log]`` or ``NAME=A,B,C`` says.

    Raises
    ------
    ConfigError
        If the text has another form.
    """
    name, _, rest = text.partition("=")
    listed = tuple(part.strip() for part in rest.split(","))
    if name and ":" not in rest and len(listed) > 1 and all(listed):
        return Over(name, listed)
    low, high, number, *more = [*rest.split(":"), "", "", ""][: max(3, rest.count(":") + 1)]
    if not (name and low and high and number.isdigit() and int(number) > 1 and more in ([], ["log"])):
        raise ConfigError(
            f"'{text}': expected NAME=LO:HI:N, NAME=LO:HI:N:log or NAME=A,B,C, such as mass=1:1e5:31:log"
        )
    return Over(name, (low, high), int(number), bool(more))


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
