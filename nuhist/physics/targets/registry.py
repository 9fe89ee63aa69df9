"""The table of targets: a YAML file each, nuhist's own beside this module."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from nuhist.documents import parse_yaml
from nuhist.errors import ConfigError, unknown_name
from nuhist.files import read_text
from nuhist.physics.targets.target import Element, Table, Target
from nuhist.schemas import check
from nuhist.tables import column, read_table
from nuhist.values import as_text

_TABLES = Path(__file__).parent / "tables"
_WHOLE = 1e-6  # how near to 1 fractions of isotopes must add up


def target_names() -> tuple[str, ...]:
    """Names of the targets that nuhist carries."""
    return tuple(sorted(path.stem for path in _TABLES.glob("*.yaml")))


def get_target(name: str) -> Target:
    """Look a target up that nuhist carries, by its name.

    Parameters
    ----------
    name
        One of :func:`target_names`, such as ``"xenon"``.

    Raises
    ------
    ConfigError
        If there is none of that name.

    Examples
    --------
    >>> xenon = get_target("xenon")
    >>> float(xenon.effective_charge(5.0)), f"{xenon.per_tonne:.4g}"
    (48.0, '4.587e+27')
    """
    if as_text(name, "target") not in target_names():
        raise unknown_name("target", name, target_names())
    return _kept(name)


@cache
def _kept(name: str) -> Target:
    return read_target(_TABLES / f"{name}.yaml")


def read_target(path: Path) -> Target:
    """Read a target from a YAML file: electrons by shell, or a compound of targets that nuhist carries.

    Raises
    ------
    ConfigError
        If a key is missing or wrong, an element or isotope does not exist, or fractions do not add up to 1.
    DataError
        If the file or one of its tables cannot be read.
    """
    content = parse_yaml(read_text(path), str(path), ConfigError)
    if isinstance(content, dict) and isinstance(content.get("isotopes"), dict):
        # YAML reads mass numbers as numbers, JSON's keys are texts.
        content["isotopes"] = {str(key): value for key, value in content["isotopes"].items()}
    if path.parent != _TABLES:  # a test checks nuhist's own
        check(content, "target", str(path), ConfigError)
    if "compound" in content:
        _refuse_other_keys(
            path, content, ("element", "molar_mass", "isotopes", "photoabsorption_above", "rrpa")
        )
        parts = tuple(
            (element, number * inside)
            for name, number in content["compound"].items()
            for element, inside in get_target(name).elements
        )
    else:
        parts = ((_element(path, content), 1.0),)
    rrpa = content.get("rrpa")
    return Target(
        name=content["name"],
        title=content["title"],
        elements=parts,
        sources=tuple(content["sources"]),
        rrpa=None if rrpa is None else _ratio(path.parent, rrpa),
    )


def _refuse_other_keys(path: Path, content: Mapping[str, Any], names: tuple[str, ...]) -> None:
    for name in names:
        if name in content:
            raise ConfigError(f"{path}: {name}: belongs to a target of one element, not to a compound")


def _element(path: Path, content: Mapping[str, Any]) -> Element:
    symbol, isotopes = content.get("element"), content.get("isotopes")
    if (symbol is None) == ("molar_mass" not in content):
        raise ConfigError(f"{path}: expected either element: SYMBOL or molar_mass: NUMBER, in g/mol")
    if symbol is not None:
        if path.parent != _TABLES:  # nuhist's own need no periodic table to be read
            _refuse_unknown(path, symbol, isotopes or {}, sum(entry[1] for entry in content["shells"]))
    elif isotopes is not None:
        raise ConfigError(f"{path}: isotopes: need element: SYMBOL, from which their masses follow")
    shells = sorted((energy, electrons) for _, electrons, energy in content["shells"])
    edges, place = np.unique([energy for energy, _ in shells], return_inverse=True)
    charges = np.bincount(place + 1, weights=[electrons for _, electrons in shells], minlength=edges.size + 1)
    return Element(
        name=content["name"],
        symbol=symbol,
        edges=edges.astype(np.float64),
        charges=np.cumsum(charges),
        given_mass=content.get("molar_mass"),
        isotopes=None if isotopes is None else {int(key): float(value) for key, value in isotopes.items()},
        photoabsorption_above=_above(path, content.get("photoabsorption_above")),
    )


def _above(path: Path, rows: list[list[float]] | None) -> Table | None:
    if rows is None:
        return None
    energy, values = np.array(rows, dtype=np.float64).T
    if (np.diff(energy) < 0).any() or energy[0] == energy[-1]:
        raise ConfigError(f"{path}: photoabsorption_above: expected increasing energies in keV")
    return energy, values


def _refuse_unknown(path: Path, symbol: str, isotopes: Mapping[str, float], electrons: int) -> None:
    import periodictable

    try:
        element = periodictable.elements.symbol(symbol)
    except ValueError:
        raise ConfigError(f"{path}: element: there is none with the symbol '{symbol}'") from None
    if electrons != element.number:
        raise ConfigError(
            f"{path}: shells: have {electrons} electrons; expected the {element.number} of {symbol}, so that"
            " no shell is missing or twice there"
        )
    for number in isotopes:
        if int(number) not in element.isotopes:
            raise ConfigError(f"{path}: isotopes.{number}: {symbol} has no isotope of that mass number")
    if isotopes and not abs(sum(isotopes.values()) - 1) <= _WHOLE:
        raise ConfigError(
            f"{path}: isotopes: the fractions add up to {sum(isotopes.values()):.7g}; expected 1"
        )


def _ratio(folder: Path, entry: Mapping[str, Any]) -> Table:
    """Energies in keV, and the rate with bound electrons over that with the stepping function."""
    curves = []
    for name in ("bound", "steps"):
        path = folder / entry[name]
        table = read_table(path)
        order = np.argsort(column(path, table, "E_keV"))
        curves.append((table["E_keV"][order], column(path, table, "rate_arb")[order]))
    (energy, bound), (step_energy, steps) = curves
    energy = energy[energy <= entry["highest"]]
    return energy, bound[: energy.size] / np.interp(energy, step_energy, steps)
