"""A signal computed elsewhere: a CSV table of dR/dT for one power of a coupling."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from nuhist.errors import ConfigError, DataError
from nuhist.files import read_text
from nuhist.physics.hypothesis import Dependence, Hypothesis, no_terms
from nuhist.physics.targets.target import Target
from nuhist.tables import Array, column, read_table

_KEYS = ("title", "coupling", "unit", "reference", "cited")
_SAID = re.compile(r"#\s*(\w+)\s*:\s*(.*?)\s*")
_POWER = re.compile(r"power_(\d+)")


def is_table(text: str) -> bool:
    """Whether a hypothesis is named as a table's file."""
    return text.endswith(".csv")


def from_table(path: Path) -> Hypothesis:
    """The hypothesis of a table: ``T_keV`` and ``power_N``, events per tonne year keV for the reference.

    Comment lines such as ``# coupling: g_ae``, ``# unit: 1``, ``# reference: 1e-12``, ``# title: ...`` and
    ``# cited: ...`` say what the signal is. Rates are linear between the rows and 0 outside.

    Raises
    ------
    ConfigError
        If what is said of the signal makes no sense.
    DataError
        If the table cannot be used.
    """
    said = _said(read_text(path))
    table = read_table(path)
    energy = column(path, table, "T_keV", increasing=True)
    names = [name for name in table if _POWER.fullmatch(name)]
    if len(names) != 1 or len(table) != 2:
        raise DataError(
            f"{path}: has the columns {', '.join(table)}; expected T_keV and one of power_1, power_2, ..."
        )
    values = column(path, table, names[0], non_negative=True)
    power = int(names[0].removeprefix("power_"))
    stem = re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-") or "table"
    coupling = said.get("coupling", f"strength_{stem.replace('-', '_')}")
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", coupling):
        raise ConfigError(f"{path}: coupling: '{coupling}'; expected letters, digits and underscores")
    return Hypothesis(
        name=stem,
        title=said.get("title", stem),
        coupling=coupling,
        unit=said.get("unit", "1"),
        reference=_number(path, said.get("reference", "1")),
        terms=no_terms,
        rates=partial(_between, nodes=energy, values=values, power=power),
        nodes=tuple(energy.tolist()),
        dependence=Dependence.POWER,
        power=power,
        bounds=(0.0, 1000.0),
        formula=f"dR/dT of {path.name} times the power {power} of the coupling over its reference",
        cited=said.get("cited", ""),
    )


def _said(text: str) -> dict[str, str]:
    found = (_SAID.fullmatch(line) for line in text.splitlines())
    return {match[1]: match[2] for match in found if match and match[1] in _KEYS}


def _number(path: Path, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"{path}: reference: '{text}' is no number") from None


def _between(energy: Array, _: Target, *, nodes: Array, values: Array, power: int) -> Mapping[int, Array]:
    return {power: np.interp(energy, nodes, values, left=0.0, right=0.0)}
