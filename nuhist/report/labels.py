"""Names, couplings and units as matplotlib writes them."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, isfinite, log10

from nuhist.histfactory.data_kind import DataKind, describe
from nuhist.physics.coupling import OWN_UNIT

_LONGEST = 44  # characters of a name in a figure
_SYMBOLS = {
    "mu_nu": r"\mu_{\nu",
    "mu_sterile_nu": r"\mu_{N\nu",
    "q_nu": r"q_{\nu",
    "r2_nu": r"\langle r^2\rangle_{\nu",
    "r2_transition_nu": r"\langle r^2\rangle^{\mathrm{transition}}_{\nu",
    "a_nu": r"a_{\nu",
    "g2_nu": r"g^2_{\nu",
    **{
        f"g2_{name}_nu": rf"g^2_{{\mathrm{{{name}}},\nu"
        for name in ("universal", "axial", "scalar", "pseudoscalar", "tensor")
    },
    "g2_le_lmu_nu": r"g^2_{L_e - L_\mu,\nu",
    "g2_le_ltau_nu": r"g^2_{L_e - L_\tau,\nu",
    "g2_lmu_ltau_nu": r"g^2_{L_\mu - L_\tau,\nu",
    **{
        f"epsilon_{hand}_{kind}nu": rf"\varepsilon^{{{letter}{more}}}_{{\nu"
        for hand, letter in (("left", "L"), ("right", "R"))
        for kind, more in (("", ""), ("transition_", r",\mathrm{transition}"))
    },
    "epsilon_vector_nu": r"\varepsilon^V_{\nu",
    "g_ae": r"g_{ae",
    "kinetic_mixing": r"\varepsilon_{\mathrm{mix}",
    "delta_sin2_theta_w": r"\delta\sin^2\theta_{W",
    "sm_strength_nu": r"\mathrm{SM\ strength}_{\nu",
}
_FLAVORS = {"": "}", "e": "_e}", "mu": r"_\mu}", "tau": r"_\tau}"}
_UNITS = {"mu_B": r"$\mu_\mathrm{B}$", "e_0": "$e_0$", "cm^2": "cm$^2$", "SM": "SM", "1": "", OWN_UNIT: ""}
_UNSCALED = range(-2, 4)  # powers of ten that need no factor on an axis


def data_label(kind: DataKind) -> str:
    """What data points in a figure are called.

    Examples
    --------
    >>> data_label("observed"), data_label("asimov")
    ('data', 'data (expected, Asimov)')
    """
    return "data" if kind == "observed" else f"data ({describe(kind)})"


def data_title(kind: DataKind, title: str = "", held: Sequence[str] = ()) -> str:
    """A figure's title that says what the data are, unless observed, and what errors are conditional on.

    Examples
    --------
    >>> data_title("observed", "the 2 largest of 3", ["mu"])
    'the 2 largest of 3; errors for mu at its bound'
    """
    said = "" if kind == "observed" else f"data: {describe(kind)}"
    names = f"{literal(held[0], 24)} at its bound" if len(held) == 1 else f"{len(held)} parameters at bounds"
    return "; ".join(filter(None, (title, said, f"errors for {names}" if held else "")))


def with_lifted(title: str, parameter: str | None) -> str:
    """A figure's title that says of which parameter the bound was lifted, if of any."""
    said = "" if parameter is None else f"bound of {literal(parameter, 24)} lifted"
    return "; ".join(filter(None, (title, said)))


def literal(text: str, longest: int = _LONGEST) -> str:
    r"""A name from a file, to be shown as it is: no formula, one line, long ones shortened.

    Examples
    --------
    >>> print(literal("cost_in_$", 20))
    cost_in_\$
    """
    plain = "".join(character if character.isprintable() else " " for character in text)
    plain = " ".join(plain.split()) or "(no name)"
    if len(plain) > longest:
        half = (longest - 1) // 2
        plain = f"{plain[:half]}…{plain[len(plain) - half :]}"
    return plain.replace("$", r"\$")


def symbol(coupling: str) -> str:
    """A coupling as a formula: ``mu_nue`` becomes μ with subscript ν_e; unknown names stay."""
    for name, formula in _SYMBOLS.items():
        if coupling.startswith(name) and coupling[len(name) :] in _FLAVORS:
            return f"${formula}{_FLAVORS[coupling[len(name) :]]}$"
    return literal(coupling)


def unit_symbol(unit: str) -> str:
    """A unit as a formula; empty where it is not known."""
    return _UNITS[unit] if unit in _UNITS else literal(unit)


def common_power(values: Sequence[float]) -> int:
    """Power of ten to take out of numbers on an axis; 0 where they read well as they are."""
    largest = max((abs(value) for value in values if isfinite(value)), default=0.0)
    power = floor(log10(largest)) if largest > 0 else 0
    return 0 if power in _UNSCALED else power


def axis_label(coupling: str, unit: str, power: int, *, exponent: int = 1) -> str:
    """A coupling, or a power of it, with its unit and the power of ten taken out."""
    raised = f"$^{exponent}$" if exponent != 1 else ""
    factor = rf"$\mathrm{{10^{{{power}}}}}$" if power else ""
    shown = unit_symbol(unit)
    inside = " ".join(part for part in (factor, shown and shown + raised) if part)
    name = symbol(coupling) + raised
    return f"{name} [{inside}]" if inside else name


def quantity(coupling: str, value: float, unit: str, *, sign: str = "=") -> str:
    """A coupling with its value, such as μ_ν = 6.4 × 10⁻¹² μ_B."""
    power = common_power([value])
    number = f"{value / 10.0**power:.3g}".replace("-", "−")
    factor = rf" $\times\,\mathrm{{10^{{{power}}}}}$" if power else ""
    return f"{symbol(coupling)} {sign} {number}{factor} {unit_symbol(unit)}".rstrip()
