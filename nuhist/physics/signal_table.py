"""Signals computed elsewhere: CSV tables of dR/dT per power of one coupling, or of two."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nuhist.errors import ConfigError, DataError
from nuhist.files import read_text
from nuhist.physics.coupling import spaced
from nuhist.physics.own_parameter import OwnParameter
from nuhist.physics.table_header import read_header
from nuhist.tables import Array, column, read_table

ENERGY = "T_keV"
_POWER = re.compile(r"power_(\d+)(?:_(\d+))?")
_OWN = re.compile(r"([a-z][a-z0-9]*(?:_[a-z0-9]+)*)_(1|[A-Za-z]+)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UNITS = {"eV": 1e-6, "keV": 1e-3, "MeV": 1.0, "GeV": 1e3}
_EXPECTED = f"expected {ENERGY} and power_N, or power_N_M of two couplings, and NAME_UNIT of a parameter"
_MOST_OWN = 2
_TARGET = "xenon"  # of rates where nothing is said


class Coupling(NamedTuple):
    """One of the couplings of a table: its name, its unit, and the value that rates are for."""

    name: str
    unit: str
    reference: float


class Spectrum(NamedTuple):
    """Recoil energies in keV, and events per tonne year keV by powers of the couplings."""

    energy: Array
    rates: Mapping[tuple[int, ...], Array]


@dataclass(frozen=True, eq=False)
class SignalTable:
    """What a table says.

    Attributes
    ----------
    path
        Where it is.
    said
        What its comment lines say, by key.
    couplings
        One or two.
    own
        Parameters of its own, such as a mass, with the values of which it has rows; two at most.
    spectra
        By values of these.
    """

    path: Path
    said: Mapping[str, str]
    couplings: tuple[Coupling, ...]
    own: tuple[OwnParameter, ...]
    spectra: Mapping[tuple[float, ...], Spectrum]

    @property
    def stem(self) -> str:
        """Its name without the folder, of letters, digits and hyphens."""
        return re.sub(r"[^a-z0-9]+", "-", self.path.stem.lower()).strip("-") or "table"

    @property
    def target(self) -> str:
        """Name of the target that its rates are of."""
        return self.said.get("target", _TARGET)

    @property
    def remark(self) -> str | None:
        """What a user should know of that the table leaves out; None where nothing is."""
        if "reference" in self.said:
            return None
        units = " and ".join(f"1{spaced(each.unit)}" for each in self.couplings)
        names = " and ".join(each.name for each in self.couplings)
        return f"{self.path}: states no reference, so that its rates are taken as those of {names} = {units}"

    def refuse_other_target(self, name: str) -> None:
        """Refuse a target of which its rates are not; a ConfigError says what to write."""
        if name.lower() != self.target.lower():
            raise ConfigError(
                f"{self.path}: its rates are those of a tonne of {self.target}, and the experiment has"
                f" {name}; give a table of rates in {name} with the line '# target: {name}'"
            )

    def spectrum(self, values: Mapping[str, float]) -> Spectrum:
        """The rows for values of its own parameters; a DataError where it has none."""
        place = tuple(values[each.name] for each in self.own)
        if place not in self.spectra:
            words = ", ".join(each.written(values[each.name]) for each in self.own)
            raise DataError(f"{self.path}: has no rows of {words}")
        return self.spectra[place]


def read_signal_table(path: Path) -> SignalTable:
    """Read a table, as :mod:`nuhist.physics.signal_table` describes it.

    Columns are ``T_keV``; ``power_N`` of one coupling or ``power_N_M`` of two, events per tonne year keV
    for the references; ``NAME_UNIT`` for a parameter of its own, such as ``mass_keV``. Comment lines such
    as ``# coupling: g_ae``, ``# unit: 1``, ``# reference: 1e-12``, ``# target: xenon``, ``# title: ...`` and
    ``# cited: ...`` say what the signal is; commas separate what is said of two couplings. Without a
    reference it is 1 in the unit, and without a target it is xenon.

    Raises
    ------
    ConfigError
        If what is said of the signal makes no sense.
    DataError
        If the table cannot be used.
    """
    text = read_text(path)  # notes that the file is read, whether or not it is known already
    return _read(path, text)


@cache
def _read(path: Path, text: str) -> SignalTable:
    table = read_table(path)
    powers = {name: match for name in table if (match := _POWER.fullmatch(name))}
    own = [name for name in table if name not in powers and name != ENERGY]
    number = {1 if match[2] is None else 2 for match in powers.values()}
    if ENERGY not in table or len(number) != 1 or len(own) > _MOST_OWN or not all(map(_OWN.fullmatch, own)):
        raise DataError(f"{path}: has the columns {', '.join(table)}; {_EXPECTED}")
    said = read_header(path, text)
    if not said.get("target", _TARGET):
        raise ConfigError(f"{path}: target: ''; expected a name, such as {_TARGET}")
    by_power = {
        tuple(int(part) for part in match.groups() if part is not None): column(path, table, name)
        for name, match in powers.items()
    }
    for entry in by_power:
        if not any(entry):
            raise DataError(f"{path}: has rates of power 0; expected what the couplings add alone")
    couplings = _couplings(path, said, number.pop())
    keys = [column(path, table, name) for name in own]
    parameters = tuple(_own(name, values) for name, values in zip(own, keys, strict=True))
    return SignalTable(path, said, couplings, parameters, _spectra(path, table, by_power, parameters, keys))


def _couplings(path: Path, said: Mapping[str, str], number: int) -> tuple[Coupling, ...]:
    stem = re.sub(r"[^a-z0-9]+", "_", path.stem.lower()).strip("_") or "table"
    plain = f"strength_{stem}" if number == 1 else ", ".join(f"strength_{stem}_{n}" for n in (1, 2))
    parts = {
        key: [part.strip() for part in said.get(key, usual).split(",")]
        for key, usual in (("coupling", plain), ("unit", "1"), ("reference", "1"))
    }
    for key in ("unit", "reference"):
        parts[key] *= number if len(parts[key]) == 1 else 1
    for key, words in parts.items():
        if len(words) != number or not all(words):
            raise ConfigError(
                f"{path}: {key}: '{said.get(key, '')}'; expected {number} with commas between them, as the"
                f" columns are of {number} couplings"
                if number > 1
                else f"{path}: {key}: '{said.get(key, '')}'; expected one, as the columns are of one coupling"
            )
    for name in parts["coupling"]:
        if not _NAME.fullmatch(name):
            raise ConfigError(f"{path}: coupling: '{name}'; expected letters, digits and underscores")
    if len(set(parts["coupling"])) < number:
        raise ConfigError(f"{path}: coupling: '{said['coupling']}'; expected two different names")
    rows = zip(parts["coupling"], parts["unit"], parts["reference"], strict=True)
    return tuple(Coupling(name, unit, _number(path, reference)) for name, unit, reference in rows)


def _number(path: Path, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"{path}: reference: '{text}' is no number") from None


def _own(name: str, values: Array) -> OwnParameter:
    match = _OWN.fullmatch(name)
    word, unit = (match[1], match[2]) if match else (name, "1")
    known = _UNITS.get(unit)
    units = {} if known is None else {each: size / known for each, size in _UNITS.items()}
    listed = tuple(np.unique(values).tolist())
    return OwnParameter(word, word.replace("_", " "), unit, units, listed[0], listed[-1], values=listed)


def _spectra(
    path: Path,
    table: Mapping[str, Array],
    rates: Mapping[tuple[int, ...], Array],
    own: Sequence[OwnParameter],
    keys: Sequence[Array],
) -> dict[tuple[float, ...], Spectrum]:
    """Rows of each of the values of the table's own parameters, recoil energies in order."""
    whole = column(path, table, ENERGY)
    places, row_of = np.unique(np.stack(keys or [np.zeros_like(whole)], axis=1), axis=0, return_inverse=True)
    found = {}
    for index, place in enumerate(places.tolist()):
        rows = np.flatnonzero(row_of.ravel() == index)
        words = ", ".join(each.written(value) for each, value in zip(own, place, strict=False))
        _refuse_rows(path, whole, rows, f" of {words}" if own else "")
        rated = {key: values[rows] for key, values in rates.items()}
        found[tuple(place[: len(own)])] = Spectrum(whole[rows], rated)
    return found


def _refuse_rows(path: Path, energy: Array, rows: NDArray[np.int_], of: str) -> None:
    """Refuse rows of one spectrum that are not in order, or that have no area."""
    down = np.flatnonzero(np.diff(energy[rows]) <= 0)
    if down.size:
        row = int(rows[down[0] + 1])
        raise DataError(
            f"{path}: column '{ENERGY}', row {row + 1}: {energy[row]:g} is not above the row before it{of};"
            " sort the rows"
        )
    if rows.size < 2:
        raise DataError(
            f"{path}: has one row{of}, which has no area; expected at least two, as rates are linear between"
            " rows and 0 outside"
        )
