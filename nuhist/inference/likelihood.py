"""pyhf's likelihood of a workspace, with fits that do not fall into pyhf's traps."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import numpy as np

from nuhist.errors import FitError
from nuhist.inference.density import Density, Minimum, is_artefact
from nuhist.inference.edges import fit_with_edges
from nuhist.inference.hessian import full_jacobian, slope_and_curvature
from nuhist.inference.minimisers import minimise
from nuhist.inference.moved import Moved
from nuhist.inference.possible import restored
from nuhist.inference.saddles import SADDLE
from nuhist.inference.search import (
    dips,
    either_sign,
    possible_start,
    products_of,
    scattered,
    strongly_turning,
    valleys,
)
from nuhist.inference.steps import constraint_widths, typical_steps
from nuhist.inference.structure import Index, Mask
from nuhist.tables import Array

_AGREEMENT = 1e-8  # between the compiled likelihood and pyhf's, of 2NLL
_MARGIN = 1e-8  # counts: SciPy steps over its constraints by less
_FOLLOWED = 3  # fits of a batch that are led along an edge, the lowest
_FEW = 12  # parameters that turn: with more, only what is seen from a fit is followed
_ROUNDS = 4  # of searches for another minimum, each from the lowest yet
_SIGNED = 6  # factors that may take either sign: more are hardly ever free to
_SMALL = 8  # free parameters of a model that is looked at all over
_LOWER = 1e-7  # of 2NLL, by which another minimum has to be lower

__all__ = ["Likelihood", "Minimum", "is_artefact"]


class Likelihood(Density):
    """The likelihood of one measurement of a workspace, with its minima."""

    @cached_property
    def start(self) -> Array:
        """Where fits start: the workspace's own values, unless these are far from any possible data."""
        return self._possible(self.initial, ~np.array(self.constant), self.data)

    def _possible(self, point: Array, free: Mask, data: Array) -> Array:
        """A point, or where data are possible and not absurd near it."""
        if self.arrays is None:
            return point
        return possible_start(self.arrays, point, data, free, self.lower, self.upper, self.scale)

    @cached_property
    def _first(self) -> Minimum:
        """Fit to the workspace's own data from the start."""
        return self._from(self.start, ~np.array(self.constant), self.data)

    @cached_property
    def turning(self) -> tuple[int, ...]:
        """Parameters along which counts turn so much that there may be two minima.

        The parameter of interest is not among them; :meth:`best` looks along it anyhow.
        """
        if self.arrays is None or not self.arrays.turning:
            return ()
        free = ~np.array(self.constant)
        points = [self._first.parameters]
        if self.poi is not None:
            free[self.poi_index] = False
            for sign in (-3.0, 3.0):  # away from the best fit, other samples may matter
                moved = points[0].copy()
                moved[self.poi_index] += sign * self.scale[self.poi_index]
                points.append(np.clip(moved, self.lower, self.upper))
        widths = constraint_widths(self.arrays, self.scale)
        found = strongly_turning(self.arrays, np.array(points), widths, self.data)
        return tuple(index for index in found if free[index])

    def minimise(
        self,
        fixed: Mapping[str, float] | None = None,
        start: Array | None = None,
        data: Array | None = None,
    ) -> Minimum:
        """Minimise 2NLL from a start, and from other valleys that can be seen from there.

        Parameters
        ----------
        fixed
            Parameters to hold, by name.
        start
            Start values in pyhf's order; the workspace's own by default.
        data
            Other data than the workspace's.

        Raises
        ------
        FitError
            If no minimiser converges.
        """
        point = np.array(self.start if start is None else start, dtype=np.float64)
        free = ~np.array(self.constant)
        for name, value in (fixed or {}).items():
            point[self.names.index(name)] = value
            free[self.names.index(name)] = False
        observed = self.data if data is None else data
        if not free.any():
            return self._nothing_free(point, observed)
        found = self._from(self._possible(point, free, observed), free, observed)
        further = self._turned(point, free) if start is None else point[None][:0]
        return self._lowest(found, free, observed, further)

    def minimise_at(
        self, values: Array, starts: Array, data: Array | None = None, *, check: bool = True
    ) -> list[Minimum | None]:
        """Minimise 2NLL with the parameter of interest held at each of several values, in one batch.

        ``values`` has the shape (values,), ``starts`` (values, parameters); see :meth:`minimise_held`.
        """
        points = starts.copy()
        points[:, self.poi_index] = values
        return self.minimise_held(points, (self.poi_index,), data, check=check)

    def minimise_held(
        self, points: Array, held: Sequence[int], data: Array | None = None, *, check: bool = True
    ) -> list[Minimum | None]:
        """Minimise 2NLL from several points at which some parameters are held, in one batch.

        Parameters
        ----------
        points
            Shape (points, parameters).
        held
            Positions of the parameters that stay as they are.
        data
            Other data than the workspace's.
        check
            Whether each is compared with pyhf, see :meth:`minimise`; a search needs that at its end only.

        Returns
        -------
        None where a fit is left to :meth:`minimise`.
        """
        free = ~np.array(self.constant)
        free[list(held)] = False
        if self.compiled is None or not free.any() or not len(points):
            return [None] * len(points)
        observed = self.data if data is None else data
        fits = [minimum for minimum, _ in self._newton(points, free, observed, check=check)]
        found = {index: minimum for index, minimum in enumerate(fits) if minimum is not None}
        rows = list(found)
        for _ in range(_ROUNDS):
            ends = np.array([found[row].parameters for row in rows]).reshape(len(rows), points.shape[1])
            which, others = self._other_valleys(ends, free, observed)
            further = self._newton(others, free, observed, check=check) if len(others) else []
            lower = set()
            for number, (minimum, _) in zip(which, further, strict=True):
                row = rows[number]
                if minimum is not None and minimum.twice_nll < found[row].twice_nll - _LOWER:
                    found[row] = minimum
                    lower.add(row)
            rows = sorted(lower)
            if not rows:
                break
        for row, minimum in self._elsewhere(found, free, observed, check=check).items():
            if minimum.twice_nll < found[row].twice_nll - _LOWER:
                found[row] = minimum
        return [found.get(index) for index in range(len(fits))]

    def _elsewhere(
        self, found: Mapping[int, Minimum], free: Mask, data: Array, *, check: bool
    ) -> dict[int, Minimum]:
        """The lowest of fits that start all over a small model with several factors, for each fit."""
        starts = self.scattered
        if self.compiled is None or not len(starts) or not found:
            return {}
        points = np.tile(starts, (len(found), 1))
        for number, minimum in enumerate(found.values()):
            rows = slice(number * len(starts), (number + 1) * len(starts))
            points[rows][:, ~free] = minimum.parameters[~free]
        seen = self._newton(points, free, data, check=False, lowest=_FOLLOWED * len(found))
        lowest: dict[int, Minimum] = {}
        for number, row in enumerate(found):
            own = [
                end for end, _ in seen[number * len(starts) : (number + 1) * len(starts)] if end is not None
            ]
            if own:
                best = min(own, key=lambda end: end.twice_nll)
                height = self.twice_nll(best.parameters, data) if check else best.twice_nll
                lowest[row] = Minimum(best.parameters, height)
        return lowest

    @cached_property
    def scattered(self) -> Array:
        """Further starts of fits, where a model is small and has factors that may act against each other."""
        free = ~np.array(self.constant)
        none = self.initial[None][:0]
        if self.arrays is None or free.sum() > _SMALL:
            return none
        loose = self.arrays.loose[free[self.arrays.loose]]
        if loose.size < 2:
            return none
        centre = self.initial.copy()
        terms = self.arrays.constraints
        centre[terms.gaussian] = self.data[terms.gaussian_data]
        width = np.where(free, constraint_widths(self.arrays, self.scale), 0.0)
        return scattered(centre, loose, self.lower, self.upper, self.scale, width)

    def best(self, data: Array | None = None) -> Minimum:
        """Global minimum: a first fit, and others from where :mod:`nuhist.inference.search` says."""
        observed = self.data if data is None else data
        free = ~np.array(self.constant)
        if not free.any():
            return self._nothing_free(self.start, observed)
        start = self.start if data is None else self._possible(self.start, free, observed)
        found = self._first if data is None else self._from(start, free, observed)
        return self._lowest(found, free, observed, self._turned(start, free))

    def _turned(self, start: Array, free: Mask) -> Array:
        """A start moved to either side along each of a few parameters whose counts turn, by its width."""
        own = [index for index in self.turning if free[index]]
        if self.arrays is None or not 0 < len(own) <= _FEW:
            return start[None][:0]
        points = np.tile(start, (2 * len(own), 1))
        width, low, high = constraint_widths(self.arrays, self.scale)[own], self.lower[own], self.upper[own]
        sides = np.concatenate([np.clip(sign * width, low, high) for sign in (-1, 1)])
        points[np.arange(2 * len(own)), own + own] = sides
        return points

    def _lowest(self, found: Minimum, free: Mask, data: Array, further: Array) -> Minimum:
        """The lowest minimum that a search from one finds; where it finds one it goes on from there."""
        for number in range(_ROUNDS):
            _, starts = self._other_valleys(found.parameters[None], free, data)
            starts = np.concatenate([starts, *self._along(found, free, data)])
            if number == 0 and len(further):
                # From the fit, too: where others have moved, the other side may be lower.
                starts = np.concatenate([further, self._turned(found.parameters, free), starts])
            starts[:, ~free] = found.parameters[~free]
            starts = starts[np.isfinite(self.heights(starts, data))] if len(starts) else starts
            if not len(starts):
                return found
            if self.compiled is None:
                minima = [self._from(start, free, data) for start in starts]
            else:
                # Only what is lower is worth a comparison with pyhf.
                fits = self._newton(starts, free, data, lowest=_FOLLOWED, check=False)
                ends = [
                    minimum.parameters
                    for minimum, _ in fits
                    if minimum is not None and minimum.twice_nll < found.twice_nll - _LOWER
                ]
                fits = self._newton(np.array(ends), free, data) if ends else []
                minima = [minimum for minimum, _ in fits if minimum is not None]
            lowest = min([found, *minima], key=lambda minimum: minimum.twice_nll)
            if lowest.twice_nll >= found.twice_nll - _LOWER:
                return lowest
            found = lowest
        return found

    def _other_valleys(self, at: Array, free: Mask, data: Array) -> tuple[Index, Array]:
        turning = [index for index in self.turning if free[index]]
        if self.arrays is None or not turning:
            return np.zeros(0, dtype=np.intp), at[:0]
        steps = self.scale, constraint_widths(self.arrays, self.scale)
        bounds = self.lower, self.upper
        model = self.arrays

        def along(_: int, point: Array, parameters: Sequence[int], values: Array) -> Array:
            return Moved.at(model, point).heights(parameters, values, data)

        return valleys(self._heights_of(data), at, turning, *steps, *bounds, along)

    def alone(self, parameters: Array, held: int) -> bool:
        """Whether a fit with a parameter held is a minimum from which no other valley can be seen."""
        free = ~np.array(self.constant)
        free[held] = False
        inside = free & (parameters > self.lower) & (parameters < self.upper)
        matrix, unit = self.hessian(parameters), self.scale[inside]
        if matrix is None:
            return False
        try:
            np.linalg.cholesky(
                matrix[np.ix_(inside, inside)] * np.outer(unit, unit) + SADDLE * np.eye(unit.size)
            )
        except np.linalg.LinAlgError:
            return False
        return not len(self._other_valleys(parameters[None], free, self.data)[1])

    def _along(self, found: Minimum, free: Mask, data: Array) -> list[Array]:
        """Where 2NLL dips along the parameter of interest, and values of either sign where one is signed."""
        points: list[Array] = []
        interest = -1 if self.poi is None else self.poi_index
        for index in sorted({interest, *self._signed} - {-1}):
            if not free[index]:
                continue
            bounds = float(self.lower[index]), float(self.upper[index])
            step = float(self.scale[index])
            matrix = self.hessian(found.parameters, data)
            if matrix is not None and matrix[index, index] > 0:
                step = min(step, float((2 / matrix[index, index]) ** 0.5))
            if index == interest:
                points.append(dips(self._heights_of(data), found.parameters, index, step, *bounds))
            if index in self._signed and self.arrays is not None:
                points.append(either_sign(self.arrays, self.start, index, step, data, bounds))
        return points

    def _heights_of(self, data: Array) -> Callable[[Array], Array]:
        return lambda points: self.heights(points, data)

    @cached_property
    def _signed(self) -> frozenset[int]:
        """Parameters that may take either sign, and of which it cannot be said beforehand which is better.

        A few factors without a constraint, whose product with others may change its sign, and the parameter
        of interest where counts turn along it.
        """
        if self.arrays is None:
            return frozenset()
        loose = self.arrays.loose
        signed = {int(i) for i in products_of(self.arrays, loose) if self.lower[i] < 0 < self.upper[i]}
        turning = set(self.arrays.turning) & {self.names.index(self.poi.name) if self.poi else -1}
        return frozenset((signed if len(signed) <= _SIGNED else set()) | turning)

    def _from(self, point: Array, free: Mask, data: Array) -> Minimum:
        """Minimum from one start."""
        ((found, reached),) = self._newton(point[None], free, data)
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
        self, starts: Array, free: Mask, data: Array, *, check: bool = True, lowest: int | None = None
    ) -> list[tuple[Minimum | None, Array]]:
        """Fit the compiled likelihood: minima, None where one is not found or not pyhf's, and the ends."""
        if self.compiled is None:
            return [(None, start) for start in starts]
        repeated = np.tile(data, (len(starts), 1))
        batch = fit_with_edges(
            self.compiled, repeated, starts, self.lower, self.upper, ~free, self.scale, lowest
        )
        constant = float(self.compiled.constant(data[None])[0])
        rounding = 100 * float(self.compiled.rounding(data[None])[0])
        found: list[tuple[Minimum | None, Array]] = []
        for start, point, height, converged in zip(
            starts, batch.parameters, batch.twice_nll + constant, batch.converged, strict=True
        ):
            if not converged:
                found.append((None, point if np.isfinite(height) else start))
                continue
            minimum = Minimum(point, self.twice_nll(point, data) if check else float(height))
            agrees = abs(minimum.twice_nll - height) <= _AGREEMENT * max(1.0, abs(height)) + rounding
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
            counts=(lambda scaled: self.expected(moved(scaled))[empty] - _MARGIN) if empty.any() else None,
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
