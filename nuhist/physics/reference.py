"""A reference for a coupling of which none is stated: what a xenon detector of today would see of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from math import floor, log10, sqrt
from typing import Any

import numpy as np

from nuhist.errors import ConfigError
from nuhist.physics import scattering
from nuhist.physics.couplings import FLAVORS, Flavor, radiative
from nuhist.physics.hypothesis import ELECTRON, Hypothesis, RateOptions, Unstated
from nuhist.physics.rates import flux_moments, rate
from nuhist.physics.sources.registry import get_source
from nuhist.physics.terms import evaluate_terms, own_line, own_rates
from nuhist.tables import Array

_ENERGIES = np.geomspace(1.0, 30.0, 60)  # keV
_EVENTS = 20.0  # in a tonne year: about the root of a background of 15 events per tonne year keV
_DECADES = 60  # within which a reference is looked for
_STEPS = 100


def with_reference(hypothesis: Hypothesis) -> Hypothesis:
    """The hypothesis, with a reference if none is stated.

    It is the coupling of all flavours that adds, or takes away, 20 events from 1 to 30 keV in a tonne year
    of xenon and neutrinos of the Sun, with one digit: near to what experiments see, so that x is about 1.

    Raises
    ------
    ConfigError
        If no coupling adds so many events, so that a reference must be stated.
    """
    if not isinstance(hypothesis.reference, Unstated):
        return hypothesis
    if hypothesis.processes[0] != ELECTRON:
        raise ConfigError(
            f"hypothesis {hypothesis.name}: has no reference, and one is found from electrons alone; expected"
            " reference=VALUE, about what experiments see"
        )
    events = _events(replace(hypothesis, reference=1.0))
    couplings = np.logspace(-_DECADES, _DECADES, 2 * _DECADES + 1)
    with np.errstate(over="ignore"):
        total = np.asarray(sum(np.abs(size) * couplings**power for power, size in events.items()))
    found = np.flatnonzero(total >= _EVENTS)
    if not found.size or not found[0]:
        raise ConfigError(
            f"hypothesis {hypothesis.name}: has no reference, and none is found from its events in xenon and"
            " neutrinos of the Sun; expected reference=VALUE, about what experiments see"
        )
    last = int(found[0])
    fine = np.geomspace(couplings[last - 1], couplings[last], _STEPS)
    total = np.asarray(sum(np.abs(size) * fine**power for power, size in events.items()))
    value = float(fine[np.flatnonzero(total >= _EVENTS)[0]])
    return _for(hypothesis, round(value, -floor(log10(value))))


def reference_of_square(hypothesis: Hypothesis) -> float:
    """A reference for a signed coupling on electrons whose linear part has lost its digits.

    That part is taken as large as the quadratic one allows, 2 √(S Q) beside events S of the Standard Model,
    as it is where all of the amplitude interferes.
    """
    squares = _events(hypothesis)[2]
    standard = _events(replace(hypothesis, terms=_standard_model))[1]
    crossed = 2 * sqrt(standard * squares)
    x = (sqrt(crossed**2 + 4 * squares * _EVENTS) - crossed) / (2 * squares)
    value = x * hypothesis.reference
    return round(value, -floor(log10(value)))


def _standard_model(energy: Array, flavor: Flavor, options: RateOptions) -> Mapping[int, Array]:
    standard = scattering.standard_model(energy, radiative(flavor), options.target)
    return {1: standard, 2: np.zeros_like(standard)}


def _events(hypothesis: Hypothesis) -> dict[int, float]:
    """Events of all flavours in a tonne year for a coupling of 1, by power of the coupling."""
    from scipy.integrate import trapezoid  # heavy

    options = RateOptions()
    if hypothesis.line is not None:
        return {hypothesis.power: own_line(hypothesis, options.target)[1]}
    rates: dict[int, Array] = own_rates(hypothesis, _ENERGIES, options.target)
    if hypothesis.of_neutrinos:
        folded = flux_moments(_ENERGIES, get_source("sun").components)
        for flavor in FLAVORS:
            for power, terms in evaluate_terms(hypothesis, _ENERGIES, flavor, options).items():
                part = rate(terms, flavor, _ENERGIES, folded, options.target)
                rates[power] = rates.get(power, np.zeros_like(part)) + part
    return {power: float(trapezoid(np.abs(values), _ENERGIES)) for power, values in rates.items()}


def _for(hypothesis: Hypothesis, reference: float) -> Hypothesis:
    """The same hypothesis, its functions for another coupling than 1."""
    changed: dict[str, Any] = {"reference": reference}
    for name in ("terms", "alternative", "rates"):
        function = getattr(hypothesis, name)
        if function is not None and not (name == "terms" and not hypothesis.of_neutrinos):
            changed[name] = partial(_raised, function=function, reference=reference)
    changed["other_terms"] = {
        process: partial(_raised, function=function, reference=reference)
        for process, function in hypothesis.other_terms.items()
    }
    if hypothesis.line is not None:
        changed["line"] = partial(_brighter, function=hypothesis.line, factor=reference**hypothesis.power)
    return replace(hypothesis, **changed)


def _raised(*given: Any, function: Callable[..., Any], reference: float) -> Any:
    found: Any = function(*given)
    if not isinstance(found, Mapping):
        return found  # which is refused where it is checked
    return {power: _times(values, reference, power) for power, values in found.items()}


def _times(values: Any, reference: float, power: Any) -> Any:
    sound = isinstance(values, np.ndarray) and isinstance(power, int)
    return values * reference**power if sound else values


def _brighter(
    target: Any, *, function: Callable[..., tuple[float, float]], factor: float
) -> tuple[float, float]:
    energy, events = function(target)
    return energy, events * factor
