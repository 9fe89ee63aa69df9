"""Checks of the fields of a hypothesis, each alone and with the others."""

from __future__ import annotations

import string
from math import isfinite
from typing import Any

import numpy as np

from nuhist.errors import ConfigError
from nuhist.physics.coupling import spaced
from nuhist.physics.hypothesis_fields import (
    CHANGES,
    FLAVOR_CHOICES,
    FLIPS,
    KEEPS,
    Dependence,
    FlavorChoice,
    Unstated,
    no_terms,
    turns_into,
)

_NEAR = 0.01  # largest bound over scale: the quadratic part is then right to (0.01)²/3 = 3e-5


_Hypothesis = Any  # nuhist.physics.hypothesis.Hypothesis, whose module imports this one


def check_fields(hypothesis: _Hypothesis) -> None:
    """Refuse fields that make no sense.

    Raises
    ------
    ConfigError
        With the name of the hypothesis, what is wrong, and what is expected.
    """
    _check_texts(hypothesis)
    _check_form(hypothesis)
    _check_amplitude(hypothesis)
    _check_nodes(hypothesis)
    for flavor in FLAVOR_CHOICES:
        _check_range(hypothesis, flavor)


def _check_texts(hypothesis: _Hypothesis) -> None:
    for name in ("name", "title", "coupling", "unit", "parameter"):
        text = getattr(hypothesis, name)
        if not isinstance(text, str) or not text:
            raise ConfigError(f"hypothesis {hypothesis.name!r}: {name} is {text!r}; expected a text")
    try:
        parts = list(string.Formatter().parse(hypothesis.parameter))
        fields = {entry for _, entry, _, _ in parts if entry is not None}
    except ValueError:
        fields = {"braces that do not close"}
    if not fields <= {"flavor"}:
        raise ConfigError(
            f"hypothesis {hypothesis.name}: parameter is '{hypothesis.parameter}'; expected no braces but"
            " {flavor}"
        )
    if (
        hypothesis.parameter.replace("{flavor}", "") == hypothesis.coupling
        and hypothesis.dependence is not Dependence.GENERAL
        and not hypothesis.scale == hypothesis.power == hypothesis.reference == 1
    ):
        raise ConfigError(
            f"hypothesis {hypothesis.name}: parameter is '{hypothesis.parameter}', the coupling's name, and"
            f" has other numbers; expected another name, such as '{hypothesis.coupling}{{flavor}}_scaled'"
        )
    for names, kind, expected in (
        (("formula", "cited"), str, "a text"),
        (("rrpa", "absorption", "replaces_standard_model"), bool | np.bool_, "True or False"),
    ):
        for name in names:
            value = getattr(hypothesis, name)
            if not isinstance(value, kind):
                raise ConfigError(
                    f"hypothesis {hypothesis.name}: {name} is {value!r:.80}; expected {expected}"
                )
    for name in ("terms", "alternative", "rates", "line", "shift", "propagation"):
        function = getattr(hypothesis, name)
        if not callable(function) and not (name != "terms" and function is None):
            raise ConfigError(f"hypothesis {hypothesis.name}: {name} is {function!r}; expected a function")


def _check_form(hypothesis: _Hypothesis) -> None:
    where = f"hypothesis {hypothesis.name}"
    form: Any = hypothesis.dependence
    power: Any = hypothesis.power
    if not isinstance(form, Dependence):
        names = ", ".join(f"Dependence.{entry.name}" for entry in Dependence)
        raise ConfigError(f"{where}: dependence is {form!r}; expected one of {names}")
    if not isinstance(hypothesis.reference, Unstated):
        _positive(hypothesis.reference, f"{where}: reference", hypothesis.unit)
    if isinstance(power, bool) or not isinstance(power, int | np.integer):
        raise ConfigError(f"{where}: power is {power!r}; expected an integer")
    if form is not Dependence.POWER and power != 1:
        raise ConfigError(f"{where}: power is {power}; expected 1, as its dependence is {form.name}")
    if not hypothesis.of_neutrinos:
        _check_own_rates(hypothesis, where)
    elif hypothesis.products:
        raise ConfigError(f"{where}: it has products, but no rates; expected shift, which neutrinos have")
    elif hypothesis.terms is no_terms and not hypothesis.other_terms:
        raise ConfigError(f"{where}: has no terms, no rates and no line; expected one of them")
    if power != 1 and (power < 2 or power % 2):
        raise ConfigError(
            f"{where}: power is {power}; expected 1 for a signed coupling, or an even number for one whose"
            " sign cannot be seen"
        )
    if hypothesis.alternative is not None and form is not Dependence.GENERAL:
        raise ConfigError(
            f"{where}: it has an alternative and the dependence {form.name}; expected GENERAL, as the larger"
            " of two is no polynomial"
        )
    _check_outgoing_mass(hypothesis, where)
    if hypothesis.propagation is not None and (
        form is not Dependence.GENERAL or hypothesis.alternative is not None
    ):
        raise ConfigError(
            f"{where}: it has a propagation; expected the dependence GENERAL without an alternative, as"
            " flavours are no polynomial in a coupling"
        )
    if hypothesis.alternative is not None and hypothesis.rrpa:
        raise ConfigError(f"{where}: the RRPA ratio of the larger of two is not known; expected rrpa=False")


