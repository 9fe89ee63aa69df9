"""A light boson with a vector coupling to neutrinos and an axial one to electrons."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from nuhist.physics.couplings import Couplings, Flavor, radiative
from nuhist.physics.family import Family
from nuhist.physics.hypothesis import KEEPS, Dependence, Hypothesis, RateOptions
from nuhist.physics.mediator import MASS, in_fermi_constants, reference, shifted
from nuhist.tables import Array

_MASSLESS = 2e-14


def _terms(
    energy: Array, flavor: Flavor, options: RateOptions, *, mass: float, squared: float
) -> Mapping[int, Array]:
    """Interference and square of L = g_ν ν̄γ^μP_Lν Z'_μ + g_e ēγ^μγ⁵e Z'_μ, per power of g² = g_ν g_e.

    The electron's current of the Standard Model is g_V γ^μ − g_A γ^μγ⁵, so that g_A goes to
    g_A − g² / (√2 G_F (2 m_e T + M²)).
    """
    shift = in_fermi_constants(squared, energy, mass)
    return shifted(energy, radiative(flavor), options.target, shift, Couplings(0.0, -1.0))


def _made(name: str, title: str, values: Mapping[str, float]) -> Hypothesis:
    mass = values["mass"]
    size = reference(_MASSLESS, mass)
    return Hypothesis(
        name=name,
        title=title,
        coupling="g2_axial_nu",
        unit="1",
        reference=size,
        terms=partial(_terms, mass=mass, squared=size),
        dependence=Dependence.POLYNOMIAL,
        parameter="g2_axial_nu{flavor}_scaled",
        scale=2e4,
        bounds=(-17.0, 17.0),
        amplitude=KEEPS,
    )


ENTRIES = (
    Family(
        "light-axial-vector",
        "vector boson with an axial coupling to electrons",
        (MASS,),
        _made,
        formula="g_A -> g_A - g_nu g_e / (sqrt(2) G_F (2 m_e T + M^2))",
        cited="from the Lagrangian; arXiv:1604.01025 for its form",
    ),
)
