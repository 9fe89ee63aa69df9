"""A small electric charge: free electrons, equivalent photons, and the larger of both."""

from __future__ import annotations

from collections.abc import Mapping

from nuhist.physics import coherent, scattering
from nuhist.physics.couplings import Flavor, radiative
from nuhist.physics.hypothesis import KEEPS, Dependence, Hypothesis, ParameterRange, RateOptions
from nuhist.tables import Array


def _millicharge_fea(energy: Array, flavor: Flavor, options: RateOptions) -> Mapping[int, Array]:
    return {
        1: 1e-13 * scattering.millicharge_fea_linear(energy, radiative(flavor), options.target),
        2: 1e-26 * scattering.millicharge_fea_quadratic(energy, options.target),
    }


def _millicharge_epa(energy: Array, _flavor: Flavor, options: RateOptions) -> Mapping[int, Array]:
    return {2: 1e-26 * scattering.millicharge_epa(energy, options.target, options.neutrino_mass_ev)}


def _on_nuclei(energy: Array, _flavor: Flavor, options: RateOptions) -> Mapping[int, Array]:
    shift = 1e-13 * coherent.charge_shift(energy, options.struck)
    return coherent.shifted(energy, options.struck, options.form_factor, shift)


ENTRIES = (
    Hypothesis(
        name="millicharge-fea",
        title="neutrino millicharge, free electrons (FEA)",
        coupling="q_nu",
        unit="e_0",
        reference=1e-13,
        terms=_millicharge_fea,
        other_terms={"nucleus": _on_nuclei},
        dependence=Dependence.POLYNOMIAL,
        parameter="q_nu{flavor}_scaled",
        scale=1e4,
        bounds=(-12.0, 12.0),
        # Counts right to 1e-6 (see histfactory.polynomial): interference takes away two thirds
        # of the quadratic part of nu_e, and little of nu_mu and nu_tau, whose limits are wider.
        flavor_ranges={
            "e": ParameterRange(2e4, (-15.0, 15.0)),
            "mu": ParameterRange(1e4, (-17.0, 17.0)),
            "tau": ParameterRange(1e4, (-17.0, 17.0)),
        },
        amplitude=KEEPS,
        formula="g_V -> g_V + 2 sqrt(2) pi alpha q / (G_F q^2), with q^2 = -2 m_e T",
        cited="arXiv:2207.05036, eq. (7)",
    ),
    Hypothesis(
        name="millicharge-epa-only",
        title="neutrino millicharge, equivalent photons alone (EPA)",
        coupling="q_nu",
        unit="e_0",
        reference=1e-13,
        terms=_millicharge_epa,
        dependence=Dependence.POWER,
        parameter="q_nu{flavor}_squared",
        power=2,
        absorption=True,
        amplitude=KEEPS,
        formula="dsigma/dT = 2 alpha / pi q^2 sigma_gamma(T) / T ln(E / m_nu)",
        cited="arXiv:2207.05036, eq. (8)",
    ),
    Hypothesis(
        name="millicharge-epa",
        title="neutrino millicharge, the larger of EPA and FEA",
        coupling="q_nu",
        unit="e_0",
        reference=1e-13,
        terms=_millicharge_fea,
        dependence=Dependence.GENERAL,
        parameter="mu",
        alternative=_millicharge_epa,
        other_terms={"nucleus": _on_nuclei},
        absorption=True,
        amplitude=KEEPS,
        formula="at each T and E the larger of equivalent photons and of free electrons",
        cited="arXiv:2207.05036, Sec. III",
    ),
)
