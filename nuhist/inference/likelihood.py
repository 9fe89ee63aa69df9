"""pyhf's likelihood of a workspace, with fits that do not fall into pyhf's traps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np

from nuhist.inference.density import Minimum, is_artefact
from nuhist.inference.newton import SMALL
from nuhist.inference.starts import Starts
from nuhist.inference.structure import Index, Mask
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
        elsewhere: bool | Mask = True,
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
        elsewhere: bool | Mask = True,
    ) -> list[Minimum | None]:
        """Minimise 2NLL from several points at which some parameters are held, in one batch.

        Parameters
        ----------
        points
            Shape (points, parameters).
        held
            Positions of the parameters that stay as they are.
        data
            Other data than the workspace's, of all fits or of each.
        check
            Whether each is compared with pyhf, see :meth:`minimise`; a search needs that at its end only.
        elsewhere
            Whether fits start afresh as well, where there may be several valleys; of all fits or of each.

        Returns
        -------
        None where a fit is left to :meth:`minimise`.
        """
        free = ~np.array(self.constant)
        free[list(held)] = False
        if self.compiled is None or not free.any() or not len(points):
            return [None] * len(points)
        observed = self.data if data is None else data
        each = np.broadcast_to(observed, (len(points), observed.shape[-1]))
        fresh = np.flatnonzero(np.broadcast_to(elsewhere, len(points)))
        further = self._elsewhere(points[fresh], free, each[fresh])
        ends = self._both(points, further, fresh, free, each, check=check)
        fits, seen = ends[: len(points)], iter(ends[len(points) :])
        found = {index: minimum for index, minimum in enumerate(fits) if minimum is not None}
        self._follow(found, free, each, check=check)
        for row in fresh.tolist() if further.size else ():
            others = [minimum for minimum in islice(seen, further.shape[1]) if minimum is not None]
            if row not in found or not others:
                continue
            lowest = lowest_of([found[row], *others])
            if check and lowest.parameters is not found[row].parameters:
                lowest = replace(lowest, twice_nll=self.twice_nll(lowest.parameters, each[row]))
            found[row] = lowest
        return [found.get(index) for index in range(len(fits))]

    def _both(
        self, points: Array, further: Array, fresh: Index, free: Mask, data: Array, *, check: bool
    ) -> list[Minimum | None]:
        """Fits from points, and from others for some of them, in one batch unless that is a large one."""
        starts = further.reshape(-1, points.shape[1])
        lowest, own = _FOLLOWED * len(fresh), np.repeat(data[fresh], further.shape[1], axis=0)
        if not 0 < len(points) + len(starts) <= SMALL:
            fits = self._newton(points, free, data, check=check)
            fits += self._newton(starts, free, own, check=False, lowest=lowest) if len(starts) else []
        else:
            both = np.concatenate([points, starts]), free, np.concatenate([data, own])
            fits = self._newton(*both, check=check, lowest=lowest, sure=len(points))
        return [minimum for minimum, _ in fits]

    def _follow(self, found: dict[int, Minimum], free: Mask, data: Array, *, check: bool) -> None:
        """Go on to lower valleys that are seen from fits, which are updated."""
        rows = list(found)
        for _ in range(_ROUNDS):
            if not rows:
                return
            ends = np.array([found[row].parameters for row in rows])
            which, others = self._other_valleys(ends, free, data[rows])
            fits = self._newton(others, free, data[rows][which], check=check) if len(others) else []
            lower = set()
            for number, (minimum, _) in zip(which, fits, strict=True):
                row = rows[number]
                if minimum is not None and minimum.twice_nll < found[row].twice_nll - _LOWER:
                    found[row] = minimum
                    lower.add(row)
            rows = sorted(lower)

    def _elsewhere(self, points: Array, free: Mask, data: Array) -> Array:
        """Other starts of fits, (fits, starts, parameters), with what is held as it is at points."""
        starts = self.scattered if len(self.scattered) else self.afresh
        found = np.where(free, starts, points[:, None])
        if (
            len(starts) > _AFRESH and len(points) and not len(self.scattered)
        ):  # of large models the most promising ones
            own = np.repeat(data, len(starts), axis=0)
            heights = self.heights(found.reshape(-1, points.shape[1]), own).reshape(found.shape[:2])
            best = np.argpartition(heights, _AFRESH, axis=1)[:, :_AFRESH]
            found = np.take_along_axis(found, best[:, :, None], axis=1)
        return found

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
