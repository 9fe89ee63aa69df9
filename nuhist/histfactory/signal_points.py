"""Couplings for a grid of signal points that are close enough to interpolate a likelihood between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from nuhist.errors import ConfigError
from nuhist.experiments.counts import neutrino_counts_at
from nuhist.histfactory.model_set import ModelSet
from nuhist.histfactory.seen import Seen, seen_in
from nuhist.physics.hypotheses import Dependence
from nuhist.tables import Array

_PLAIN = 5.0  # standard deviations at the ends of a grid, and beyond them
_LADDER = np.array([digit * 10.0**decade for decade in range(-6, 7) for digit in (1, 2, 5)])  # of x
_BEYOND = 3  # steps of the ladder
_FIRST = 13  # points; also the fewest
_MOST = 400
_ERROR = 0.0001  # of a limit: 0.5 % is promised, also by an estimate from every other point
_LOW = 0.5  # of 2NLL above the least: below there is no end of an interval
_TINY = 1e-300


def signal_couplings(models: ModelSet) -> list[float]:
    """Couplings of a grid, in the hypothesis' unit and in order.

    They reach to where experiments would see the coupling plainly. Between them, a cubic spline through 2NLL
    without nuisance parameters has the ends of its intervals right to 10⁻⁴; these parameters make the
    curve smoother.

    Parameters
    ----------
    models
        Channels of one hypothesis.

    Raises
    ------
    ConfigError
        If no coupling is seen, or no grid is fine enough.
    """
    channels = models.channels_at(0.0)
    seen = [seen_in(model, 0, channel) for model, channel in zip(models.models, channels, strict=True)]
    added = _added(models)
    tested = models.models[0].neutrinos
    positive = (
        tested.hypothesis.dependence is Dependence.POWER
        and tested.hypothesis.parameter_range(tested.flavor).bounds[0] >= 0
    )  # below 0 there would be fewer events than none
    ends = [0.0 if positive and sign < 0 else _end(seen, added, sign) for sign in (-1.0, 1.0)]
    if None in ends:
        raise ConfigError(
            f"{tested.hypothesis.name}: no experiment sees its coupling between 1e-6 and 1e6 times its"
            " reference; give a grid"
        )
    low, high = (float(end or 0.0) for end in ends)
    if positive or tested.hypothesis.reference == 1 or _even(added, high):
        low = 0.0
    places = np.linspace(low, high, _FIRST)
    curve = _curve(seen, added)
    while places.size < _MOST:
        middles = (places[1:] + places[:-1]) / 2
        coarse = _coarse(places, middles, curve)
        if not coarse.any():
            return [float(f"{x * tested.hypothesis.reference:.6g}") for x in places]
        places = np.union1d(places, middles[coarse])
    raise ConfigError(
        f"{tested.hypothesis.name}: {_MOST} signal points are too few to interpolate between; give a grid"
    )


def _added(models: ModelSet) -> Callable[[float], list[Array]]:
    """Counts that the coupling adds at x = coupling / reference, of each channel; kept."""
    kept: dict[float, list[Array]] = {}

    def added(x: float) -> list[Array]:
        if x not in kept:
            kept[x] = [
                (model.neutrinos.options.exposure or model.neutrinos.experiment.exposure)
                / model.neutrinos.experiment.exposure
                * neutrino_counts_at(
                    model.neutrinos.experiment,
                    model.neutrinos.response,
                    model.neutrinos.hypothesis,
                    model.neutrinos.flavor,
                    x * model.neutrinos.hypothesis.reference,
                    model.neutrinos.source,
                    ["all"],
                    model.neutrinos.physics,
                )[1][0]
                for model in models.models
            ]
        return kept[x]

    return added


def _end(seen: Sequence[Seen], added: Callable[[float], list[Array]], sign: float) -> float | None:
    """The first x of a ladder from which on the coupling is seen plainly; None if there is none."""
    plain = 0
    for place, x in enumerate(_LADDER.tolist()):
        try:
            pairs = zip(seen, added(sign * x), strict=True)
        except ConfigError:
            if not place:
                raise
            return sign * float(
                _LADDER[place - 1]
            )  # beyond is no physics, as a source says of its parameters
        plain = plain + 1 if max(each.deviations_of(counts) for each, counts in pairs) >= _PLAIN else 0
        if plain > _BEYOND:
            return sign * float(_LADDER[place - _BEYOND])
    return None


def _even(added: Callable[[float], list[Array]], x: float) -> bool:
    """Whether the sign of a coupling cannot be seen."""
    return all(np.allclose(*both, rtol=1e-9, atol=0) for both in zip(added(x), added(-x), strict=True))


def _curve(seen: Sequence[Seen], added: Callable[[float], list[Array]]) -> Callable[[Array], Array]:
    """2NLL of the counts at several x, but for a constant."""

    def height(x: float) -> float:
        total = 0.0
        for each, counts in zip(seen, added(x), strict=True):
            mean = np.maximum(each.expected + counts, _TINY)
            total += 2 * float(np.sum(mean - (each.expected + each.excess) * np.log(mean)))
        return total

    return lambda places: np.array([height(x) for x in places.tolist()])


def _coarse(places: Array, middles: Array, curve: Callable[[Array], Array]) -> Array:
    """Which intervals between places are too wide: where the spline is off by too much in their middle."""
    from scipy.interpolate import CubicSpline  # heavy

    heights, true = curve(places), curve(middles)
    spline = CubicSpline(places, heights)
    above = np.maximum(true - min(heights.min(), true.min()), _LOW)
    # 2NLL grows at least with the square of the coupling's distance, so that a limit is off by half of it.
    return np.asarray(np.abs(spline(middles) - true) > 2 * _ERROR * above)
