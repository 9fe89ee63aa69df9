"""What is looked for where a function crosses a level, and what is found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

AHEAD = 7  # values whose fits share a round

Function = Callable[[float], float]


class Prepare(Protocol):
    """Computes values together, ahead of calls."""

    def __call__(self, values: Sequence[float], *, check: bool = True) -> None:
        """Compute; unchecked for a search."""


class PrepareEach(Protocol):
    """Computes what each of several searches asks for together, ahead of calls."""

    def __call__(self, values: Sequence[Sequence[float]], *, check: bool = True) -> None:
        """Compute values of each search, in their order; unchecked for a search."""


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for: where a function leaves the region in which it lies below a level.

    Attributes
    ----------
    function
        It remembers what ``prepare`` has computed. It may be infinite.
    origin
        A value inside of the region, from which distances are measured.
    values
        Where to look, from the origin outwards.
    ahead
        How many of them to compute in the first round.
    start
        Another value inside of the region, further out than the origin, if one is known.
    slope
        The function's derivative where the function is known, if there is one: then fewer values do.
    """

    function: Function
    origin: float
    values: Sequence[float]
    ahead: int = AHEAD
    start: float | None = None
    slope: Function | None = None

    @property
    def inside(self) -> float:
        """The outermost value that is known to lie inside."""
        return self.origin if self.start is None else self.start


@dataclass(frozen=True, slots=True)
class End:
    """Where a region ends.

    Attributes
    ----------
    value
        The crossing, or the last value inside; None where the region goes on to the bound.
    edge
        Whether the function is infinite from there on, and below the level up to there.
    regions
        How many stretches below the level there are between the start and the end.
    looked_to
        The last value that was looked at, where the region goes on to it.
    """

    value: float | None
    edge: bool = False
    regions: int = 1
    looked_to: float | None = None

    def last(self, bound: float) -> float:
        """The last value that is known to lie inside: the end, or what was looked to, or the bound."""
        return next((value for value in (self.value, self.looked_to) if value is not None), bound)
