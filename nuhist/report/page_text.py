"""Numbers, couplings and intervals as text on a page."""

from __future__ import annotations

from math import floor, isfinite, log10
from typing import TYPE_CHECKING

from nuhist.characters import printable
from nuhist.inference.results import Interval
from nuhist.physics.coupling import OWN_UNIT
from nuhist.physics.hypotheses import FLAVOR_CHOICES
from nuhist.values import without_noise

if TYPE_CHECKING:
    from markupsafe import Markup

MINUS = "\N{MINUS SIGN}"
MISSING = "\N{EN DASH}"
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_SMALLEST, _LARGEST = 1e-3, 1e4  # what is written without a power of ten

# Trusted HTML; {} is where a flavour goes.
_SYMBOLS = {
    "mu_nu": "μ<sub>ν{}</sub>",
    "q_nu": "q<sub>ν{}</sub>",
    "r2_nu": "⟨r²⟩<sub>ν{}</sub>",
    "r2_transition_nu": "⟨r²⟩<sub>ν{}, transition</sub>",
    "sm_strength_nu": "strength of ν{} scattering",
}
_FLAVORS = {"effective": "", "e": "<sub>e</sub>", "mu": "<sub>μ</sub>", "tau": "<sub>τ</sub>"}
_UNITS = {"mu_B": "μ<sub>B</sub>", "e_0": "e<sub>0</sub>", "cm^2": "cm²", "SM": "× SM", "1": "", OWN_UNIT: ""}


def number(value: float | None, digits: int = 3) -> str:
    """A number with so many significant digits, its power of ten as it is printed.

    Examples
    --------
    >>> number(1.624e-11), number(-0.5), number(0.0), number(None)
    ('1.62 × 10⁻¹¹', '−0.500', '0', '–')
    """
    if value is None or not isfinite(value):
        return MISSING
    mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
    rounded, exponent = float(f"{mantissa}e{power}"), int(power)
    if rounded == 0:
        return "0"
    if _SMALLEST <= abs(rounded) < _LARGEST:
        return f"{rounded:.{max(digits - 1 - exponent, 0)}f}".replace("-", MINUS)
    return f"{mantissa} × 10{str(exponent).translate(_SUPERSCRIPTS)}".replace("-", MINUS)


def measured(value: float, uncertainty: float | None) -> str:
    """A value with its uncertainty of two digits, or the value alone.

    Examples
    --------
    >>> measured(0.1392, 0.481), measured(3.21e-05, 1.2e-05), measured(2.0, None)
    ('0.14 ± 0.48', '(3.2 ± 1.2) × 10⁻⁵', '2.00')
    """
    if uncertainty is None or not uncertainty > 0:
        return number(value)
    largest = floor(log10(max(abs(value), uncertainty)))
    power = 0 if _SMALLEST <= 10.0**largest < _LARGEST else largest
    decimals = max(1 - floor(log10(uncertainty)) + power, 0)
    both = " ± ".join(decimal(part / 10.0**power, decimals) for part in (value, uncertainty))
    return both if power == 0 else f"({both}) × 10{str(power).translate(_SUPERSCRIPTS)}"


def decimal(value: float | None, places: int = 2) -> str:
    """A number with so many places after the point, never minus zero.

    Examples
    --------
    >>> decimal(-0.001), decimal(-1.5)
    ('0.00', '−1.50')
    """
    if value is None or not isfinite(value):
        return MISSING
    return f"{value:z.{places}f}".replace("-", MINUS)


def count(value: float | None) -> str:
    """A number of events: whole ones as such, others to a hundredth.

    Examples
    --------
    >>> count(335.0), count(52.4812)
    ('335', '52.48')
    """
    if value is None or not isfinite(value):
        return MISSING
    return decimal(value, 0 if float(value).is_integer() else 2)


def symbol(coupling: str) -> str | Markup:
    """A coupling as HTML: ``mu_nue`` as μ with its subscripts; unknown names stay plain text."""
    from markupsafe import Markup

    for name, formula in _SYMBOLS.items():
        for flavor in FLAVOR_CHOICES:
            if coupling == name + ("" if flavor == "effective" else flavor):
                return Markup(formula.format(_FLAVORS[flavor]))  # noqa: S704 - from the tables above
    return printable(coupling)


def unit(name: str) -> str | Markup:
    """A unit as HTML; unknown ones stay plain text."""
    from markupsafe import Markup

    return Markup(_UNITS[name]) if name in _UNITS else printable(name)  # noqa: S704 - from the table above


def quantity(value: float | None, unit_name: str) -> Markup:
    """A number with its unit, as HTML."""
    from markupsafe import Markup

    ending = unit(unit_name)
    if value is None or not ending:
        return Markup("{}").format(number(value))
    return Markup("{} {}").format(number(value), ending)


def statement(interval: Interval) -> Markup:
    """The interval as a statement about the coupling, as HTML."""
    from markupsafe import Markup

    name = symbol(interval.coupling)
    if interval.method == "cls" and interval.upper is None:
        return Markup("{}: no upper limit").format(name)
    if interval.lower is None and interval.upper is None:
        return Markup("{}: open on both sides").format(name)
    if interval.lower is None:
        return Markup("{} &lt; {}").format(name, quantity(interval.upper, interval.unit))
    if interval.upper is None:
        return Markup("{} &gt; {}").format(name, quantity(interval.lower, interval.unit))
    low, high = number(interval.lower), quantity(interval.upper, interval.unit)
    return Markup("{} &lt; {} &lt; {}").format(low, name, high)


def best_fit(interval: Interval) -> float:
    """The best fit of the coupling; 0 where it differs from a bound at 0 by rounding only."""
    return (
        interval.best_fit
        if without_noise(interval.parameter_best_fit, interval.parameter_upper or 0.0)
        else 0.0
    )
