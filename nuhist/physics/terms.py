"""The cross sections of a hypothesis, evaluated and checked: a slip in a user's function must not pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from nuhist.errors import ConfigError
from nuhist.physics.called import called
from nuhist.physics.coupling import spaced
from nuhist.physics.couplings import Flavor
from nuhist.physics.hypothesis import ELECTRON, Dependence, FlavorChoice, Hypothesis, RateOptions
from nuhist.physics.targets.target import Target
from nuhist.tables import Array

_FUNCTIONS = ("1", "1/E", "1/E²", "ln E")
_SAME = 1e-6  # relative: a cross section at one T, whatever the other T beside it;
_NOTHING = 1e-9  # of the largest value, below which it may be what rounding leaves
_ROUNDING = 1e-9  # of the largest part of a rate


def evaluate_terms(
    hypothesis: Hypothesis,
    recoil_energy: Array,
    flavor: Flavor,
    options: RateOptions,
    *,
    alternative: bool = False,
) -> dict[int, Array]:
    """Cross sections per power of x = coupling / reference, for one flavour.

    Parameters
    ----------
    hypothesis
        Whose function is called.
    recoil_energy
        T in keV, any shape.
    flavor, options
        Arguments of the function; the process in the options must be one that the hypothesis has.
    alternative
        Whether the hypothesis' ``alternative`` is meant instead of its ``terms``.

    Returns
    -------
    Coefficients as in :mod:`nuhist.physics.scattering`, shape ``(4, *T.shape)``, for each power.

    Raises
    ------
    ConfigError
        If the function gives something else: other powers than the hypothesis declares, another
        shape or type, numbers that are not finite, or values at a T that depend on other T.
    """
    if not hypothesis.of_neutrinos:
        return {}
    function, named = hypothesis.terms, "terms"
    if options.process != ELECTRON:
        function, named = hypothesis.other_terms[options.process], f"other_terms of {options.process}"
    elif alternative and hypothesis.alternative:
        function, named = hypothesis.alternative, "alternative"
    where = f"hypothesis {hypothesis.name}: {named} of flavour {flavor}"
    energy = np.asarray(recoil_energy, dtype=np.float64)
    # A copy: what the function does to its argument must not reach anything else.
    given = called(function, where, energy.copy(), flavor, options)
    found = _checked(given, hypothesis, energy, where)
    few = _few(energy)
    given = called(function, where, few.copy(), flavor, options)
    again = _checked(given, hypothesis, few, where)
    for power, coefficients in found.items():
        _refuse_dependent(coefficients, again[power], energy, few, f"{where}, power {power}")
    return found


def _checked(found: Any, hypothesis: Hypothesis, energy: Array, where: str) -> dict[int, Array]:
    if not isinstance(found, Mapping):
        raise ConfigError(
            f"{where}: gives a {type(found).__name__}; expected a mapping from powers of the coupling to"
            " coefficients, such as {2: array}"
        )
    powers = list(found)
    expected = hypothesis.powers
    wrong = any(
        isinstance(power, bool) or not isinstance(power, int | np.integer) or power < 1 for power in powers
    )
    if wrong or not powers or (expected is not None and set(powers) != set(expected)):
        raise ConfigError(
            f"{where}: has the powers {', '.join(map(str, powers)) or 'none'}; expected"
            f" {_declared(hypothesis)}"
        )
    return {
        int(power): _coefficients(values, energy, f"{where}, power {power}")
        for power, values in found.items()
    }


def _declared(hypothesis: Hypothesis) -> str:
    if hypothesis.powers is None:
        return "integers from 1 on"
    names = " and ".join(map(str, hypothesis.powers))
    power = f" and power {hypothesis.power}" if hypothesis.dependence is Dependence.POWER else ""
    return f"{names}, as its dependence {hypothesis.dependence.name}{power} says"


def _coefficients(values: Any, energy: Array, where: str) -> Array:
    shape = (len(_FUNCTIONS), *energy.shape)
    what = f"an array of 64-bit floats of shape {shape}, the coefficients of {', '.join(_FUNCTIONS)}"
    if not isinstance(values, np.ndarray) or isinstance(values, np.ma.MaskedArray):
        raise ConfigError(f"{where}: is a {type(values).__name__}; expected {what}")
    if values.dtype != np.float64:
        raise ConfigError(f"{where}: is an array of {values.dtype}; expected {what}")
    if values.shape != shape:
        raise ConfigError(f"{where}: has the shape {values.shape}; expected {what}")
    finite = np.isfinite(values)
    if not finite.all():
        row, *place = np.argwhere(~finite)[0]
        raise ConfigError(
            f"{where}: the coefficient of {_FUNCTIONS[row]} is {values[(row, *place)]} at"
            f" T = {energy[tuple(place)]:g} keV; expected finite numbers"
        )
    return values


def _few(energy: Array) -> Array:
    """Four of the energies or so in another order and shape, without the first and the last."""
    flat = energy.ravel()
    if not flat.size:
        return energy
    few: Array = flat[np.unique((np.array([0.8, 0.6, 0.4, 0.2]) * flat.size).astype(int))[::-1]]
    return few.reshape(2, 2) if few.size == 4 else few[:, None]


def _refuse_dependent(whole: Array, part: Array, energy: Array, few: Array, where: str) -> None:
    """Refuse coefficients that are others where other energies stand beside theirs."""
    flat = whole.reshape(len(whole), -1)
    position = np.array([int(np.flatnonzero(energy.ravel() == value)[0]) for value in few.ravel()], dtype=int)
    first, second = flat[:, position], part.reshape(len(part), -1)
    largest = np.abs(flat).max(axis=1, keepdims=True, initial=0.0)
    apart = np.abs(first - second) > _SAME * np.abs(first) + _NOTHING * largest
    if apart.any():
        row, column = np.argwhere(apart)[0]
        raise ConfigError(
            f"{where}: the coefficient of {_FUNCTIONS[row]} at T = {few.ravel()[column]:g} keV is"
            f" {first[row, column]:.6g} among {energy.size} energies and {second[row, column]:.6g} among"
            f" {few.size}; expected a value for each T by itself, in T's order, whatever its shape"
        )


def own_rates(hypothesis: Hypothesis, recoil_energy: Array, target: Target) -> dict[int, Array]:
    """Rates of a signal that is no neutrino's, checked: dR/dT for x = 1 by power of x; nothing of others.

    Parameters
    ----------
    hypothesis
        Whose ``rates`` are called.
    recoil_energy
        T in keV, any shape.
    target
        That is hit.

    Returns
    -------
    Events per tonne year keV, each with the shape of T.

    Raises
    ------
    ConfigError
        If the function gives something else, or less than nothing.
    """
    if hypothesis.rates is None:
        return {}
    where = f"hypothesis {hypothesis.name}: rates"
    energy = np.asarray(recoil_energy, dtype=np.float64)
    found: Any = called(hypothesis.rates, where, energy.copy(), target)
    if not isinstance(found, Mapping) or not _has_powers(found, hypothesis):
        raise ConfigError(
            f"{where}: give {found!r:.80}; expected a mapping with the powers {_declared(hypothesis)}"
        )
    for power, values in found.items():
        if not isinstance(values, np.ndarray) or values.shape != energy.shape or values.dtype != np.float64:
            raise ConfigError(
                f"{where}, power {power}: expected an array of 64-bit floats of shape {energy.shape}"
            )
        # An interference may take away; a square, or what is alone, cannot.
        least = 0.0 if power == max(found) or power % 2 == 0 else -np.inf
        _refuse_below(values, least, energy, f"{where}, power {power}")
    return {int(power): values for power, values in found.items()}


def own_product(hypothesis: Hypothesis, other: str, recoil_energy: Array, target: Target) -> Array:
    """Rate that the product of two couplings adds, checked: dR/dT for both at their references.

    Parameters
    ----------
    hypothesis, other
        One that has the product, and the name of the other.
    recoil_energy, target
        As in :func:`own_rates`.

    Raises
    ------
    ConfigError
        If the function gives something else than a finite number for each energy.
    """
    where = f"hypothesis {hypothesis.name}: product with {other}"
    energy = np.asarray(recoil_energy, dtype=np.float64)
    found: Any = called(hypothesis.products[other], where, energy.copy(), target)
    if not isinstance(found, np.ndarray) or found.shape != energy.shape or found.dtype != np.float64:
        raise ConfigError(f"{where}: expected an array of 64-bit floats of shape {energy.shape}")
    _refuse_below(found, -np.inf, energy, where)
    return found


def _refuse_below(values: Array, least: float, energy: Array, where: str) -> None:
    bad = ~(np.isfinite(values) & (values >= least))
    if bad.any():
        place = tuple(np.argwhere(bad)[0])
        wanted = "at least 0" if least == 0 else "a finite number"
        raise ConfigError(f"{where}: {values[place]} at T = {energy[place]:g} keV; expected {wanted}")


def _has_powers(found: Mapping[Any, Any], hypothesis: Hypothesis) -> bool:
    whole = all(isinstance(power, int | np.integer) and power > 0 for power in found)
    return bool(found) and whole and hypothesis.powers in (None, tuple(sorted(found)))


def own_line(hypothesis: Hypothesis, target: Target) -> tuple[float, float]:
    """Energy of a line in keV and its events per tonne year for x = 1, checked.

    Raises
    ------
    ConfigError
        If the function gives something else, or less than nothing.
    """
    where = f"hypothesis {hypothesis.name}: line"
    found: Any = None if hypothesis.line is None else called(hypothesis.line, where, target)
    try:
        energy, events = map(float, found)
    except (TypeError, ValueError):
        energy = events = np.nan
    if not (0 < energy < np.inf and 0 <= events < np.inf):
        raise ConfigError(
            f"{where} gives {found!r:.80}; expected an energy in keV above 0, and"
            " events per tonne year, at least 0"
        )
    return energy, events


def refuse_negative_rates(
    hypothesis: Hypothesis, flavor: FlavorChoice, recoil_energy: Array, rates: Mapping[int, Array]
) -> None:
    """Refuse terms by which a total rate is negative at a coupling within the bounds.

    Parameters
    ----------
    hypothesis, flavor
        Whose bounds.
    recoil_energy
        T in keV.
    rates
        Per power of x, each with the shape of T; power 0 is the Standard Model.

    Raises
    ------
    ConfigError
        With the energy and the coupling.
    """
    if not hypothesis.of_neutrinos:
        return  # rates of its own are checked with what they are added to
    low, high = hypothesis.parameter_range(flavor).bounds
    if hypothesis.dependence is Dependence.POWER:
        # Below zero an even power stands for no coupling: fits end where nothing is expected.
        values: list[Array | float] = [high ** (1 / hypothesis.power)]
    elif hypothesis.dependence is Dependence.POLYNOMIAL:
        with np.errstate(divide="ignore", invalid="ignore"):
            lowest = np.nan_to_num(np.clip(-rates[1] / (2 * rates[2]), low, high))
        values = [low, high, lowest]
    else:
        return
    for x in values:
        parts = [np.asarray(x) ** power * values for power, values in rates.items()]
        refuse_negative(hypothesis, x, recoil_energy, parts)


def refuse_negative(
    hypothesis: Hypothesis, x: Array | float, recoil_energy: Array, parts: Iterable[Array]
) -> None:
    """Refuse parts of a rate that add up to less than nothing.

    Parameters
    ----------
    hypothesis
        For the message.
    x
        Coupling over its reference, one for all energies or one for each.
    recoil_energy
        T in keV.
    parts
        Events per tonne year keV, each with the shape of T.

    Raises
    ------
    ConfigError
        With the energy and the coupling.
    """
    stacked = np.stack(np.broadcast_arrays(*parts))
    total = stacked.sum(axis=0)
    negative = total < -_ROUNDING * np.abs(stacked).max(axis=0)
    if negative.any():
        place = tuple(np.argwhere(negative)[0])
        energy = np.broadcast_to(recoil_energy, total.shape)[place]
        coupling = float(np.broadcast_to(x, total.shape)[place]) * hypothesis.reference
        raise ConfigError(
            f"hypothesis {hypothesis.name}: its rate at T = {energy:g} keV is {total[place]:.3g} events per"
            f" tonne year keV for {hypothesis.coupling} = {coupling:.3g}{spaced(hypothesis.unit)}; expected"
            " no negative rate within its bounds: look at the signs of its terms, and whether rrpa"
            " belongs to them"
        )
