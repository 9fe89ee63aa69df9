"""A magnetic moment."""

from __future__ import annotations

from collections.abc import Mapping

from nuhist.physics import coherent, scattering
from nuhist.physics.couplings import Flavor
from nuhist.physics.hypothesis import FLIPS, Dependence, Hypothesis, RateOptions
from nuhist.tables import Array


def _magnetic_moment(energy: Array, _flavor: Flavor, options: RateOptions) -> Mapping[int, Array]:
    return {2: 1e-22 * scattering.magnetic_moment(energy, options.target)}


def _on_nuclei(energy: Array, _flavor: Flavor, options: RateOptions) -> Mapping[int, Array]:
    return {2: 1e-22 * coherent.magnetic_moment(energy, options.struck, options.form_factor)}


ENTRIES = (
    Hypothesis(
        name="magnetic-moment",
        title="neutrino magnetic moment",
        coupling="mu_nu",
        unit="mu_B",
        reference=1e-11,
        terms=_magnetic_moment,
        other_terms={"nucleus": _on_nuclei},
        dependence=Dependence.POWER,
        parameter="mu_nu{flavor}_squared",
        power=2,
        rrpa=True,
        amplitude=FLIPS,
        formula="dsigma/dT = Z_eff pi alpha^2 mu^2 / m_e^2 (1/T - 1/E)",
        cited="arXiv:2207.05036, eq. (6)",
    ),
)
