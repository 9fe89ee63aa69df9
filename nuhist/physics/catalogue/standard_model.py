"""How strong the Standard Model's own scattering is."""

from __future__ import annotations

from collections.abc import Mapping

from nuhist.physics import coherent, scattering
from nuhist.physics.couplings import Flavor, radiative
from nuhist.physics.hypothesis import KEEPS, Dependence, Hypothesis, RateOptions
from nuhist.tables import Array


def _standard_model(energy: Array, flavor: Flavor, options: RateOptions) -> Mapping[int, Array]:
    return {1: scattering.standard_model(energy, radiative(flavor), options.target)}


def _on_nuclei(energy: Array, _flavor: Flavor, options: RateOptions) -> Mapping[int, Array]:
    return {1: coherent.standard_model(energy, options.struck, options.form_factor)}


ENTRIES = (
    Hypothesis(
        name="standard-model",
        title="strength of the Standard Model's neutrino scattering",
        coupling="sm_strength_nu",
        unit="SM",
        reference=1.0,
        terms=_standard_model,
        other_terms={"nucleus": _on_nuclei},
        dependence=Dependence.POWER,
        parameter="sm_strength_nu{flavor}",
        bounds=(0.0, 20.0),
        rrpa=True,
        replaces_standard_model=True,
        amplitude=KEEPS,
        formula="the whole cross section times the strength",
        cited="arXiv:2207.05036, eq. (1)",
    ),
)
