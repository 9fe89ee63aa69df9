"""An anapole moment: the spectrum of a charge radius under another name."""

from __future__ import annotations

from collections.abc import Mapping

from nuhist.physics import coherent, scattering
from nuhist.physics.couplings import Flavor, radiative
from nuhist.physics.hypothesis import KEEPS, Dependence, Hypothesis, RateOptions
from nuhist.tables import Array

_REFERENCE = 2e-32  # cm²
# ⟨r²⟩ of an anapole moment of 1, in the sign of arXiv:0805.4177; others have −6. For left-handed neutrinos
# the two vertices are the same.
_RADIUS = 6.0


def _terms(energy: Array, flavor: Flavor, options: RateOptions) -> Mapping[int, Array]:
    radius = _RADIUS * _REFERENCE
    return {
        1: radius * scattering.charge_radius_linear(energy, radiative(flavor), options.target),
        2: radius**2 * scattering.charge_radius_quadratic(energy, options.target),
    }


def _on_nuclei(energy: Array, _flavor: Flavor, options: RateOptions) -> Mapping[int, Array]:
    shift = _RADIUS * _REFERENCE * coherent.radius_shift(energy, options.struck)
    return coherent.shifted(energy, options.struck, options.form_factor, shift)


ENTRIES = (
    Hypothesis(
        name="anapole-moment",
        title="neutrino anapole moment beyond the Standard Model's",
        coupling="a_nu",
        unit="cm^2",
        reference=_REFERENCE,
        terms=_terms,
        other_terms={"nucleus": _on_nuclei},
        dependence=Dependence.POLYNOMIAL,
        parameter="a_nu{flavor}_scaled",
        scale=2e4,
        bounds=(-17.0, 17.0),
        rrpa=True,
        amplitude=KEEPS,
        formula="a charge radius of 6 a",
        cited="arXiv:0805.4177, a = r2 / 6",
    ),
)
