"""The archive's models fitted as a reader would: stock pyhf, none of nuhist's likelihoods."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

_TOLERANCE = 1e-10  # of pyhf's minimiser
SMALL = 0.1  # width of bounds, below which SciPy's steps may end where they begin
_NEAR = 0.02  # of the distance to the best fit: where the slope at an end is taken


@dataclass(frozen=True)
class Refit:
    """−2 ln L at the best fit, and where the profile crosses its level near the expected ends."""

    twice_nll: float
    ends: tuple[float | None, ...]


class StockModel:
    """A workspace in stock pyhf, which may raise anything where it refuses the workspace."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # jsonschema.RefResolver, in pyhf
            import pyhf

            workspace = pyhf.Workspace(dict(spec))
            self.model = workspace.model()
            self.data = workspace.data(self.model)

    @property
    def bounds(self) -> tuple[float, float]:
        """Bounds of the parameter of interest."""
        low, high = self.model.config.suggested_bounds()[self.model.config.poi_index]
        return float(low), float(high)

    def lowest(self, start: float | None = None) -> float:
        """2NLL at the best fit, from pyhf's start values or from one of the parameter of interest."""
        from pyhf.infer.mle import fit

        initial = list(self.model.config.suggested_init())
        if start is not None:
            initial[self.model.config.poi_index] = float(np.clip(start, *self.bounds))
        return float(
            fit(
                self.data,
                self.model,
                init_pars=initial,
                return_fitted_val=True,
                tolerance=_TOLERANCE,
            )[1]
        )  # fmt: skip

    def profile(self, value: float) -> float:
        """2NLL with the parameter of interest held."""
        from pyhf.infer.mle import fixed_poi_fit

        held = float(np.clip(value, *self.bounds))
        return float(
            fixed_poi_fit(held, self.data, self.model, return_fitted_val=True, tolerance=_TOLERANCE)[1]
        )

    def cls(self, value: float) -> float:
        """CLs at a value of the parameter of interest: q̃, or q where it may be negative."""
        from pyhf.infer import hypotest

        statistic = "q" if self.bounds[0] < 0 else "qtilde"
        with _minimiser("minuit" if np.ptp(self.bounds) < SMALL else "scipy"):
            return float(hypotest(value, self.data, self.model, test_stat=statistic))


@contextmanager
def _minimiser(name: str) -> Iterator[None]:
    """One of pyhf's minimisers for a while, in its backend as it is."""
    import pyhf

    backend, before = pyhf.get_backend()
    pyhf.set_backend(backend, name)
    try:
        yield
    finally:
        pyhf.set_backend(backend, before)


def refit_workspace(
    model: StockModel, best: float | None, ends: Sequence[float | None], level: float | None
) -> Refit:
    """Fit a workspace, and look for the ends of its profile-likelihood interval at Δχ² = ``level``.

    ``best`` and ``ends`` are where they are expected, as values of the parameter of interest.
    """
    candidates = [model.lowest()]
    if best is not None:
        candidates += [model.lowest(best), model.profile(best)]
    lowest = min(candidates)
    if best is None or level is None:
        return Refit(lowest, ())
    curve = model.profile
    return Refit(lowest, tuple(_crossing(curve, lowest + level, best, end) for end in ends))


def refit_points(points: Mapping[float, Any], ends: Sequence[float | None], level: float) -> Refit:
    """Fit every signal point, by its patch's value, with a strength of 1, and look for the ends between them.

    ``ends`` are where they are expected, and ``level`` is Δχ² there.
    """
    from scipy.interpolate import make_interp_spline
    from scipy.optimize import minimize_scalar

    heights = {value: StockModel(spec).profile(1.0) for value, spec in points.items()}
    values = np.array(sorted(heights))
    spline = make_interp_spline(values, [heights[value] for value in values], k=min(3, values.size - 1))

    def curve(value: float) -> float:
        return float(spline(value))

    fine = np.linspace(values[0], values[-1], 1001)
    start = int(np.argmin(spline(fine)))
    around = fine[max(start - 1, 0)], fine[min(start + 1, fine.size - 1)]
    found = minimize_scalar(curve, bounds=around, method="bounded")
    best = min((float(found.x), float(fine[start])), key=curve)
    lowest = curve(best)
    return Refit(lowest, tuple(_crossing(curve, lowest + level, best, end) for end in ends))


def applied(background: Mapping[str, Any], patchset: Mapping[str, Any]) -> dict[float, Any]:
    """The workspace of each signal point by its value, as pyhf verifies and applies it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import pyhf

        workspace = pyhf.Workspace(dict(background))
        points = pyhf.PatchSet(dict(patchset))
        points.verify(workspace)
        return {float(patch.values[0]): patch.apply(workspace) for patch in points}


def _crossing(curve: Callable[[float], float], level: float, best: float, end: float | None) -> float | None:
    """Where a curve crosses a level, by the straight line through the expected end and a near point.

    Exact enough to tell whether the end is right to a thousandth; an end that is wrong by much is found
    to be wrong, not found.
    """
    if end is None:
        return None
    near = end + _NEAR * (best - end)
    at_end, at_near = float(curve(end)), float(curve(near))
    if at_end == at_near:
        return float("nan")
    return end + (level - at_end) * (end - near) / (at_end - at_near)
