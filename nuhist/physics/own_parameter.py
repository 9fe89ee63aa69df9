"""A number with a unit, as users write it behind the name of what it belongs to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isclose

from nuhist.errors import ConfigError
from nuhist.physics.coupling import spaced
from nuhist.values import as_number

DIGITS = 12  # of a value, so that a name says it exactly
_SAME = 1e-9  # relative: what units of a value may leave
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
    values
        The only ones that it may have, in their order; any of the range where there are none.
    """

    name: str
    title: str
    unit: str
    units: Mapping[str, float]
    low: float
    high: float
    default: float | None = None
    values: tuple[float, ...] = ()

    @property
    def example(self) -> float:
        """A value that it may have."""
        return self.values[0] if self.values else min(max(10.0, self.low), self.high)

    @property
    def symbol(self) -> str:
        """Its unit behind a number; nothing where it has none."""
        return "" if self.unit == "1" else self.unit

    def written(self, value: float) -> str:
        """A value as a user writes it with the parameter's name: ``mass=10keV``, ``charge=2``."""
        return f"{self.name}={value:.{DIGITS}g}{self.symbol}"

    @property
    def range(self) -> str:
        """Which values it may have, for readers."""
        if self.values:
            return f"{', '.join(f'{each:.{DIGITS}g}' for each in self.values)}{spaced(self.unit)}"
        return f"{self.low:g} to {self.high:g}{spaced(self.unit)}"

    def within(self, value: float, family: str) -> float:
        """A value in its range.

        Raises
        ------
        ConfigError
            If it lies outside, is none of those that it may have, or no number.
        """
        found = as_number(value, f"{family}: {self.name}", self.unit)
        unit = spaced(self.unit)
        near = [each for each in self.values if isclose(each, found, rel_tol=_SAME)]
        if near:
            return near[0]
        if self.values:
            raise ConfigError(f"{family}: {self.name} = {found:.{DIGITS}g}{unit} is none of {self.range}")
        if not self.low <= found <= self.high:
            raise ConfigError(
                f"{family}: {self.name} = {found:g}{unit} is outside its range, {self.low:g} to"
                f" {self.high:g}{unit}"
            )
        return float(f"{found:.{DIGITS}g}")

    def tag(self, value: str) -> str:
        """A value, as in a name, with the parameter and its unit: ``mass10keV``."""
        return f"_{self.name}{value}{''.join(filter(str.isalnum, self.symbol))}"

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
