"""One fit from one start: Newton's steps in the compiled likelihood, SciPy where these do not end."""

from __future__ import annotations

import warnings

import numpy as np

from nuhist.errors import FitError
from nuhist.inference.density import Density, Minimum
from nuhist.inference.edges import fit_with_edges
from nuhist.inference.hessian import full_jacobian, slope_and_curvature
from nuhist.inference.minimisers import minimise
from nuhist.inference.possible import restored
from nuhist.inference.steps import typical_steps
from nuhist.inference.structure import Mask
from nuhist.tables import Array

_AGREEMENT = 1e-8  # between the compiled likelihood and pyhf's, of 2NLL
_MARGIN = 1e-8  # counts: SciPy steps over its constraints by less


class Descent(Density):
    """The likelihood of one measurement, with fits from given starts."""

    def _from(self, point: Array, free: Mask, data: Array) -> Minimum:
        """Minimum from one start."""
        ((found, reached),) = self._newton(point[None], free, data, exploring=False)
        if found is not None:
            return found
        if self.compiled is None and self.arrays is not None:
            bounds = self.lower, self.upper
            own = np.flatnonzero(free)
            (reached,) = restored(self.arrays, data[None], reached[None], *bounds, own, self.scale[own])
        if self.arrays is not None and not np.isfinite(self.heights(reached[None], data)[0]):
            raise self._impossible()
        ended = self._slsqp(reached, free, data)
        if self.compiled is None:
            return ended
        # In a long valley both may have stopped early.
        ((again, further),) = self._newton(ended.parameters[None], free, data)
        last = again or Minimum(further, self.twice_nll(further, data))
        return min(ended, last, key=lambda minimum: minimum.twice_nll)

    def _nothing_free(self, point: Array, data: Array) -> Minimum:
        minimum = Minimum(point, self.twice_nll(point, data))
        if not np.isfinite(minimum.twice_nll):
            raise self._impossible()
        return minimum

    def _impossible(self) -> FitError:
        return FitError(
            f"{self.origin}: the fit finds no values of its parameters at which the data are possible;"
            " look at the counts with nuhist inspect"
        )

    def _newton(
        self,
        starts: Array,
        free: Mask,
        data: Array,
        *,
        check: bool = True,
        lowest: int | None = None,
        sure: int | None = None,
        exploring: bool = True,
    ) -> list[tuple[Minimum | None, Array]]:
        """Fit the compiled likelihood: minima, None where one is not found or not pyhf's, and the ends.

        Data are those of all fits, or of each. The first ``sure`` fits, or all, are compared with pyhf and
        led along edges; of the others, which are a search, the ``lowest``.
        """
        if self.compiled is None:
            return [(None, start) for start in starts]
        each, bounds = np.broadcast_to(data, (len(starts), data.shape[-1])), (self.lower, self.upper)
        known = (len(starts) if lowest is None else 0) if sure is None else sure
        batch = fit_with_edges(
            self.compiled, each, starts, *bounds, ~free, self.scale, lowest, sure=known, exploring=exploring
        )
        own = np.atleast_2d(data)
        constant, rounding = self.compiled.constant(own), 100 * self.compiled.rounding(own)
        found: list[tuple[Minimum | None, Array]] = []
        for row, (start, point, height, converged) in enumerate(
            zip(starts, batch.parameters, batch.twice_nll + constant, batch.converged, strict=True)
        ):
            if not converged:
                found.append((None, point if np.isfinite(height) else start))
                continue
            compared = check and (sure is None or row < sure)
            minimum = Minimum(point, self.twice_nll(point, each[row]) if compared else float(height))
            unknown = float(rounding[min(row, len(own) - 1)])
            agrees = abs(minimum.twice_nll - height) <= _AGREEMENT * max(1.0, abs(height)) + unknown
            if not agrees:
                warnings.warn(
                    f"{self.origin}: the compiled likelihood differs from pyhf's by"
                    f" {height - minimum.twice_nll:.2g}; the fit is left to pyhf",
                    RuntimeWarning,
                    stacklevel=4,
                )
            found.append((minimum if agrees else None, point))
        return found

    def _slsqp(self, point: Array, free: Mask, data: Array) -> Minimum:
        """Fit pyhf's likelihood with SciPy's SLSQP, or with Minuit where that fails."""
        low, high = self.lower[free], self.upper[free]
        point, scale = point.copy(), self.scale[free]
        point[free] = np.clip(point[free], low, high)
        if self.arrays is not None:  # a factor's step is small where another of its sample is large
            here = typical_steps(self.arrays, point, data)[free]
            scale = np.where(here == 1.0, scale, np.minimum(scale, here))  # 1 stands for no effect
        start, at = Minimum(point.copy(), self.twice_nll(point, data)), point.copy()
        empty = data[: self.model.config.nmaindata] == 0
        if self.arrays is not None:
            empty &= self.arrays.filled  # a bin without any template expects 0 whatever happens
        # Where a bin expects little, a margin of its own keeps a strength from ending in front of its bound.
        margin = _MARGIN * np.minimum(1.0, np.abs(self.expected(point)[empty]))

        def moved(scaled: Array) -> Array:
            at[free] = np.clip(scaled * scale, low, high)
            return at

        def gradient(scaled: Array) -> Array:
            if self.compiled is None:
                raise FitError(f"{self.origin}: no gradient without the compiled likelihood")
            slope = slope_and_curvature(self.compiled, moved(scaled)[None], data[None], whole=False)[0][0]
            return np.asarray(slope[free] * scale)

        def changes(scaled: Array) -> Array:
            arrays = self.arrays
            if arrays is None:
                raise FitError(f"{self.origin}: no derivatives of counts without the compiled likelihood")
            slopes = full_jacobian(arrays, moved(scaled)[None])[1][0]
            return np.asarray((slopes[free][:, empty] * scale[:, None]).T)

        found = minimise(
            lambda scaled: self.density(moved(scaled), data),
            point[free] / scale,
            low / scale,
            high / scale,
            gradient=None if self.compiled is None else gradient,
            counts=(lambda scaled: self.expected(moved(scaled))[empty] - margin) if empty.any() else None,
            changes=None if self.arrays is None else changes,
        )
        if found is None and not np.isfinite(start.twice_nll):
            raise FitError(
                f"{self.origin}: the fit does not converge; look at the counts with nuhist inspect"
            )
        if found is None:
            return start
        point[free] = np.clip(found[0] * scale, low, high)
        return min(Minimum(point, self.twice_nll(point, data)), start, key=lambda minimum: minimum.twice_nll)
