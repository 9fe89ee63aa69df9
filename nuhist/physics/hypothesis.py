"""What a hypothesis is: one coupling, how it changes the rate, and which choices of the physics there are."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from math import ceil, isfinite, log10
from pkgutil import resolve_name
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from nuhist.errors import ConfigError, unknown_name
from nuhist.physics.coupling import CouplingScale
from nuhist.physics.couplings import Flavor
from nuhist.physics.form_factors import FORM_FACTOR_CHOICES, FormFactorChoice
from nuhist.physics.targets.nucleus import Nucleus
from nuhist.physics.targets.registry import get_target
from nuhist.physics.targets.target import Target
from nuhist.tables import Array
from nuhist.values import as_positive


class Unstated(float):
    """A number that is left out and that nuhist finds: no number until then."""


UNSTATED = Unstated("nan")
FlavorChoice = Literal["effective", "e", "mu", "tau"]
FLAVOR_CHOICES: tuple[FlavorChoice, ...] = get_args(FlavorChoice)
Atomic = Literal["step", "rrpa"]
ATOMIC_CHOICES: tuple[Atomic, ...] = get_args(Atomic)
ELECTRON = "electron"  # the process that is meant unless another one is named


class Dependence(Enum):
    """How the rate depends on the coupling."""

    POWER = "one power of the coupling beside the Standard Model"
    POLYNOMIAL = "a part linear and a part quadratic in a signed coupling"
    GENERAL = "no polynomial in the coupling"


def _xenon() -> Target:
    return get_target("xenon")


@dataclass(frozen=True)
class RateOptions:
    """Choices of the physics that are no hypotheses.

    Attributes
    ----------
    atomic
        ``"step"``: free electrons times the effective charge; ``"rrpa"``: that times the RRPA
        ratio, for the Standard Model and the magnetic moment.
    neutrino_mass_ev
        Mass in eV in the equivalent-photon approximation.
    target
        What is hit; an experiment puts its own here.
    process
        Which scattering, by name in :data:`nuhist.physics.processes.PROCESSES`; an experiment's own, too.
    form_factor
        Form factor of nuclei: ``"helm"``, ``"klein-nystrand"`` or ``"none"``.
    nucleus
        That recoils, where cross sections on nuclei are evaluated: one after the other.
    """

    atomic: Atomic = "step"
    neutrino_mass_ev: float = 1.0
    target: Target = field(default_factory=_xenon)
    process: str = ELECTRON
    form_factor: FormFactorChoice = "helm"
    nucleus: Nucleus | None = None

    @property
    def struck(self) -> Nucleus:
        """The nucleus that recoils; a ConfigError where electrons do."""
        if self.nucleus is None:
            raise ConfigError("a cross section on nuclei was asked for electrons")
        return self.nucleus

    def __post_init__(self) -> None:
        if self.form_factor not in FORM_FACTOR_CHOICES:
            raise unknown_name("form factor", self.form_factor, FORM_FACTOR_CHOICES)
        if self.atomic not in ATOMIC_CHOICES:
            raise unknown_name("atomic response", self.atomic, ATOMIC_CHOICES)
        object.__setattr__(
            self, "neutrino_mass_ev", as_positive(self.neutrino_mass_ev, "neutrino mass", "eV")
        )


# What an amplitude does to the neutrino, see :class:`Hypothesis`.
KEEPS = "keep flavour and helicity"
FLIPS = "flip the helicity"
CHANGES = "change the flavour and keep the helicity"
Terms = Callable[[Array, Flavor, RateOptions], Mapping[int, Array]]
# Changes of g_V and g_A at recoil energies in keV.
Shift = Callable[[Array, Flavor, RateOptions], tuple[Array, Array]]
# Parameters of a source by name, at x = coupling / reference, for the flavours that have the coupling.
Propagation = Callable[[float, FlavorChoice], Mapping[str, float]]
# dR/dT of a signal that is no neutrino's, events per tonne year keV, by power of the coupling.
Rates = Callable[[Array, Target], Mapping[int, Array]]
# Of a line: its energy in keV, and events per tonne year for x = 1.
Line = Callable[[Target], tuple[float, float]]


def no_terms(_energy: Array, _flavor: Flavor, _options: RateOptions) -> Mapping[int, Array]:
    """Terms of a signal that is no neutrino's, or that electrons do not have: nothing."""
    return {}


