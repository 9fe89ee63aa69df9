"""What limits and scans need of a curve of Δχ²."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from nuhist.physics.coupling import CouplingScale
from nuhist.tables import Array


class Curve(Protocol):
    """Δχ² as a function of the parameter of interest, all other parameters profiled."""

    @property
    def coupling(self) -> CouplingScale:
        """What the parameter stands for."""

    @property
    def best(self) -> float:
        """Parameter of interest at the global minimum."""

    @property
    def bounds(self) -> tuple[float, float]:
        """Where the curve is defined."""

    @property
    def min_chi2(self) -> float:
        """2NLL at the minimum less that of the saturated model."""

    @property
    def origin(self) -> str:
        """Where the model came from, for messages."""

    def __call__(self, value: float) -> float:
        """Δχ² at a value of the parameter."""

    def along(self, values: Array) -> Array:
        """A cheap curve that lies nowhere below: the other parameters stay at the best fit."""

    def prepare(self, values: Sequence[float], *, check: bool = True) -> None:
        """Fit several values together, ahead of calls; unchecked against pyhf for a search."""

    def beyond(self, value: float, *, edge: bool) -> str:
        """A text that says what ends the curve at a value, and what to do about it."""

    def refuse_broken(self, level: float) -> None:
        """Refuse a curve that cannot be trusted where Δχ² is, or may be, below a level."""

    def asimov(self) -> Curve:
        """The curve for the data expected from the fit without the coupling."""

    @property
    def splits(self) -> bool:
        """Whether it may come below a level again far beyond where it has left it."""

    def remarks(self) -> tuple[str, ...]:
        """What a reader of any interval from this curve should know."""

    def interpolation_error(self, value: float) -> float | None:
        """Error of the parameter, where it is the end of an interval, from interpolation."""
