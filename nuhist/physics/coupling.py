"""The coupling that a parameter of interest stands for."""

from __future__ import annotations

from dataclasses import dataclass

from nuhist.errors import ConfigError
from nuhist.values import as_number

OWN_UNIT = ""  # of a parameter of which nothing but its name is known
_NONE = (None, OWN_UNIT, "1")  # units that are not worth a word
_LARGEST = 1e9  # times the reference; far beyond what any experiment can mean
_SLACK = 1e-9  # of a bound: by which a value may lie outside of it from rounding
_PLAIN = 1e100  # the same for a plain number, whose unit is anyone's


def spaced(unit: str | None) -> str:
    """A unit behind a number; nothing for a plain number.

    Examples
    --------
    >>> f"2{spaced('mu_B')}", f"2{spaced('')}"
    ('2 mu_B', '2')
    """
    return "" if unit in _NONE else f" {unit}"


def slashed(unit: str) -> str:
    """A unit in the head of a column; nothing for a plain number.

    Examples
    --------
    >>> f"mu_nu{slashed('mu_B')}", f"mu{slashed('')}"
    ('mu_nu/mu_B', 'mu')
    """
    return "" if unit in _NONE else f"/{unit}"


@dataclass(frozen=True)
class CouplingScale:
    """How a parameter of interest translates to a coupling: (coupling/reference)ᵖ / scale.

    Attributes
    ----------
    name
        Name of the parameter, such as ``"mu_nu_squared"``.
    coupling, unit
        Coupling and unit of the physical quantity, such as ``"mu_nu"`` and ``"mu_B"``.
    reference
        In that unit.
    power
        p: 1 for a signed coupling, 2 for one whose sign cannot be seen.
    scale
        1, unless the parameter must stay near the origin of an interpolation.

    Examples
    --------
    >>> moment = CouplingScale("mu_nu_squared", "mu_nu", "mu_B", 1e-11, 2)
    >>> moment.to_coupling(4.0), moment.to_parameter(2e-11), moment.meaning
    (2e-11, 4.0, '(mu_nu / 1e-11 mu_B)^2')
    """

    name: str
    coupling: str
    unit: str
    reference: float = 1.0
    power: int = 1
    scale: float = 1.0

    @classmethod
    def plain(cls, name: str) -> CouplingScale:
        """A parameter that stands for nothing but itself."""
        return cls(name, name, OWN_UNIT)

    @property
    def is_plain(self) -> bool:
        """Whether the parameter stands for nothing but itself."""
        return self == CouplingScale.plain(self.name)

    def to_parameter(self, coupling: float) -> float:
        """Value of the parameter for a coupling in its unit.

        Raises
        ------
        ConfigError
            If the coupling is no number of a size that can be used.
        """
        x = as_number(coupling, self.coupling, self.unit) / self.reference
        largest = _PLAIN if self.reference == 1 else _LARGEST
        if not abs(x) < largest:
            raise ConfigError(
                f"{self.coupling} = {coupling:g}{spaced(self.unit)}: expected a number, with a modulus below"
                f" {largest * self.reference:g}{spaced(self.unit)}"
            )
        return float(x**self.power) / self.scale

    def to_coupling(self, parameter: float) -> float:
        """Coupling in its unit for a value of the parameter; of an even power, the positive one.

        Below zero an even power has no coupling and gives 0.
        """
        x = parameter * self.scale
        if self.power == 1:
            return x * self.reference
        return float(max(x, 0.0) ** (1 / self.power)) * self.reference

    def within(self, parameter: float, bounds: tuple[float, float]) -> float:
        """A value of the parameter that lies within its bounds, or is led back where rounding left them.

        Raises
        ------
        ConfigError
            If it lies outside.
        """
        low, high = bounds
        if not low - _SLACK * abs(low) <= parameter <= high + _SLACK * abs(high):
            raise ConfigError(
                f"{self.shown(parameter)} lies outside the bounds of {self.coupling},"
                f" {self.to_coupling(low):g} to {self.shown(high)}"
            )
        return min(max(parameter, low), high)

    def shown(self, parameter: float) -> str:
        """The coupling for a value of the parameter, in words."""
        return f"{self.to_coupling(parameter):.4g}{spaced(self.unit)}"

    @property
    def meaning(self) -> str:
        """The definition in words."""
        ratio = f"{self.coupling} / {self.reference:g}{spaced(self.unit)}"
        if self.reference == 1:
            ratio = self.coupling
        elif self.power != 1 or self.scale != 1:
            ratio = f"({ratio})"
        power = f"^{self.power}" if self.power != 1 else ""
        scale = f" / {self.scale:g}" if self.scale != 1 else ""
        return f"{ratio}{power}{scale}"