class ParameterRange(NamedTuple):
    """Scale and bounds of a parameter of interest, see :class:`Hypothesis`."""

    scale: float
    bounds: tuple[float, float]


@dataclass(frozen=True)
class Hypothesis:
    """One coupling and how it changes the rate.

    With x = coupling / reference, the cross section of a flavour that has the coupling is the
    Standard Model's plus Σ xⁿ terms[n]. With ``alternative``, what is added to the Standard Model
    is, at each T and E, the larger of Σ xⁿ terms[n] and Σ xⁿ alternative[n].

    Attributes
    ----------
    name, title
        For the command line and for readers.
    coupling, unit, reference
        The physical quantity, its unit, and the value that x = 1 stands for. Without a reference, functions
        are for a coupling of 1 in its unit, and nuhist finds one, see :mod:`nuhist.physics.reference`.
    terms
        Cross sections on electrons per power of x for one flavour (coefficients of
        :mod:`nuhist.physics.scattering`); :func:`no_terms` for a signal that has ``rates``, or that only
        other processes have.
    dependence
        Which HistFactory construction fits.
    parameter
        Name of the parameter of interest, with ``{flavor}`` where a single flavour's name goes; made from the
        coupling where it is left out.
    power
        The parameter is xᵖ over ``scale``.
    scale
        See ``power``; 1 unless the parameter has to stay near the origin of an interpolation, and chosen for
        that where it is left out. See :mod:`nuhist.histfactory.bounds`.
    bounds
        Bounds of xᵖ, the Standard Model between them; p is 1 for a signed polynomial. They are
        moved outwards where an experiment needs it.
    flavor_ranges
        Other scales and bounds for some flavours.
    alternative
        Cross sections that compete with ``terms``.
    rrpa
        Whether the RRPA ratio applies to ``terms``.
    absorption
        Whether the photoabsorption enters, so that quadratures are split at its nodes.
    replaces_standard_model
        Whether ``terms`` stand in place of the Standard Model's rate instead of adding to it.
    shift
        Changes of the electron's g_V and g_A by which x = 1 makes the terms, a function like ``terms``, to
        know the product of this coupling and another one that interferes.
    propagation
        What the coupling does on the way from the Sun: parameters of the source
        (:mod:`nuhist.physics.sources.kinds.sun`) at x for the flavours that have it.
    outgoing_mass
        In keV, of what the neutrino becomes by ``terms``; it sets the kinematic limits, beside T.
    amplitude
        What the amplitude does to the neutrino, such as :data:`KEEPS`, to know with which others it
        interferes: with those that do the same on the same flavour. None where nothing is known.
    formula, cited
        What is computed, and where it comes from, for readers.
    rates
        Rates of a signal that is no neutrino's, in place of ``terms``: dR/dT at recoil energies in keV on a
        target, in events per tonne year keV for x = 1, by power of x. No flux, flavour or mixing changes it.
    nodes
        Recoil energies in keV at which ``rates`` are not smooth.
    line
        Line of a signal that is no neutrino's and has all its events at one energy, in place of ``rates``:
        that energy in keV, and the events per tonne year for x = 1, of a target.
    other_terms
        The same as ``terms`` for other processes, such as ``{"nucleus": ...}``, per nucleus: coefficients of
        :mod:`nuhist.physics.coherent`.
    own_process
        Whose recoils ``rates`` or ``line`` are.
    origin
        How other processes find it, if it is one of a file or of another package: as
        :func:`nuhist.physics.hypotheses.get_hypothesis` takes it.

    Raises
    ------
    ConfigError
        If a field makes no sense, alone or with the others.
    """

    name: str
    title: str
    coupling: str
    unit: str
    reference: float = UNSTATED
    terms: Terms = no_terms
    dependence: Dependence = Dependence.POWER
    parameter: str = ""
    power: int = 1
    scale: float = UNSTATED
    bounds: tuple[float, float] = (UNSTATED, UNSTATED)
    flavor_ranges: Mapping[FlavorChoice, ParameterRange] = field(default_factory=dict)
    alternative: Terms | None = None
    rrpa: bool = False
    absorption: bool = False
    replaces_standard_model: bool = False
    shift: Shift | None = None
    propagation: Propagation | None = None
    outgoing_mass: float = 0.0
    amplitude: str | None = None
    formula: str = ""
    cited: str = ""
    rates: Rates | None = None
    nodes: tuple[float, ...] = ()
    line: Line | None = None
    other_terms: Mapping[str, Terms] = field(default_factory=dict)
    own_process: str = ELECTRON
    origin: str | None = None

    def __reduce__(self) -> str | tuple[Any, ...]:
        """Functions of a user's file are not sent to other processes; these read the file themselves."""
        if self.origin is None:
            return super().__reduce__()
        return resolve_name("nuhist.physics.hypotheses:get_hypothesis"), (self.origin,)

    def __post_init__(self) -> None:
        if self.parameter == "" and isinstance(self.coupling, str):
            object.__setattr__(self, "parameter", _parameter(self.coupling, self.power))
        if self.bounds == (UNSTATED, UNSTATED):
            object.__setattr__(self, "bounds", _BOUNDS.get(self.dependence, (0.0, 100.0)))
        if isinstance(self.scale, Unstated):
            object.__setattr__(self, "scale", _scale(self))
        _check_texts(self)
        _check_form(self)
        for flavor in FLAVOR_CHOICES:
            _check_range(self, flavor)
        # NumPy's numbers as Python's, which JSON holds.
        low, high = self.bounds
        for name, value in {
            "power": int(self.power),
            "reference": self.reference if isinstance(self.reference, Unstated) else float(self.reference),
            "scale": float(self.scale),
            "outgoing_mass": float(self.outgoing_mass),
            "bounds": (float(low), float(high)),
            "flavor_ranges": {
                flavor: ParameterRange(float(scale), (float(ends[0]), float(ends[1])))
                for flavor, (scale, ends) in self.flavor_ranges.items()
            },
        }.items():
            object.__setattr__(self, name, value)

    @property
    def of_neutrinos(self) -> bool:
        """Whether the signal is the scattering of neutrinos."""
        return self.rates is None and self.line is None

    @property
    def processes(self) -> tuple[str, ...]:
        """Names of the processes that it has something to say of."""
        if not self.of_neutrinos:
            return (self.own_process,)
        electrons = () if self.terms is no_terms else (ELECTRON,)
        return (*electrons, *self.other_terms)

    @property
    def powers(self) -> tuple[int, ...] | None:
        """Powers of x that ``terms`` must have; None where any will do."""
        if self.dependence is Dependence.POLYNOMIAL:
            return (1, 2)
        return (self.power,) if self.dependence is Dependence.POWER else None

    def parameter_of_interest(self, flavor: FlavorChoice) -> CouplingScale:
        """The parameter of interest and how it translates to the coupling."""
        suffix = "" if flavor == "effective" else flavor
        return CouplingScale(
            self.parameter.format(flavor=suffix),
            self.coupling + suffix,
            self.unit,
            self.reference,
            self.power,
            self.parameter_range(flavor).scale,
        )

    def parameter_range(self, flavor: FlavorChoice) -> ParameterRange:
        """Scale and bounds of the parameter of interest."""
        return self.flavor_ranges.get(flavor, ParameterRange(self.scale, self.bounds))


