"""Hypotheses of tables: signals computed elsewhere, of one coupling or of two, at values of a parameter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nuhist.errors import ConfigError, DataError, unknown_name
from nuhist.physics.family import Family
from nuhist.physics.hypothesis import Dependence, Hypothesis, no_terms
from nuhist.physics.signal_table import SignalTable, Spectrum, read_signal_table
from nuhist.physics.targets.target import Target
from nuhist.tables import Array

_FILE = re.compile(r"(?P<path>.+\.csv)(?::(?P<rest>.*))?", re.DOTALL)
_SIGNED = {1, 2}  # powers of a signed polynomial
_FAR = 1000.0  # bound of a coupling over its reference
_ROUNDING = 1e-6  # relative: of what a table's digits leave of a square


def is_table(text: str) -> bool:
    """Whether a hypothesis is named as a table's file: ``TABLE.csv`` or ``TABLE.csv:...``."""
    return _FILE.fullmatch(text) is not None


def couplings_of(text: str) -> list[str]:
    """A table's name, or the names of both of its couplings where it has two and none is named."""
    table, coupling, values = _read(text)
    if len(table.couplings) == 1 or coupling:
        return [text]
    ending = f":{values}" if values else ""
    return [f"{table.path}:{each.name}{ending}" for each in table.couplings]


def remark_of(text: str) -> str | None:
    """What a user should know of that a table of a hypothesis leaves out; None where nothing is."""
    return _read(text)[0].remark if is_table(text) else None


def from_table(text: str) -> tuple[Hypothesis | Family, str, str]:
    """What ``TABLE.csv``, ``TABLE.csv:COUPLING`` or either with ``:PARAMETER=VALUE`` names.

    Rates are linear between the rows, and 0 outside. Where the table has a parameter of its own, there is a
    hypothesis for each of the values that it has rows of, and none between them: a kinematic edge would
    be at the wrong place there.

    Returns
    -------
    The hypothesis or the family, its name with the file's whole path, and the text of the values.

    Raises
    ------
    ConfigError
        If what is said of the signal makes no sense, or there is no such coupling.
    DataError
        If the table cannot be used.
    """
    table, coupling, values = _read(text)
    names = [each.name for each in table.couplings]
    if not coupling and len(names) > 1:
        raise ConfigError(
            f"{table.path}: has two couplings, and one hypothesis is asked for; write"
            f" {table.path}:{names[0]} or {table.path}:{names[1]}"
        )
    if coupling and coupling not in names:
        raise unknown_name(f"coupling of {table.path}", coupling, names)
    place = names.index(coupling) if coupling else 0
    name = _name(table, place)
    whole = f"{table.path.resolve()}" + (f":{coupling}" if coupling else "")
    title = table.said.get("title", table.stem) + (f", {names[place]}" if len(names) > 1 else "")
    if not table.own:
        return _hypothesis(name, title, {}, table=table, place=place), whole, values
    made = partial(_hypothesis, table=table, place=place)
    return Family(name, title, table.own, made, origin=whole), whole, values


def _read(text: str) -> tuple[SignalTable, str, str]:
    """The table, the coupling that is named and the values of its own parameters, as texts."""
    match = _FILE.fullmatch(text)
    if match is None:
        raise ConfigError(f"{text}: expected TABLE.csv")
    coupling, colon, values = (match["rest"] or "").partition(":")
    if "=" in coupling and not colon:
        coupling, values = "", coupling
    return read_signal_table(Path(match["path"])), coupling, values


def _name(table: SignalTable, place: int) -> str:
    if len(table.couplings) == 1:
        return table.stem
    return f"{table.stem}-{re.sub(r'[^a-z0-9]+', '-', table.couplings[place].name.lower()).strip('-')}"


