"""What can be tested: each hypothesis is one module of :mod:`nuhist.physics.catalogue`."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from nuhist.errors import ConfigError, unknown_name
from nuhist.physics.couplings import FLAVORS, Flavor
from nuhist.physics.family import Family
from nuhist.physics.hypothesis import (
    ATOMIC_CHOICES,
    FLAVOR_CHOICES,
    Atomic,
    Dependence,
    FlavorChoice,
    Hypothesis,
    ParameterRange,
    RateOptions,
    Terms,
)
from nuhist.values import as_text

__all__ = [
    "ATOMIC_CHOICES",
    "FAMILIES",
    "FLAVOR_CHOICES",
    "HYPOTHESES",
    "Atomic",
    "Dependence",
    "FlavorChoice",
    "Hypothesis",
    "ParameterRange",
    "RateOptions",
    "Terms",
    "active_flavors",
    "find_parameter",
    "get_family",
    "get_hypothesis",
    "title_of",
]


_CATALOGUE = Path(__file__).parent / "catalogue"


def _entries() -> Iterator[Hypothesis | Family]:
    """Entries of all modules of the catalogue, in the order of their names."""
    for path in sorted(_CATALOGUE.glob("[a-z]*.py")):
        yield from import_module(f"nuhist.physics.catalogue.{path.stem}").ENTRIES


_ALL = tuple(_entries())
HYPOTHESES: dict[str, Hypothesis] = {entry.name: entry for entry in _ALL if isinstance(entry, Hypothesis)}
FAMILIES: dict[str, Family] = {entry.name: entry for entry in _ALL if isinstance(entry, Family)}


def get_family(name: str) -> Family:
    """Look a family of hypotheses up; a ConfigError if there is none of that name."""
    if as_text(name, "hypothesis") not in FAMILIES:
        if name in HYPOTHESES:
            raise ConfigError(f"{name} has no parameter of its own; those that have: {', '.join(FAMILIES)}")
        raise unknown_name("hypothesis with parameters of its own", name, FAMILIES)
    return FAMILIES[name]


def title_of(name: str | None) -> str | None:
    """The title of a hypothesis, None if there is none of that name."""
    try:
        return get_hypothesis(name or "").title
    except ConfigError:
        return None


def get_hypothesis(name: str) -> Hypothesis:
    """Look a hypothesis up; one with parameters of its own by its name and these, ``NAME:PARAMETER=VALUE``.

    Raises
    ------
    ConfigError
        If there is none of that name (the nearest names are suggested), the entry of that name is
        no hypothesis or has another name, or a parameter is missing or outside its range.

    Examples
    --------
    >>> get_hypothesis("light-vector:mass=1MeV").name
    'light-vector:mass=1000keV'
    """
    family, _, values = as_text(name, "hypothesis").partition(":")
    if family in FAMILIES and name not in HYPOTHESES:
        return FAMILIES[family].parsed(values)
    if name not in HYPOTHESES:
        raise unknown_name("hypothesis", name, [*HYPOTHESES, *(each.example for each in FAMILIES.values())])
    found: Any = HYPOTHESES[name]
    if not isinstance(found, Hypothesis):
        raise ConfigError(f"HYPOTHESES['{name}'] is a {type(found).__name__}; expected a Hypothesis")
    if found.name != name:
        raise ConfigError(f"HYPOTHESES['{name}'] has the name '{found.name}'; expected its key")
    return found


def find_parameter(name: str) -> tuple[Hypothesis, FlavorChoice] | None:
    """Hypothesis and flavour that a parameter of interest belongs to, if nuhist knows it.

    Examples
    --------
    >>> hypothesis, flavor = find_parameter("mu_nue_squared")
    >>> hypothesis.name, flavor
    ('magnetic-moment', 'e')
    >>> find_parameter("g2_nu_mass10keV")[0].name
    'light-vector:mass=10keV'
    """
    members = [family.of_parameter(name) for family in FAMILIES.values()]
    for hypothesis in (*HYPOTHESES.values(), *filter(None, members)):
        if hypothesis.dependence is Dependence.GENERAL:
            continue
        for flavor in FLAVOR_CHOICES:
            if hypothesis.parameter_of_interest(flavor).name == name:
                return hypothesis, flavor
    return None


def active_flavors(flavor: str) -> tuple[Flavor, ...]:
    """Flavours that carry the coupling: all of them for ``"effective"``.

    Raises
    ------
    ConfigError
        If there is no such flavour.
    """
    if flavor == "effective":
        return FLAVORS
    for known in FLAVORS:
        if flavor == known:
            return (known,)
    raise unknown_name("flavor", flavor, FLAVOR_CHOICES)