_BOUNDS = {Dependence.POLYNOMIAL: (-17.0, 17.0)}  # where none are stated


def _parameter(coupling: str, power: int) -> str:
    """The name of a parameter of which none is stated."""
    raised = {1: "", 2: "_squared"}.get(power, f"_power{power}")
    return f"{coupling}{{flavor}}{raised}" if coupling else ""


def _scale(hypothesis: Hypothesis) -> float:
    """The scale of a parameter of which none is stated, see :mod:`nuhist.histfactory.polynomial`."""
    reach = max(map(abs, hypothesis.bounds))
    if hypothesis.dependence is not Dependence.POLYNOMIAL or not 0 < reach < np.inf:
        return 1.0
    return float(10.0 ** ceil(log10(_FINE * reach)))


_FINE = 550  # least scale over the largest bound: the quadratic part is then right to 1e-6
_NEAR = 0.01  # largest bound over scale: the quadratic part is then right to (0.01)²/3 = 3e-5


def _check_texts(hypothesis: Hypothesis) -> None:
    for name in ("name", "title", "coupling", "unit", "parameter"):
        text = getattr(hypothesis, name)
        if not isinstance(text, str) or not text:
            raise ConfigError(f"hypothesis {hypothesis.name!r}: {name} is {text!r}; expected a text")
    try:
        parts = list(string.Formatter().parse(hypothesis.parameter))
        fields = {entry for _, entry, _, _ in parts if entry is not None}
    except ValueError:
        fields = {"braces that do not close"}
    if not fields <= {"flavor"}:
        raise ConfigError(
            f"hypothesis {hypothesis.name}: parameter is '{hypothesis.parameter}'; expected no braces but"
            " {flavor}"
        )
    for name in ("terms", "alternative", "rates", "line"):
        function = getattr(hypothesis, name)
        if not callable(function) and not (name != "terms" and function is None):
            raise ConfigError(f"hypothesis {hypothesis.name}: {name} is {function!r}; expected a function")


