"""Recoil rates of a hypothesis: its cross sections folded with fluxes of all flavours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from nuhist.errors import OptionError
from nuhist.physics import scattering
from nuhist.physics.couplings import FLAVORS, Flavor
from nuhist.physics.hypotheses import HYPOTHESES, FlavorChoice, Hypothesis, RateOptions, active_flavors
from nuhist.physics.processes import PROCESSES, refuse_other_process
from nuhist.physics.rate_options import ELECTRON
from nuhist.physics.rates import flux_moments, rate, rates_of_larger
from nuhist.physics.sources.flux import FluxComponent
from nuhist.physics.targets.target import Target
from nuhist.physics.terms import evaluate_terms, own_rates, refuse_negative, refuse_negative_rates
from nuhist.tables import Array


def breakpoints(
    hypothesis: Hypothesis, target: Target, flux: Sequence[FluxComponent] = (), process: str = ELECTRON
) -> Array:
    """Recoil energies in keV at which a rate is not smooth: quadratures are split there.

    These are the target's edges, what the hypothesis has, and the ends of each component's recoil energies.
    """
    kind = PROCESSES[process]
    ranges = [
        scattering.recoil_range(float(part.energy[-1]), outgoing, body.mass)
        for part in flux
        for outgoing in {0.0, hypothesis.outgoing_mass}
        for body in kind.bodies(target)
    ]
    ends = [end for ends in ranges if ends is not None for end in ends if end > 0]
    found = np.union1d(np.union1d(kind.edges(target), hypothesis.nodes), ends)
    return np.union1d(found, target.photoabsorption_nodes()) if hypothesis.absorption else found


def refuse_unused_mass(*hypotheses: Hypothesis) -> None:
    """Refuse a neutrino mass where the cross sections of none of the hypotheses depend on it.

    Raises
    ------
    OptionError
        With the hypotheses that do.
    """
    if not any(map(_depends_on_mass, hypotheses)):
        names = " and ".join(hypothesis.name for hypothesis in hypotheses)
        takers = " and ".join(name for name, entry in HYPOTHESES.items() if _depends_on_mass(entry))
        raise OptionError(f"neutrino_mass=...: does nothing with {names}; it belongs to {takers}")


def _depends_on_mass(hypothesis: Hypothesis) -> bool:
    if not hypothesis.of_neutrinos or ELECTRON not in hypothesis.processes:
        return False
    energy, flavor = np.array([1.0, 10.0]), FLAVORS[0]
    options = RateOptions(neutrino_mass_ev=1.0), RateOptions(neutrino_mass_ev=2.0)
    for other in (False, True) if hypothesis.alternative else (False,):
        first, second = (
            evaluate_terms(hypothesis, energy, flavor, entry, alternative=other) for entry in options
        )
        if any(not np.array_equal(first[power], second[power]) for power in first):
            return True
    return False


def recoil_rates(
    hypothesis: Hypothesis,
    flavor: FlavorChoice,
    recoil_energy: Array,
    flux: Sequence[FluxComponent],
    options: RateOptions,
) -> dict[int, Array]:
    """Recoil rates per power of x = coupling / reference; power 0 is the Standard Model.

    Parameters
    ----------
    hypothesis, flavor
        What is tested, and which flavours have the coupling.
    recoil_energy
        T in keV, any shape.
    flux
        Components, which are added.
    options
        Other choices.

    Returns
    -------
    Events per tonne year keV for each power, each with the shape of T.

    Raises
    ------
    ConfigError
        If the hypothesis has no cross section for the process, or its terms are not what it declares, see
        :mod:`nuhist.physics.terms`, or give a negative rate at a coupling within its bounds.
    """
    return recoil_rates_by_flux(hypothesis, flavor, recoil_energy, [flux], options)[0]


def recoil_rates_by_flux(
    hypothesis: Hypothesis,
    flavor: FlavorChoice,
    recoil_energy: Array,
    fluxes: Sequence[Sequence[FluxComponent]],
    options: RateOptions,
) -> list[dict[int, Array]]:
    """:func:`recoil_rates` of several fluxes, for which the cross sections are evaluated once.

    Parameters
    ----------
    fluxes
        Groups of components; those of one group are added.
    hypothesis, flavor, recoil_energy, options
        As in :func:`recoil_rates`.
    """
    refuse_other_process(hypothesis, options.process)
    energy = np.asarray(recoil_energy, dtype=np.float64)
    correction, outgoing = _correction(energy, options), hypothesis.outgoing_mass
    found = [{0: np.zeros_like(energy)} for _ in fluxes]
    for body in PROCESSES[options.process].bodies(options.target):
        standard, terms = _cross_sections(hypothesis, flavor, energy, replace(options, nucleus=body.nucleus))
        for rates, flux in zip(found, fluxes, strict=True):
            folded = flux_moments(energy, flux, mass=body.mass)
            heavy = flux_moments(energy, flux, outgoing, body.mass) if outgoing else folded
            for name, powers in terms.items():
                for power, term in powers.items():
                    part = rate(term, name, energy, heavy, options.target, outgoing, body.mass)
                    part = body.number * part
                    rates[power] = rates[power] + part if power in rates else part
            for name, term in standard.items():
                rates[0] = rates[0] + body.number * rate(term, name, energy, folded, options.target)
    for rates in found:
        for power, values in rates.items():
            rates[power] = values * (correction if power == 0 or hypothesis.rrpa else 1.0)
        refuse_negative_rates(hypothesis, flavor, recoil_energy, rates)
    return found


def _cross_sections(
    hypothesis: Hypothesis, flavor: FlavorChoice, energy: Array, options: RateOptions
) -> tuple[dict[Flavor, Array], dict[Flavor, dict[int, Array]]]:
    """Of each flavour the Standard Model's, unless it is replaced, and what the coupling adds."""
    with_coupling, process = active_flavors(flavor), PROCESSES[options.process]
    standard: dict[Flavor, Array] = {}
    terms: dict[Flavor, dict[int, Array]] = {}
    for name in FLAVORS:
        active = name in with_coupling
        if not (active and hypothesis.replaces_standard_model):
            standard[name] = process.standard_model(energy, name, options)
        if active:
            terms[name] = evaluate_terms(hypothesis, energy, name, options)
    return standard, terms


