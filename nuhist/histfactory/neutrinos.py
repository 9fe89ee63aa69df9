"""Samples of neutrino-electron scattering: the Standard Model's and the coupling's."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from nuhist.errors import ConfigError
from nuhist.experiments.counts import neutrino_counts
from nuhist.experiments.experiment import Experiment, Treatment
from nuhist.experiments.response import make_response
from nuhist.histfactory.options import BuildOptions
from nuhist.histfactory.polynomial import polynomial_modifier
from nuhist.histfactory.templates import (
    Lumi,
    Modifier,
    NormFactor,
    NormSys,
    Parameter,
    Sample,
    linear_constraint,
    mirrored,
)
from nuhist.physics.hypotheses import Dependence, FlavorChoice, Hypothesis, RateOptions
from nuhist.physics.recoils import breakpoints
from nuhist.physics.solar import FLUX_GROUPS, PAPER_FLUX_UNCERTAINTY, group_uncertainty
from nuhist.tables import Array


@dataclass(frozen=True, eq=False)
class NeutrinoModel:
    """Samples, their parameters, and the Standard Model's counts in all."""

    samples: tuple[Sample, ...]
    parameters: tuple[Parameter, ...]
    standard_model: Array


def neutrino_model(
    experiment: Experiment,
    treatment: Treatment,
    hypothesis: Hypothesis,
    flavor: FlavorChoice,
    options: BuildOptions,
) -> NeutrinoModel:
    """Build the scattering samples of a hypothesis that HistFactory can hold.

    Parameters
    ----------
    experiment, treatment
        The detector, and how its data are treated.
    hypothesis, flavor
        What is tested.
    options
        With the treatment's defaults filled in.

    Raises
    ------
    ConfigError
        If the experiment lacks the response, or the constraints cannot be written.
    """
    response = make_response(experiment, options.response or treatment.response, breakpoints(hypothesis))
    physics = RateOptions(atomic=options.atomic, neutrino_mass_ev=options.neutrino_mass)
    atomic_response = treatment.atomic_response and options.atomic == "step"
    samples: list[Sample] = []
    parameters: list[Parameter] = []
    standard_model = np.zeros(experiment.bins)
    for group in ("all",) if options.flux == "paper" else FLUX_GROUPS:
        counts = neutrino_counts(experiment, response, hypothesis, flavor, group, physics)
        bound: dict[int, Array] = {}
        if atomic_response:
            rrpa = replace(physics, atomic="rrpa")
            bound = neutrino_counts(experiment, response, hypothesis, flavor, group, rrpa)
        standard_model += counts[0]
        if hypothesis.replaces_standard_model:
            standard_model += counts[1]
        flux, uncertainty = _flux_parameter(group, lumi=_needs_lumi(hypothesis, options))
        parameters.append(flux)
        for power, values in counts.items():
            if not values.any() or (power > 0 and hypothesis.dependence is Dependence.POLYNOMIAL):
                continue
            modifiers = [_flux_modifier(flux, uncertainty, values, options)]
            if power in bound and not np.array_equal(bound[power], values):
                modifiers.append(mirrored("atomic_response", values, bound[power]))
            modifiers += _coupling_modifiers(hypothesis, flavor, power, counts)
            samples.append(_sample(hypothesis, group, power, values, tuple(modifiers)))
    if atomic_response:
        meaning = "electrons bound in the atom: 0 stepping function, +1 RRPA (arXiv:1610.04177)"
        parameters.append(Parameter("atomic_response", meaning))
    return NeutrinoModel(tuple(samples), tuple(parameters), standard_model)


def _sample(
    hypothesis: Hypothesis, group: str, power: int, values: Array, modifiers: tuple[Modifier, ...]
) -> Sample:
    name, title = "nu", "solar ν–e scattering"
    if power > 0 and not hypothesis.replaces_standard_model:
        name, title = hypothesis.name.replace("-", "_"), hypothesis.title
    elif power == 0 and hypothesis.replaces_standard_model:
        name, title = "nu_other_flavors", "solar ν–e scattering, other flavours"
    if group != "all":
        name, title = f"{name}_{group}", f"{title}, {group}"
    return Sample(name, title, values, modifiers)


def _coupling_modifiers(
    hypothesis: Hypothesis, flavor: FlavorChoice, power: int, counts: dict[int, Array]
) -> list[Modifier]:
    poi = hypothesis.parameter_of_interest(flavor).name
    if hypothesis.dependence is Dependence.POLYNOMIAL:
        return [polynomial_modifier(poi, counts[0], counts[1], counts[2], hypothesis.scale)]
    return [NormFactor(poi)] if power > 0 else []


def _needs_lumi(hypothesis: Hypothesis, options: BuildOptions) -> bool:
    """Whether the flux must be a ``lumi``, which multiplies a histosys and is linear."""
    if options.constraint != "linear" or hypothesis.dependence is not Dependence.POLYNOMIAL:
        return False
    if options.flux != "paper":
        raise ConfigError(
            "a signed coupling with --constraint linear takes its flux as the one lumi parameter that"
            " a model may have; add --flux paper, or use --constraint normsys"
        )
    return True


def _flux_parameter(group: str, *, lumi: bool) -> tuple[Parameter, float]:
    """Flux parameter of a group of components, and its fractional uncertainty."""
    if lumi:
        sigma = PAPER_FLUX_UNCERTAINTY
        meaning = "all solar fluxes over their nominal values, 7 % as in arXiv:2207.05036"
        return Parameter("lumi", meaning, "1", (0.5, 1.5), 1.0, 1.0, sigma), sigma
    if group == "all":
        meaning = "all solar fluxes, 7 % as in arXiv:2207.05036"
        return Parameter("solar_nu_flux", meaning), PAPER_FLUX_UNCERTAINTY
    uncertainty = group_uncertainty(group)
    members = " + ".join(FLUX_GROUPS[group])
    meaning = f"solar {members} flux, {100 * uncertainty:.2g} % (arXiv:1611.09867)"
    return Parameter(f"{group}_flux", meaning), uncertainty


def _flux_modifier(parameter: Parameter, fraction: float, values: Array, options: BuildOptions) -> Modifier:
    if parameter.sigma is not None:
        return Lumi()
    if options.constraint == "linear":
        return linear_constraint(parameter.name, fraction, values)
    return NormSys(parameter.name, fraction)