def _check_form(hypothesis: Hypothesis) -> None:
    where = f"hypothesis {hypothesis.name}"
    form: Any = hypothesis.dependence
    power: Any = hypothesis.power
    if not isinstance(form, Dependence):
        names = ", ".join(f"Dependence.{entry.name}" for entry in Dependence)
        raise ConfigError(f"{where}: dependence is {form!r}; expected one of {names}")
    if not isinstance(hypothesis.reference, Unstated):
        _positive(hypothesis.reference, f"{where}: reference", hypothesis.unit)
    if isinstance(power, bool) or not isinstance(power, int | np.integer):
        raise ConfigError(f"{where}: power is {power!r}; expected an integer")
    if form is not Dependence.POWER and power != 1:
        raise ConfigError(f"{where}: power is {power}; expected 1, as its dependence is {form.name}")
    if not hypothesis.of_neutrinos:
        _check_own_rates(hypothesis, where)
    elif hypothesis.terms is no_terms and not hypothesis.other_terms:
        raise ConfigError(f"{where}: has no terms, no rates and no line; expected one of them")
    if power != 1 and (power < 2 or power % 2):
        raise ConfigError(
            f"{where}: power is {power}; expected 1 for a signed coupling, or an even number for one whose"
            " sign cannot be seen"
        )
    if hypothesis.alternative is not None and form is not Dependence.GENERAL:
        raise ConfigError(
            f"{where}: it has an alternative and the dependence {form.name}; expected GENERAL, as the larger"
            " of two is no polynomial"
        )
    _check_outgoing_mass(hypothesis, where)
    if hypothesis.propagation is not None and (
        form is not Dependence.GENERAL or hypothesis.alternative is not None
    ):
        raise ConfigError(
            f"{where}: it has a propagation; expected the dependence GENERAL without an alternative, as"
            " flavours are no polynomial in a coupling"
        )
    if hypothesis.alternative is not None and hypothesis.rrpa:
        raise ConfigError(f"{where}: the RRPA ratio of the larger of two is not known; expected rrpa=False")


