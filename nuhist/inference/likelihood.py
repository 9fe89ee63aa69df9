"""pyhf's likelihood of a workspace, with fits that do not fall into pyhf's traps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from nuhist.inference.density import Minimum, is_artefact
from nuhist.inference.starts import Starts
from nuhist.inference.structure import Mask
from nuhist.tables import Array

_AFRESH = 4  # starts of each held fit of a large model
_FOLLOWED = 3  # fits of a batch that are led along an edge, the lowest
_ROUNDS = 4  # of searches for another minimum, each from the lowest yet
_LOWER = 1e-7  # of 2NLL, by which another minimum has to be lower
_APART = 1e-4  # of 2NLL: minima that differ by less count as one
_KEPT = 3  # higher minima that are kept beside the lowest


__all__ = ["Likelihood", "Minimum", "is_artefact", "lowest_of"]


def lowest_of(minima: Sequence[Minimum]) -> Minimum:
    """The lowest of minima, with a few of the others; the first, unless another is clearly lower."""
    first, ordered = minima[0], sorted(minima, key=lambda minimum: minimum.twice_nll)
    lowest = ordered[0] if ordered[0].twice_nll < first.twice_nll - _LOWER else first
    others, level = list[Array](), lowest.twice_nll
    for minimum in ordered:
        if minimum.twice_nll > level + _APART and len(others) < _KEPT:
            others.append(minimum.parameters)
            level = minimum.twice_nll
    return replace(lowest, others=tuple(others))


class Likelihood(Starts):
    """The likelihood of one measurement of a workspace, with its minima."""

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
        # A start may be a fit that is near, in a valley that has become the higher one.
        further = self._around(point, free) if start is None else self.afresh
        return self._lowest(found, free, observed, further)

    def minimise_at(
        self,
        values: Array,
        starts: Array,
        data: Array | None = None,
        *,
        check: bool = True,
        elsewhere: bool = True,
    ) -> list[Minimum | None]:
        """Minimise 2NLL with the parameter of interest held at each of several values, in one batch.

        ``values`` has the shape (values,), ``starts`` (values, parameters); see :meth:`minimise_held`.
        """
        points = starts.copy()
        points[:, self.poi_index] = values
        return self.minimise_held(points, (self.poi_index,), data, check=check, elsewhere=elsewhere)

    def minimise_held(
        self,
        points: Array,
        held: Sequence[int],
        data: Array | None = None,
        *,
        check: bool = True,
        elsewhere: bool = True,
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
        elsewhere
            Whether fits start afresh as well, where there may be several valleys.

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
        for row, seen in (self._elsewhere(found, free, observed) if elsewhere else {}).items():
            lowest = lowest_of([found[row], *seen])
            if check and lowest.parameters is not found[row].parameters:
                lowest = replace(lowest, twice_nll=self.twice_nll(lowest.parameters, observed))
            found[row] = lowest
        return [found.get(index) for index in range(len(fits))]

    def _elsewhere(self, found: Mapping[int, Minimum], free: Mask, data: Array) -> dict[int, list[Minimum]]:
        """Fits that start elsewhere, for each fit, which may lie in the higher valley."""
        starts = self.scattered if len(self.scattered) else self.afresh
        if self.compiled is None or not len(starts) or not found:
            return {}
        points = np.tile(starts, (len(found), 1, 1))
        for own, minimum in zip(points, found.values(), strict=True):
            own[:, ~free] = minimum.parameters[~free]
        if len(starts) > _AFRESH and not len(self.scattered):  # of large models the most promising ones
            heights = self.heights(points.reshape(-1, starts.shape[1]), data).reshape(len(found), -1)
            best = np.argpartition(heights, _AFRESH, axis=1)[:, :_AFRESH]
            points = np.take_along_axis(points, best[:, :, None], axis=1)
        each = points.shape[1]
        seen = self._newton(
            points.reshape(-1, starts.shape[1]), free, data, check=False, lowest=_FOLLOWED * len(found)
        )
        return {
            row: [end for end, _ in seen[number * each : (number + 1) * each] if end is not None]
            for number, row in enumerate(found)
        }

    def best(self, data: Array | None = None) -> Minimum:
        """Global minimum: a first fit, and others from where :mod:`nuhist.inference.search` says."""
        observed = self.data if data is None else data
        free = ~np.array(self.constant)
        if not free.any():
            return self._nothing_free(self.start, observed)
        start = self.start if data is None else self._possible(self.start, free, observed)
        found = self._first if data is None else self._from(start, free, observed)
        return self._lowest(found, free, observed, self._around(start, free))

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
