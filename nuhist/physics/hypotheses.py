"""What can be tested: each hypothesis is one module of :mod:`nuhist.physics.catalogue`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
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
from nuhist.physics.outside import from_file, is_in_file, of_packages
from nuhist.physics.reference import with_reference
from nuhist.physics.tabulated import from_table, is_table
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
    "all_families",
    "all_hypotheses",
    "find_parameter",
    "get_family",
    "get_hypothesis",
    "split_family",
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


def all_hypotheses() -> dict[str, Hypothesis]:
    """Hypotheses of the catalogue and of installed packages, by name."""
    others = {name: entry for name, entry in of_packages().items() if isinstance(entry, Hypothesis)}
    return {**others, **HYPOTHESES}


def all_families() -> dict[str, Family]:
    """Families of the catalogue and of installed packages, by name."""
    others = {name: entry for name, entry in of_packages().items() if isinstance(entry, Family)}
    return {**others, **FAMILIES}


def get_family(name: str) -> Family:
    """Look a family of hypotheses up, by its name or as ``FILE.py:NAME``.

    Raises
    ------
    ConfigError
        If there is none of that name.
    """
    return split_family(name)[0]


def split_family(text: str) -> tuple[Family, str, str]:
    """A family, the name under which it is found again, and the values behind it.

    Parameters
    ----------
    text
        Such as ``"light-vector"``, ``"my.py:boson"`` or ``"my.py:boson:charge=2"``.

    Raises
    ------
    ConfigError
        If there is none of that name.
    """
    if is_in_file(as_text(text, "hypothesis")) or is_table(text):
        found, name, values = from_table(text) if is_table(text) else from_file(text)
        if not isinstance(found, Family):
            raise ConfigError(f"{text}: has no parameter of its own")
        return found, name, values
    name, _, values = text.partition(":")
    if name in FAMILIES:
        return FAMILIES[name], name, values
    known = all_families()
    if name not in known:
        if name in all_hypotheses():
            raise ConfigError(f"{name} has no parameter of its own; those that have: {', '.join(known)}")
        raise unknown_name("hypothesis with parameters of its own", name, known)
    return known[name], name, values


def title_of(name: str | None) -> str | None:
    """The title of a hypothesis, None if there is none of that name."""
    try:
        return get_hypothesis(name or "").title
    except ConfigError:
        return None


def get_hypothesis(name: str) -> Hypothesis:
    """Look a hypothesis up by its name, or by its name and its parameters, ``NAME:PARAMETER=VALUE``.

    ``TABLE.csv`` is a signal computed elsewhere, see :func:`nuhist.physics.tabulated.from_table`.
    ``FILE.py:NAME`` and ``FILE.py:NAME:PARAMETER=VALUE`` are those of a Python file, which is run.

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
    if is_table(as_text(name, "hypothesis")):
        return _of_file(name, *from_table(name))
    if is_in_file(name):
        return with_reference(_of_file(name, *from_file(name)))
    family, _, values = name.partition(":")
    if family in FAMILIES and name not in HYPOTHESES:
        return FAMILIES[family].parsed(values)
    if name not in HYPOTHESES:
        return with_reference(_of_packages(name))
    found: Any = HYPOTHESES[name]
    if not isinstance(found, Hypothesis):
        raise ConfigError(f"HYPOTHESES['{name}'] is a {type(found).__name__}; expected a Hypothesis")
    if found.name != name:
        raise ConfigError(f"HYPOTHESES['{name}'] has the name '{found.name}'; expected its key")
    return with_reference(found)


def _of_file(text: str, found: Hypothesis | Family, _: str, values: str) -> Hypothesis:
    if isinstance(found, Family):
        found = found.parsed(values)
    elif values:
        raise ConfigError(f"{text}: {found.name} has no parameter of its own")
    taken = HYPOTHESES.get(found.name)
    if taken is not None or found.name.partition(":")[0] in FAMILIES:
        raise ConfigError(f"{text}: its name '{found.name}' is one of nuhist's own; expected another name")
    return found


def _of_packages(name: str) -> Hypothesis:
    family, _, values = name.partition(":")
    families, hypotheses = all_families(), all_hypotheses()
    if family in families:
        return replace(families[family].parsed(values), origin=name)
    if name in hypotheses:
        return replace(hypotheses[name], origin=name)
    if name in of_packages().broken:
        raise ConfigError(of_packages().broken[name])
    raise unknown_name("hypothesis", name, [*hypotheses, *(each.example for each in families.values())])


def find_parameter(name: str) -> tuple[Hypothesis, FlavorChoice] | None:
    """Hypothesis and flavour that a parameter of interest belongs to, if nuhist knows it.

    Examples
    --------
    >>> hypothesis, flavor = find_parameter("mu_nue_squared")
    >>> hypothesis.name, flavor
    ('magnetic-moment', 'e')
    >>> find_parameter("g2_nu_scaled_mass10keV")[0].name
    'light-vector:mass=10keV'
    """
    found = _parameter_in(name, HYPOTHESES, FAMILIES)
    return found or _parameter_in(name, all_hypotheses(), all_families())


def _parameter_in(
    name: str, hypotheses: Mapping[str, Hypothesis], families: Mapping[str, Family]
) -> tuple[Hypothesis, FlavorChoice] | None:
    members = [family.of_parameter(name) for family in families.values()]
    for hypothesis in (*hypotheses.values(), *filter(None, members)):
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