def recoil_rates_at(
    hypothesis: Hypothesis,
    flavor: FlavorChoice,
    coupling: float,
    recoil_energy: Array,
    fluxes: Sequence[Sequence[FluxComponent]],
    options: RateOptions,
) -> tuple[Array, Array]:
    """Recoil rates at one value of the coupling, exact for every hypothesis.

    Parameters
    ----------
    coupling
        In the hypothesis' unit.
    fluxes
        Groups of components; those of one group are added.
    hypothesis, flavor, recoil_energy, options
        As in :func:`recoil_rates`.

    Returns
    -------
    The Standard Model's part and what the coupling adds, events per tonne year keV, each of shape
    ``(groups, *T.shape)``.

    Raises
    ------
    ConfigError
        If the coupling is no number of a size that can be used, the terms are not what the hypothesis
        declares, or the rate is negative.
    """
    scale = hypothesis.parameter_of_interest(flavor)
    scale.to_parameter(coupling)  # refuses what is no usable number
    x = coupling / hypothesis.reference
    parts = recoil_rates_by_flux(hypothesis, flavor, recoil_energy, fluxes, options)
    standard = np.stack([part.pop(0) for part in parts])
    if hypothesis.alternative is None or options.process != ELECTRON:  # nuclei have no alternative
        added = np.zeros_like(standard)
        for row, part in enumerate(parts):
            added[row] = sum(x**power * values for power, values in part.items())
        own = own_rates(hypothesis, recoil_energy, options.target)
        for power, values in own.items():
            added[0] += x**power * values  # of no flux, so that it comes once
        totals = [standard.sum(axis=0), added[0]] if own else [standard, added]
        refuse_negative(hypothesis, x, recoil_energy, totals)
        return standard, added
    total = np.zeros_like(standard)
    for name in active_flavors(flavor):
        first, second = (
            sum(
                x**power * term
                for power, term in evaluate_terms(
                    hypothesis, recoil_energy, name, options, alternative=other
                ).items()
            )
            for other in (True, False)
        )
        total += rates_of_larger(
            np.asarray(first), np.asarray(second), name, recoil_energy, fluxes, options.target
        )
    refuse_negative(hypothesis, x, recoil_energy, [standard, total])
    return standard, total


def _correction(recoil_energy: Array, options: RateOptions) -> Array:
    if options.atomic == "rrpa" and options.process == ELECTRON:
        return options.target.rrpa_correction(recoil_energy)
    return np.ones_like(recoil_energy)