def _hypothesis(
    name: str, title: str, values: Mapping[str, float], *, table: SignalTable, place: int
) -> Hypothesis:
    """The hypothesis of one of the couplings at values of the table's own parameters."""
    spectrum = table.spectrum(values)
    coupling = table.couplings[place]
    others = [index for index in range(len(table.couplings)) if index != place]
    rates = {
        powers[place]: size
        for powers, size in spectrum.rates.items()
        if powers[place] and not any(powers[other] for other in others)
    }
    crossed = {powers: size for powers, size in spectrum.rates.items() if all(powers)} if others else {}
    if not rates:
        raise DataError(f"{table.path}: has no rates of a power of {coupling.name} alone")
    for power, size in rates.items():
        _refuse_negative(table, spectrum.energy, power, size, alone=power == max(rates))
    if crossed:
        _check_product(table, spectrum, crossed)
    power, dependence = next(iter(rates)), Dependence.POWER
    if crossed or set(rates) == _SIGNED:
        power, dependence = 1, Dependence.POLYNOMIAL
        rates = {each: rates.get(each, np.zeros_like(spectrum.energy)) for each in sorted(_SIGNED)}
    elif len(rates) > 1:
        power, dependence = 1, Dependence.GENERAL
    fields: dict[str, Any] = {}
    if dependence is not Dependence.POLYNOMIAL:
        both_signs = dependence is Dependence.GENERAL and any(each % 2 for each in rates)
        fields["bounds"] = (-_FAR if both_signs else 0.0, _FAR)
    named = ", ".join(map(str, sorted(rates)))
    several = f"the powers {named}" if len(rates) > 1 else f"the power {named}"
    return Hypothesis(
        name=name,
        title=title,
        coupling=coupling.name,
        unit=coupling.unit,
        reference=coupling.reference,
        terms=no_terms,
        rates=partial(_between, nodes=spectrum.energy, values=rates, table=table),
        products={
            name.replace(_name(table, place), _name(table, other), 1): partial(
                _product, nodes=spectrum.energy, values=crossed[1, 1]
            )
            for other in others
            if crossed
        },
        nodes=tuple(spectrum.energy.tolist()),
        dependence=dependence,
        power=power,
        formula=f"dR/dT of {table.path.name} times {several} of the coupling over its reference",
        cited=table.said.get("cited", ""),
        **fields,
    )


def _refuse_negative(table: SignalTable, energy: Array, power: int, size: Array, *, alone: bool) -> None:
    """Refuse less than nothing but of an interference: of what is alone, or of a square."""
    bad = size < 0
    if (alone or power % 2 == 0) and bad.any():
        place = int(np.argmax(bad))
        raise DataError(
            f"{table.path}: the rate of power {power} at T = {energy[place]:g} keV is negative,"
            f" {size[place]:g}; expected at least 0, but for a part of power 1 beside one of power 2"
        )


def _check_product(table: SignalTable, spectrum: Spectrum, crossed: Mapping[tuple[int, ...], Array]) -> None:
    """Refuse products that are none of two couplings, or larger than the squares allow."""
    if set(crossed) != {(1, 1)}:
        names = ", ".join("power_" + "_".join(map(str, powers)) for powers in crossed)
        raise DataError(
            f"{table.path}: has the products {names}; expected power_1_1 alone, as others are not known to"
            " HistFactory's polynomials"
        )
    wrong = {powers for powers in spectrum.rates if sum(powers) > 2}
    if wrong:
        names = ", ".join("power_" + "_".join(map(str, powers)) for powers in sorted(wrong))
        raise DataError(
            f"{table.path}: has {names} beside power_1_1; expected powers 1 and 2 of each coupling"
        )
    nothing = np.zeros_like(spectrum.energy)
    first, second = (spectrum.rates.get(powers, nothing) for powers in ((2, 0), (0, 2)))
    if (1, 0) in spectrum.rates or (0, 1) in spectrum.rates:
        return  # beside what they interfere with, the signal alone may be negative
    bad = crossed[1, 1] ** 2 > 4 * first * second * (1 + _ROUNDING)
    if bad.any():
        energy = spectrum.energy[int(np.argmax(bad))]
        raise DataError(
            f"{table.path}: power_1_1 at T = {energy:g} keV is so large that the rate is negative for some"
            " couplings; expected at most twice the root of power_2_0 times power_0_2"
        )


def _between(
    energy: Array, target: Target, *, nodes: Array, values: Mapping[int, Array], table: SignalTable
) -> Mapping[int, Array]:
    table.refuse_other_target(target.name)
    return {power: _product(energy, target, nodes=nodes, values=size) for power, size in values.items()}


def _product(energy: Array, _: Target, *, nodes: Array, values: Array) -> Array:
    return np.interp(energy, nodes, values, left=0.0, right=0.0)
