"""What a hypothesis is: one coupling, and how it changes the rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil, log10
from pkgutil import resolve_name
from typing import Any

import numpy as np

from nuhist.physics.coupling import CouplingScale
from nuhist.physics.hypothesis_checks import check_fields
from nuhist.physics.hypothesis_fields import (
    CHANGES,
    FLAVOR_CHOICES,
    FLIPS,
    KEEPS,
    UNSTATED,
    Dependence,
    FlavorChoice,
    Line,
    ParameterRange,
    Product,
    Propagation,
    Rates,
    Shift,
    Terms,
    Unstated,
    no_terms,
)
from nuhist.physics.rate_options import ATOMIC_CHOICES, ELECTRON, Atomic, RateOptions

# What hypotheses of users take from here.
__all__ = [
    "ATOMIC_CHOICES", "CHANGES", "ELECTRON", "FLAVOR_CHOICES", "FLIPS", "KEEPS", "UNSTATED", "Atomic",
    "Dependence", "FlavorChoice", "Hypothesis", "Line", "ParameterRange", "Propagation", "RateOptions",
    "Rates", "Shift", "Terms", "Unstated", "no_terms",
]  # fmt: skip


@dataclass(frozen=True)
class Hypothesis:
    """A hypothesis: one coupling, and how it changes the rate.

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
        How the rate depends on the coupling, and so which construction of HistFactory fits.
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
        What the amplitude does to the neutrino, to know with which others it
        interferes: with those that do the same on the same flavour. :data:`KEEPS`, :data:`FLIPS`,
        :data:`CHANGES`, of a heavy state :func:`~nuhist.physics.hypothesis_fields.turns_into`, or None where
        nothing is known.
    formula, cited
        What is computed, and where it comes from, for readers.
    rates
        Rates of a signal that is no neutrino's, in place of ``terms``: dR/dT at recoil energies in keV on a
        target, in events per tonne year keV for x = 1, by power of x. No flux, flavour or mixing changes it.
    products
        Rates of the product with another coupling, by the name of its hypothesis, both couplings being their
        references; of two signals that have ``rates`` and are signed polynomials.
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
    products: Mapping[str, Product] = field(default_factory=dict)
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
            object.__setattr__(self, "parameter", _parameter(self))
        if self.bounds == (UNSTATED, UNSTATED):
            object.__setattr__(self, "bounds", _BOUNDS.get(self.dependence, (0.0, 100.0)))
        if isinstance(self.scale, Unstated):
            object.__setattr__(self, "scale", _scale(self))
        check_fields(self)
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
        """Whether the signal is made by neutrinos that scatter."""
        return self.rates is None and self.line is None

    @property
    def processes(self) -> tuple[str, ...]:
        """Names of the processes that have this coupling, such as ``"electron"``."""
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


def _parameter(hypothesis: Hypothesis) -> str:
    """The name of a parameter of which none is stated: never that of the coupling for other numbers."""
    same = hypothesis.dependence is not Dependence.POLYNOMIAL and hypothesis.reference == 1
    raised = {1: "" if same else "_scaled", 2: "_squared"}.get(hypothesis.power, f"_power{hypothesis.power}")
    return f"{hypothesis.coupling}{{flavor}}{raised}" if hypothesis.coupling else ""


def _scale(hypothesis: Hypothesis) -> float:
    """The scale of a parameter of which none is stated, see :mod:`nuhist.histfactory.polynomial`."""
    reach = max(map(abs, hypothesis.bounds))
    if hypothesis.dependence is not Dependence.POLYNOMIAL or not 0 < reach < np.inf:
        return 1.0
    return float(10.0 ** ceil(log10(_FINE * reach)))


_FINE = 550  # least scale over the largest bound: the quadratic part is then right to 1e-6
