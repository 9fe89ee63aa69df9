"""Bounds of a coupling that hold its limits, and a scale by which its polynomial is right between them.

A hypothesis says how far its coupling goes at least. Where experiments see less of it, the bounds are moved
outwards until the coupling could not be overlooked there, so that every limit lies between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from math import sqrt

import numpy as np

from nuhist.errors import ConfigError
from nuhist.histfactory.found_range import INWARDS, OUTWARDS, found_scale
from nuhist.histfactory.model_set import ModelSet
from nuhist.histfactory.polynomial import relative_error
from nuhist.histfactory.seen import Seen, seen_in
from nuhist.physics.coupling import spaced
from nuhist.physics.hypotheses import Dependence, Hypothesis, ParameterRange

_SEEN = 2.8  # standard deviations at a bound that is far enough; by a fit 3.3, a confidence level of 99.9 %
_PLAIN = 8.0  # at a bound that is found
_BEYOND = np.geomspace(1.0, 30.0, 25)  # times a bound
_ERROR = 1e-6  # of all counts of a bin, by which a polynomial may be off
_FEWEST = 1e-3  # of the counts without the coupling: what is left where it takes nearly all away
_NOTHING = 1e-300
_LARGEST = 1e8  # times a reference, or its inverse
_SIDE = 65  # values of each of two couplings, at which both together are looked at
_PLACES = 401  # between the bounds, at which a polynomial is looked at


def in_bounds(models: ModelSet) -> ModelSet:
    """The same channels, with bounds and scale of each coupling as their counts need them.

    Bounds are moved outwards where all experiments need more than the hypothesis states, and scales are
    enlarged where the polynomial would be off by more than 1e-6. What is enough stays as it is stated.

    Parameters
    ----------
    models
        Channels of one hypothesis, or of several whose cross sections add.
    """
    for place, tested in enumerate(models.models[0].tested):
        if tested.hypothesis.dependence is Dependence.GENERAL:
            continue
        stated = tested.hypothesis.parameter_range(tested.flavor)
        found = _found(models, place, tested.hypothesis, stated)
        _refuse_reference(tested.hypothesis, found, stated)
        if found != stated:
            ranges = {**tested.hypothesis.flavor_ranges, tested.flavor: found}
            models = models.testing(replace(tested.hypothesis, flavor_ranges=ranges), place)
    for pair in combinations(range(len(models.models[0].tested)), 2):
        _refuse_taken_by_two(models, *pair)
    return models


def _refuse_taken_by_two(models: ModelSet, one: int, other: int) -> None:
    """Refuse two signals with a product that take away more together than all that is expected.

    Raises
    ------
    ConfigError
        With the bin.
    """
    for model, channel in zip(models.models, models.channels(), strict=True):
        first, second = model.tested[one], model.tested[other]
        if second.hypothesis.name not in first.hypothesis.products:
            continue
        seen = [seen_in(model, place, channel) for place in (one, other)]
        sides = [
            np.linspace(*each.hypothesis.parameter_range(each.flavor).bounds, _SIDE)
            for each in (first, second)
        ]
        x, y = (side[:, None] for side in (np.repeat(sides[0], _SIDE), np.tile(sides[1], _SIDE)))
        exposure = channel.description["exposure_tonne_year"] / first.experiment.exposure
        crossed = exposure * first.crossed(second)["all"]
        total = seen[0].expected + seen[0].added(x) + seen[1].added(y) + x * y * crossed
        worst = np.unravel_index(int(np.argmin(total)), total.shape)
        if total[worst] < -_ERROR * seen[0].expected[worst[1]]:
            raise ConfigError(
                f"{first.hypothesis.name} and {second.hypothesis.name}: together they take away more events"
                f" than bin {worst[1]} of channel '{channel.name}' expects, {total[worst]:.3g} are left;"
                " expected parts of power 2 that keep the counts above 0 for all couplings"
            )


def _refuse_reference(hypothesis: Hypothesis, found: ParameterRange, stated: ParameterRange) -> None:
    """Refuse a reference so far from what experiments see that numbers do not hold both.

    Raises
    ------
    ConfigError
        With what to state.
    """
    reach, own = (max(map(abs, each.bounds)) for each in (found, stated))
    high = reach ** (1 / hypothesis.power)
    signed = hypothesis.dependence is Dependence.POLYNOMIAL
    if high > _LARGEST or (signed and reach < own / _LARGEST):
        near = high * hypothesis.reference / 10
        raise ConfigError(
            f"hypothesis {hypothesis.name}: its reference is {hypothesis.reference:g}"
            f"{spaced(hypothesis.unit)}, and these experiments see couplings near {near:.0e}; state a"
            " reference near that, and give the terms of it"
        )


def _found(models: ModelSet, place: int, hypothesis: Hypothesis, stated: ParameterRange) -> ParameterRange:
    channels = zip(models.models, models.channels(), strict=True)
    seen = [seen_in(model, place, channel) for model, channel in channels]
    low, high = stated.bounds
    high = _moved(seen, high) if high > 0 else high
    if hypothesis.dependence is not Dependence.POLYNOMIAL:
        return ParameterRange(stated.scale, (low, high))
    low = _moved(seen, low) if low < 0 else low
    # Of bounds too wide by far the polynomial would lose its linear part.
    low, high = (_nearer(seen, bound) if bound else bound for bound in (low, high))
    if not hypothesis.of_neutrinos:
        _refuse_taken(hypothesis, seen)
    least = stated.scale if max(-low, high) >= max(map(abs, stated.bounds)) else 0.0
    return ParameterRange(_scale(seen, (low, high), least), (low, high))


def _refuse_taken(hypothesis: Hypothesis, seen: Sequence[Seen]) -> None:
    """Refuse an interference that takes away more than all that is expected.

    Raises
    ------
    ConfigError
        With the bin.
    """
    for each in seen:
        linear, quadratic = each.parts[1], each.parts[2]
        bad = linear**2 > 4 * quadratic * each.expected * (1 + _ERROR)
        if bad.any():
            raise ConfigError(
                f"hypothesis {hypothesis.name}: its interference takes away more events than bin"
                f" {int(np.argmax(bad))} expects; expected a part of power 2 that is at least the square of"
                " that of power 1 over four times the counts without it"
            )


def _moved(seen: Sequence[Seen], bound: float) -> float:
    """The bound, or one so far out that one of the channels sees the coupling plainly there and beyond."""
    if _holds(seen, bound, _SEEN):
        return bound
    return next((bound * factor for factor in OUTWARDS if _holds(seen, bound * factor, _PLAIN)), bound)


def _nearer(seen: Sequence[Seen], bound: float) -> float:
    """The bound, or the nearest of the tenths, hundredths, ... of it where the coupling is seen plainly."""
    return next((bound * factor for factor in INWARDS if _holds(seen, bound * factor, _PLAIN)), bound)


def _holds(seen: Sequence[Seen], bound: float, deviations: float) -> bool:
    # Beyond, an interference may take away again what a signed coupling adds.
    return all(
        any(each.deviations(place) >= deviations for each in seen) for place in (bound * _BEYOND).tolist()
    )


def _scale(seen: Sequence[Seen], bounds: tuple[float, float], stated: float) -> float:
    """The scale that is stated, or one by which the polynomial is right in all channels."""
    reach = max(map(abs, bounds))
    needed = reach * sqrt(max(_error(each, bounds) for each in seen) / _ERROR)
    if needed <= stated or needed == 0.0:
        return stated or 1.0
    return found_scale(needed)


def _error(seen: Seen, bounds: tuple[float, float]) -> float:
    """By what part of all counts of a bin the polynomial is off, for a scale that is the farther bound."""
    standard, linear, quadratic = seen.expected, seen.parts[1], seen.parts[2]
    reach = max(map(abs, bounds))
    with np.errstate(divide="ignore", invalid="ignore"):
        fewest = np.nan_to_num(-2 * standard / linear)  # where the square is the largest part of the counts
    places = np.linspace(*bounds, _PLACES)[:, None]
    places = np.concatenate([np.broadcast_to(places, (_PLACES, fewest.size)), np.clip(fewest, *bounds)[None]])
    counts = standard + places * (linear + places * quadratic)
    off = quadratic * places**2 * relative_error(places / reach)
    return float((off / np.maximum(counts, _FEWEST * standard + _NOTHING)).max())