def _check_outgoing_mass(hypothesis: Hypothesis, where: str) -> None:
    mass = hypothesis.outgoing_mass
    if mass == 0 and not isinstance(mass, bool):
        return
    _positive(mass, f"{where}: outgoing_mass", "keV")
    if (
        not hypothesis.of_neutrinos
        or hypothesis.replaces_standard_model
        or hypothesis.alternative is not None
    ):
        raise ConfigError(
            f"{where}: outgoing_mass is {mass:g} keV; expected 0 with rates of its own, an alternative or"
            " replaces_standard_model, which know massless neutrinos alone"
        )


def _check_own_rates(hypothesis: Hypothesis, where: str) -> None:
    """Refuse what makes no sense of a signal that is no neutrino's."""
    if hypothesis.terms is not no_terms:
        raise ConfigError(f"{where}: it has terms and rates, or a line; expected one of them")
    if hypothesis.rates is not None and hypothesis.line is not None:
        raise ConfigError(f"{where}: it has rates and a line; expected one of them")
    if hypothesis.line is not None and hypothesis.bounds[0] < 0:
        raise ConfigError(
            f"{where}: it has a line, and bounds from {hypothesis.bounds[0]:g} on; expected none below 0,"
            " where events would be taken away"
        )
    if hypothesis.absorption:
        raise ConfigError(
            f"{where}: it has absorption and rates, or a line, of its own; expected the energies at which the"
            " rates are not smooth in nodes, and absorption=False"
        )
    if hypothesis.dependence is not Dependence.POWER or hypothesis.replaces_standard_model or hypothesis.rrpa:
        raise ConfigError(
            f"{where}: it has rates of its own; expected the dependence POWER, without rrpa and without"
            " replaces_standard_model"
        )


def _check_range(hypothesis: Hypothesis, flavor: FlavorChoice) -> None:
    where = f"hypothesis {hypothesis.name}"
    unknown = set(hypothesis.flavor_ranges) - set(FLAVOR_CHOICES)
    if unknown:
        raise ConfigError(
            f"{where}: flavor_ranges has {unknown}; expected keys of {', '.join(FLAVOR_CHOICES)}"
        )
    if flavor in hypothesis.flavor_ranges:
        where = f"{where}: flavor_ranges of {flavor}"
    try:
        scale, (low, high) = hypothesis.parameter_range(flavor)
        numbers = [float(value) for value in (low, high)]
    except (TypeError, ValueError):
        raise ConfigError(
            f"{where}: is {hypothesis.parameter_range(flavor)!r}; expected a scale and two bounds"
        ) from None
    _positive(scale, f"{where}: scale", "")
    if not all(isfinite(value) for value in numbers) or not low < high:
        raise ConfigError(
            f"{where}: bounds are {low} and {high}; expected two finite numbers, the lower first"
        )
    if hypothesis.dependence is Dependence.GENERAL:
        return
    without = 1.0 if hypothesis.replaces_standard_model else 0.0
    if not low <= without <= high:
        raise ConfigError(
            f"{where}: bounds are {low:g} and {high:g}; expected {without:g} between them, which is the"
            " Standard Model"
        )
    reach = max(-low, high)
    if hypothesis.dependence is Dependence.POLYNOMIAL and reach > _NEAR * scale:
        raise ConfigError(
            f"{where}: scale is {scale:g} and the bounds are {low:g} and {high:g}; expected a scale of at"
            f" least {reach / _NEAR:g}, so that the interpolation is quadratic between them"
        )


def _positive(value: Any, where: str, unit: str) -> None:
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not number or not 0 < value < np.inf:
        raise ConfigError(f"{where} is {value!r} {unit}".rstrip() + "; expected a positive number")
