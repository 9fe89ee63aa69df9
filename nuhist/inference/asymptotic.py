"""CLs with the test statistics q̃ and q at values of a parameter, by asymptotic formulas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from nuhist.inference.likelihood import Minimum
from nuhist.inference.profile import Profile
from nuhist.inference.together import prepare_together
from nuhist.tables import Array

TestStatistic = Literal["qtilde", "q"]
_LEAST = 1e-300  # CLs: less counts as this
_PART = 1e-4  # of test statistics, for the derivative of CLs


@dataclass(eq=False)
class AsymptoticCls:
    """CLs at values of the parameter of interest, remembered.

    Attributes
    ----------
    profile
        Profile of the data.
    test_statistic
        ``"qtilde"``, for a parameter with a boundary at 0, or ``"q"``, for one without. Both are Δχ² above
        the best fit within the bounds and 0 below it; they differ in their distributions, as in pyhf.
    asimov
        The curve for the data expected from the fit without the coupling.

    References
    ----------
    Cowan, Cranmer, Gross, Vitells, arXiv:1007.1727, eqs. (14), (16), (57) to (59), (64) to (66).
    """

    profile: Profile
    test_statistic: TestStatistic = "qtilde"
    asimov: Profile = field(init=False)
    _known: dict[tuple[bool, float], float] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.asimov = self.profile.asimov()

    def statistics(self, value: float) -> tuple[float, float]:
        """Square roots of the test statistic of the data and of the Asimov data."""
        before = None
        while before != self.minima:  # again where a scan has found a lower one
            before = self.minima
            squares = self._squared(self.profile, value), self._squared(self.asimov, value)
        return float(np.sqrt(squares[0])), float(np.sqrt(squares[1]))

    def _squared(self, curve: Profile, value: float) -> float:
        """The test statistic of the data or of the Asimov data."""
        # A best fit above the value does not count against it; and without the coupling the best fit is at
        # 0, below which nothing counts against a value.
        if self.profile.best > value if curve is self.profile else value <= 0:
            return 0.0
        key = curve is self.asimov, value
        if key not in self._known:
            before = self.minima
            found = max(curve.delta(value), 0.0)
            if self.minima != before:  # a scan has found a lower one: what was known is so no more
                self._known.clear()
                return self._squared(curve, value)
            self._known[key] = found
        return self._known[key]

    @property
    def minima(self) -> tuple[Minimum, Minimum]:
        """What both curves are measured from."""
        return self.profile.minimum, self.asimov.minimum

    def prepare(self, values: Sequence[float], *, check: bool = True) -> None:
        """Fit several values together, ahead of calls."""
        self.prepare_each([values], check=check)

    def prepare_each(self, values: Sequence[Sequence[float]], *, check: bool = True) -> None:
        """The same for values at which CLs of the data is asked for, and for others, at which it is not."""
        observed, every = values[0], [value for own in values for value in own]
        above = [value for value in observed if value >= self.profile.best]
        prepare_together([(self.profile, above), (self.asimov, every)], check=check)

    def observed(self, value: float) -> float:
        """CLs of the data."""
        root, asimov = self.statistics(value)
        return float(asymptotic_ratio(np.array([root]), asimov, self.test_statistic)[0])

    def expected(self, value: float, sigma: float) -> float:
        """CLs of a fluctuation of the background by so many standard deviations."""
        return float(_fluctuated(np.sqrt(self._squared(self.asimov, value)), sigma))

    def height(self, value: float, sigma: float | None = None) -> float:
        """−ln CLs of the data or of a fluctuation, nearly a parabola; infinite where there is no model."""
        squares = [self._squared(curve, value) for curve in self._curves(sigma)]
        return float(self._heights(np.array([squares]), sigma)[0]) if np.isfinite(squares).all() else np.inf

    def slope(self, value: float, sigma: float | None = None) -> float:
        """Its derivative by the value, NaN where it is not known."""
        curves = self._curves(sigma)
        squares = np.array([self._squared(curve, value) for curve in curves])
        slopes = np.array([curve.slope(value) if curve.best < value else 0.0 for curve in curves])
        with np.errstate(divide="ignore", invalid="ignore"):
            step = _PART * float(np.min(np.where(slopes == 0, np.inf, np.abs(squares / slopes))))
            if not 0 < step < np.inf:
                return np.nan
            either = self._heights(squares + np.array([[step], [-step]]) * slopes, sigma)
        return float(either[0] - either[1]) / (2 * step)

    def _curves(self, sigma: float | None) -> tuple[Profile, ...]:
        """The curves that CLs of the data, or of a fluctuation, hangs on."""
        return (self.profile, self.asimov) if sigma is None else (self.asimov,)

    def _heights(self, squares: Array, sigma: float | None) -> Array:
        """−ln CLs from test statistics of these curves, shape (values, curves)."""
        roots = np.sqrt(squares)
        if sigma is None:
            ratio = asymptotic_ratio(roots[:, 0], roots[:, 1], self.test_statistic)
        else:
            ratio = _fluctuated(roots[:, 0], sigma)
        return np.asarray(-np.log(np.maximum(ratio, _LEAST)))


def _fluctuated(asimov: Array, sigma: float) -> Array:
    """CLs of a fluctuation from the square root of the Asimov data's test statistic."""
    from scipy.special import ndtr

    # A fluctuation upwards (+σ) allows a larger coupling.
    return np.asarray(ndtr(sigma - asimov) / ndtr(sigma))


def asymptotic_ratio(root: Array, asimov: Array | float, test_statistic: TestStatistic = "qtilde") -> Array:
    """CLs from the square roots of q̃ or q of data sets and of their Asimov data, by asymptotic formulas.

    NaN where one of them is.
    """
    from scipy.special import log_ndtr

    root, asimov = np.broadcast_arrays(root, asimov)
    # Where the data cannot tell, CLs is 1, and where q̃ is infinite, it is 0.
    usual = np.isfinite(asimov) & (asimov > 0)
    scale = np.where(usual, asimov, 1.0)
    near = (root <= scale) | (test_statistic == "q")
    with np.errstate(invalid="ignore", over="ignore"):  # an infinite root
        signal = np.where(near, -root, -(root**2 + scale**2) / (2 * scale))
        background = np.where(near, scale - root, -(root**2 - scale**2) / (2 * scale))
        # Far below the background both tails are 0 in a double, and their ratio is what counts.
        ratio = np.exp(log_ndtr(signal) - log_ndtr(background))
    ratio = np.where(usual, np.where(np.isinf(root), 0.0, ratio), np.where(asimov == 0, 1.0, 0.0))
    return np.where(np.isnan(root) | np.isnan(asimov), np.nan, ratio)