def _check_amplitude(hypothesis: _Hypothesis) -> None:
    """Refuse a word of one's own: hypotheses interfere where their words are the same."""
    known = [None, KEEPS, FLIPS, CHANGES, turns_into(hypothesis.outgoing_mass)]
    if hypothesis.amplitude not in known:
        raise ConfigError(
            f"hypothesis {hypothesis.name}: amplitude is {hypothesis.amplitude!r}; expected KEEPS, FLIPS or"
            " CHANGES of nuhist.physics.hypothesis, or None where nothing is known"
        )


def _check_nodes(hypothesis: _Hypothesis) -> None:
    try:
        nodes = np.asarray(hypothesis.nodes, dtype=np.float64)
    except (TypeError, ValueError):
        nodes = np.array([np.nan])
    if nodes.ndim != 1 or not np.isfinite(nodes).all() or (nodes < 0).any():
        raise ConfigError(
            f"hypothesis {hypothesis.name}: nodes are {hypothesis.nodes!r:.80}; expected energies in keV,"
            " none below 0"
        )


def _check_outgoing_mass(hypothesis: _Hypothesis, where: str) -> None:
    mass = hypothesis.outgoing_mass
    if mass == 0 and not isinstance(mass, bool):
        return
    _positive(mass, f"{where}: outgoing_mass", "keV")
    if (
        not hypothesis.of_neutrinos
        or hypothesis.replaces_standard_model
        or hypothesis.alternative is not None
    ):
        raise ConfigError(
            f"{where}: outgoing_mass is {mass:g} keV; expected 0 with rates of its own, an alternative or"
            " replaces_standard_model, which know massless neutrinos alone"
        )


def _check_own_rates(hypothesis: _Hypothesis, where: str) -> None:
    """Refuse what makes no sense of a signal that is no neutrino's."""
    if hypothesis.terms is not no_terms:
        raise ConfigError(f"{where}: it has terms and rates, or a line; expected one of them")
    if hypothesis.rates is not None and hypothesis.line is not None:
        raise ConfigError(f"{where}: it has rates and a line; expected one of them")
    if hypothesis.products and hypothesis.dependence is not Dependence.POLYNOMIAL:
        raise ConfigError(
            f"{where}: it has products and the dependence {hypothesis.dependence.name}; expected POLYNOMIAL"
        )
    if hypothesis.line is not None and hypothesis.bounds[0] < 0:
        raise ConfigError(
            f"{where}: it has a line, and bounds from {hypothesis.bounds[0]:g} on; expected none below 0,"
            " where events would be taken away"
        )
    if hypothesis.absorption:
        raise ConfigError(
            f"{where}: it has absorption and rates, or a line, of its own; expected the energies at which the"
            " rates are not smooth in nodes, and absorption=False"
        )
    if hypothesis.replaces_standard_model or hypothesis.rrpa:
        raise ConfigError(
            f"{where}: it has rates of its own; expected rrpa and replaces_standard_model to be left out"
        )
    if hypothesis.line is not None and hypothesis.dependence is not Dependence.POWER:
        raise ConfigError(f"{where}: it has a line; expected the dependence POWER")


def _check_range(hypothesis: _Hypothesis, flavor: FlavorChoice) -> None:
    where = f"hypothesis {hypothesis.name}"
    unknown = set(hypothesis.flavor_ranges) - set(FLAVOR_CHOICES)
    if unknown:
        raise ConfigError(
            f"{where}: flavor_ranges has {unknown}; expected keys of {', '.join(FLAVOR_CHOICES)}"
        )
    if flavor in hypothesis.flavor_ranges:
        where = f"{where}: flavor_ranges of {flavor}"
    try:
        scale, (low, high) = hypothesis.parameter_range(flavor)
        numbers = [float(value) for value in (low, high)]
    except (TypeError, ValueError):
        raise ConfigError(
            f"{where}: is {hypothesis.parameter_range(flavor)!r}; expected a scale and two bounds"
        ) from None
    _positive(scale, f"{where}: scale", "")
    if not all(isfinite(value) for value in numbers) or not low < high:
        raise ConfigError(
            f"{where}: bounds are {low} and {high}; expected two finite numbers, the lower first"
        )
    if hypothesis.dependence is Dependence.GENERAL:
        return
    without = 1.0 if hypothesis.replaces_standard_model else 0.0
    if not low <= without <= high:
        raise ConfigError(
            f"{where}: bounds are {low:g} and {high:g}; expected {without:g} between them, which is the"
            " Standard Model"
        )
    reach = max(-low, high)
    if hypothesis.dependence is Dependence.POLYNOMIAL and reach > _NEAR * scale:
        raise ConfigError(
            f"{where}: scale is {scale:g} and the bounds are {low:g} and {high:g}; expected a scale of at"
            f" least {reach / _NEAR:g}, so that the interpolation is quadratic between them"
        )


def _positive(value: Any, where: str, unit: str) -> None:
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not number or not 0 < value < np.inf:
        raise ConfigError(f"{where} is {value!r:.80}{spaced(unit)}; expected a positive number")
