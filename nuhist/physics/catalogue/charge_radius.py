"""A charge radius beyond the Standard Model, of one flavour and between flavours."""

from __future__ import annotations

from collections.abc import Mapping

from nuhist.physics import coherent, scattering
from nuhist.physics.couplings import Flavor, radiative
from nuhist.physics.hypothesis import CHANGES, KEEPS, Dependence, Hypothesis, RateOptions
from nuhist.tables import Array


def _charge_radius(energy: Array, flavor: Flavor, options: RateOptions) -> Mapping[int, Array]:
    return {
        1: 1e-31 * scattering.charge_radius_linear(energy, radiative(flavor), options.target),
        2: 1e-62 * scattering.charge_radius_quadratic(energy, options.target),
    }


def _transition_charge_radius(energy: Array, _flavor: Flavor, options: RateOptions) -> Mapping[int, Array]:
    # Another flavour goes out: no interference with the Standard Model.
    return {2: 1e-62 * scattering.charge_radius_quadratic(energy, options.target)}


def _on_nuclei(energy: Array, _flavor: Flavor, options: RateOptions) -> Mapping[int, Array]:
    shift = 1e-31 * coherent.radius_shift(energy, options.struck)
    return coherent.shifted(energy, options.struck, options.form_factor, shift)


def _transition_on_nuclei(energy: Array, flavor: Flavor, options: RateOptions) -> Mapping[int, Array]:
    return {2: _on_nuclei(energy, flavor, options)[2]}


ENTRIES = (
    Hypothesis(
        name="charge-radius",
        title="neutrino charge radius beyond the Standard Model's",
        coupling="r2_nu",
        unit="cm^2",
        reference=1e-31,
        terms=_charge_radius,
        other_terms={"nucleus": _on_nuclei},
        dependence=Dependence.POLYNOMIAL,
        parameter="r2_nu{flavor}_scaled",
        scale=2e4,
        bounds=(-17.0, 17.0),
        rrpa=True,
        amplitude=KEEPS,
        formula="g_V -> g_V + sqrt(2) pi alpha r2 / (3 G_F)",
        cited="arXiv:2207.05036, eq. (7), with q^2 r2 / 6 for the charge",
    ),
    Hypothesis(
        name="charge-radius-transition",
        title="neutrino charge radius that changes the flavour",
        coupling="r2_transition_nu",
        unit="cm^2",
        reference=1e-31,
        terms=_transition_charge_radius,
        other_terms={"nucleus": _transition_on_nuclei},
        dependence=Dependence.POWER,
        parameter="r2_transition_nu{flavor}_squared",
        power=2,
        bounds=(0.0, 1000.0),
        rrpa=True,
        amplitude=CHANGES,
        formula="the square of a charge radius alone",
        cited="arXiv:2207.05036, eq. (7), with q^2 r2 / 6 for the charge",
    ),
)
