"""A non-standard interaction with electrons that acts on the way through the Sun and in the detector."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nuhist.physics.couplings import FLAVORS, Couplings, Flavor, radiative
from nuhist.physics.hypothesis import KEEPS, Dependence, FlavorChoice, Hypothesis, RateOptions
from nuhist.physics.mediator import shifted
from nuhist.physics.sources.survival import in_two_flavors
from nuhist.tables import Array

_REFERENCE = 0.3


def _terms(energy: Array, flavor: Flavor, options: RateOptions) -> Mapping[int, Array]:
    # Both hands alike, ε_L = ε_R = ε/2: g_V = g_L + g_R has the whole, g_A nothing.
    shift = np.full_like(energy, _REFERENCE)
    return shifted(energy, radiative(flavor), options.target, shift, Couplings(1.0, 0.0))


def _propagation(x: float, flavor: FlavorChoice) -> Mapping[str, float]:
    """ε_D and ε_N of electrons; matter sees ε_L + ε_R."""
    epsilons = [x * _REFERENCE if flavor in ("effective", name) else 0.0 for name in FLAVORS]
    diagonal, off_diagonal = in_two_flavors(np.diag(epsilons))
    return {"epsilon_d_e": diagonal, "epsilon_n_e": off_diagonal}


ENTRIES = (
    Hypothesis(
        name="nsi-vector",
        title="non-standard vector interaction with electrons, in the Sun, too",
        coupling="epsilon_vector_nu",
        unit="1",
        reference=_REFERENCE,
        terms=_terms,
        dependence=Dependence.GENERAL,
        parameter="mu",
        rrpa=True,
        propagation=_propagation,
        amplitude=KEEPS,
        formula="g_V -> g_V + epsilon, and sqrt(2) G_F n_e epsilon in the Sun's matter",
        cited="arXiv:1307.3092, for one flavour's diagonal epsilon_L = epsilon_R = epsilon / 2",
    ),
)
