"""The weak mixing angle at low momentum."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nuhist.constants import RHO_NEUTRAL_CURRENT
from nuhist.physics import coherent
from nuhist.physics.couplings import Couplings, Flavor, radiative
from nuhist.physics.hypothesis import KEEPS, Dependence, Hypothesis, RateOptions
from nuhist.physics.mediator import shifted
from nuhist.tables import Array

_REFERENCE = 0.3


def _terms(energy: Array, flavor: Flavor, options: RateOptions) -> Mapping[int, Array]:
    # (B3) to (B7) of arXiv:2207.05036: only g_V depends on the angle at zero momentum, as 2 ρ sin²θ_W.
    shift = np.full_like(energy, 2 * RHO_NEUTRAL_CURRENT * _REFERENCE)
    return shifted(energy, radiative(flavor), options.target, shift, Couplings(1.0, 0.0))


def _shift(energy: Array, _: Flavor, __: RateOptions) -> tuple[Array, Array]:
    return np.full_like(energy, 2 * RHO_NEUTRAL_CURRENT * _REFERENCE), np.zeros_like(energy)


def _on_nuclei(energy: Array, _flavor: Flavor, options: RateOptions) -> Mapping[int, Array]:
    shift = np.full_like(energy, -2 * options.struck.protons * _REFERENCE)
    return coherent.shifted(energy, options.struck, options.form_factor, shift)


ENTRIES = (
    Hypothesis(
        name="weak-mixing-angle",
        title="weak mixing angle at low momentum, less 0.23857",
        coupling="delta_sin2_theta_w",
        unit="1",
        reference=_REFERENCE,
        terms=_terms,
        other_terms={"nucleus": _on_nuclei},
        dependence=Dependence.POLYNOMIAL,
        parameter="delta_sin2_theta_w{flavor}_scaled",
        scale=2e4,
        bounds=(-17.0, 17.0),
        rrpa=True,
        shift=_shift,
        amplitude=KEEPS,
        formula="g_V -> g_V + 2 rho delta; of nuclei g_V -> g_V - 2 Z delta",
        cited="arXiv:2207.05036, (B3) to (B7)",
    ),
)
