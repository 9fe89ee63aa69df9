"""Several hypotheses at once: whether what they add to the cross section adds up."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from nuhist.errors import ConfigError, OptionError
from nuhist.physics.couplings import Flavor
from nuhist.physics.hypotheses import (
    Dependence,
    FlavorChoice,
    Hypothesis,
    active_flavors,
    get_hypothesis,
)
from nuhist.physics.interference import can_interfere
from nuhist.physics.tabulated import couplings_of, is_table
from nuhist.values import as_text

Tested = tuple[Hypothesis, FlavorChoice]


def hypotheses_together(hypotheses: str | Sequence[str], flavors: str | Sequence[str]) -> tuple[Tested, ...]:
    """Hypotheses by name, each with its flavour.

    Parameters
    ----------
    hypotheses
        One name, or several. A table of two couplings has both.
    flavors
        One for all, or one for each.

    Raises
    ------
    ConfigError
        If a name is unknown, there are more or fewer flavours than hypotheses, or cross sections do not add.
    """
    named, chosen = _names(hypotheses, "hypothesis"), _names(flavors, "flavor")
    names = [each for name in named for each in (couplings_of(name) if is_table(name) else [name])]
    if not names:
        raise ConfigError("hypothesis: name at least one")
    if len(chosen) == 1:
        chosen *= len(names)
    if len(chosen) != len(names):
        raise ConfigError(
            f"{len(names)} hypotheses with {len(chosen)} flavours; give one flavour for all, or one for each"
        )
    for flavor in chosen:
        active_flavors(flavor)
    wanted: list[Any] = chosen
    found = tuple((get_hypothesis(name), flavor) for name, flavor in zip(names, wanted, strict=True))
    for hypothesis, flavor in found:
        refuse_unused_flavor(hypothesis, flavor)
    for first, second in combinations(found, 2):
        _refuse_interference(first, second)
    return found


def refuse_unused_flavor(hypothesis: Hypothesis, flavor: str) -> None:
    """Refuse a flavour of a signal that is no neutrino's.

    Raises
    ------
    OptionError
        If one is named.
    """
    if not hypothesis.of_neutrinos and flavor != "effective":
        raise OptionError(f"flavor=...: does nothing with {hypothesis.name}, which is no neutrino's")


def shared_flavors(first: Tested, second: Tested) -> tuple[Flavor, ...]:
    """Flavours on which two hypotheses interfere, as their amplitudes do the same to the neutrino."""
    (one, flavor), (other, another) = first, second
    both = one.of_neutrinos and other.of_neutrinos and one.amplitude == other.amplitude
    if not both or one.amplitude is None:
        return ()
    return tuple(each for each in active_flavors(flavor) if each in active_flavors(another))


def has_product(first: Tested, second: Tested) -> bool:
    """Whether the product of two couplings changes rates: on flavours, or by rates of its own."""
    return bool(shared_flavors(first, second)) or own_product_of(first[0], second[0]) is not None


def own_product_of(first: Hypothesis, second: Hypothesis) -> tuple[Hypothesis, str] | None:
    """The one of two hypotheses that has rates of their product, with the name of the other; else None."""
    for one, other in ((first, second), (second, first)):
        if other.name in one.products:
            return one, other.name
    return None


def _names(given: Any, what: str) -> list[str]:
    """One name, or several, as a list."""
    return [as_text(name, what) for name in (given if isinstance(given, list | tuple) else [given])]


def _refuse_interference(first: Tested, second: Tested) -> None:
    """Refuse two hypotheses unless their parts of the cross section add."""
    (one, flavor), (other, another) = first, second
    names = f"{one.name} and {other.name}"
    advice = "build each alone"
    for hypothesis, _ in (first, second):
        if hypothesis.dependence is Dependence.GENERAL:
            raise ConfigError(
                f"{hypothesis.name} is no polynomial in the coupling and cannot be one of several; {advice}"
            )
    if one.parameter_of_interest(flavor).name == other.parameter_of_interest(another).name:
        what = f"{one.name}: is there twice" if one.name == other.name else f"{names}: are one coupling"
        others = "give them different flavours, or " if one.of_neutrinos and other.of_neutrinos else ""
        raise ConfigError(f"{what}; {others}leave one out")
    strengths = one.replaces_standard_model + other.replaces_standard_model
    signed = any(each.dependence is Dependence.POLYNOMIAL for each in (one, other))
    if strengths == 2 or (strengths and signed):
        raise ConfigError(
            f"{names}: a strength of the Standard Model multiplies what interferes with it, so that they do"
            f" not add; {advice}"
        )
    if not (one.of_neutrinos and other.of_neutrinos):
        _refuse_unknown_product(one, other)
        return
    shared = [each for each in active_flavors(flavor) if each in active_flavors(another)]
    if not shared:
        return  # other neutrinos
    for hypothesis in (one, other):
        if hypothesis.amplitude is None:
            raise ConfigError(
                f"{names}: nothing says whether they interfere; give {hypothesis.name} its amplitude, or"
                " different flavours to both"
            )
    if one.amplitude == other.amplitude and not can_interfere(one, other):
        raise ConfigError(
            f"{names}: both {one.amplitude}, so that they interfere for flavour {', '.join(shared)} and their"
            f" cross sections do not add; give them different flavours, or {advice}"
        )


def _refuse_unknown_product(one: Hypothesis, other: Hypothesis) -> None:
    """Refuse two signed couplings, one of them no neutrino's, unless their product is given.

    What is signed interferes with something, so that two of them may interfere with each other. A signal that
    has one power of its coupling adds.
    """
    if any(each.dependence is not Dependence.POLYNOMIAL for each in (one, other)):
        return
    if own_product_of(one, other) is None:
        own = not (one.of_neutrinos or other.of_neutrinos)
        given = "give their product, in one table as power_1_1 (0 where there is none), or " if own else ""
        raise ConfigError(
            f"{one.name} and {other.name}: both are signed, and nothing says what the product of their"
            f" couplings adds; {given}build each alone"
        )
