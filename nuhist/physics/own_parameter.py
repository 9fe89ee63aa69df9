"""A number with a unit, as users write it behind the name of what it belongs to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from nuhist.errors import ConfigError
from nuhist.values import as_number

DIGITS = 12  # of a value, so that a name says it exactly
_VALUE = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([A-Za-z]*)\s*")


@dataclass(frozen=True)
class OwnParameter:
    """A number that a family of hypotheses, or a source, has as a parameter.

    Attributes
    ----------
    name, title
        For the command line and for readers.
    unit
        In which plain numbers are.
    units
        Other units that a user may write, each in that one.
    low, high
        Range of its values.
    default
        Its value where none is given; None where one must be.
    """

    name: str
    title: str
    unit: str
    units: Mapping[str, float]
    low: float
    high: float
    default: float | None = None

    def within(self, value: float, family: str) -> float:
        """A value in its range.

        Raises
        ------
        ConfigError
            If it lies outside, or is no number.
        """
        found = as_number(value, f"{family}: {self.name}", self.unit)
        if not self.low <= found <= self.high:
            unit = "" if self.unit == "1" else f" {self.unit}"
            raise ConfigError(
                f"{family}: {self.name} = {found:g}{unit} is outside its range, {self.low:g} to"
                f" {self.high:g}{unit}"
            )
        return float(f"{found:.{DIGITS}g}")

    def tag(self, value: str) -> str:
        """A value, as in a name, with the parameter and its unit: ``mass10keV``."""
        unit = "".join(filter(str.isalnum, self.unit)) if self.unit != "1" else ""
        return f"_{self.name}{value}{unit}"

    def parsed(self, text: str, family: str) -> float:
        """A value as a user writes it, such as ``10keV``.

        Raises
        ------
        ConfigError
            If it has another form or lies outside its range.
        """
        match = _VALUE.fullmatch(text)
        units = {"": 1.0, self.unit: 1.0, **self.units}
        if match is None or match[2] not in units:
            known = ", ".join(unit for unit in units if unit)
            raise ConfigError(f"{family}: {self.name}={text}: expected a number with a unit of {known}")
        return self.within(float(match[1]) * units[match[2]], family)
