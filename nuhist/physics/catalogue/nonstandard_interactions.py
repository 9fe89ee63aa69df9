"""Non-standard interactions in detection: four fermions, left- and right-handed electrons."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from nuhist.physics.couplings import Couplings, Flavor, radiative
from nuhist.physics.hypothesis import CHANGES, KEEPS, Dependence, Hypothesis, RateOptions
from nuhist.physics.mediator import shifted
from nuhist.tables import Array

_REFERENCE = 0.3
# g_L = (g_V + g_A)/2 and g_R = (g_V − g_A)/2.
_DIRECTIONS = {"left": Couplings(1.0, 1.0), "right": Couplings(1.0, -1.0)}
_FORMULAS = {
    "left": "g_L -> g_L + epsilon, where g_L = (g_V + g_A) / 2",
    "right": "g_R -> g_R + epsilon, where g_R = (g_V - g_A) / 2",
}


def _terms(energy: Array, flavor: Flavor, options: RateOptions, *, hand: str) -> Mapping[int, Array]:
    shift = np.full_like(energy, _REFERENCE)
    return shifted(energy, radiative(flavor), options.target, shift, _DIRECTIONS[hand])


def _shift(energy: Array, _: Flavor, __: RateOptions, *, hand: str) -> tuple[Array, Array]:
    vector, axial = _DIRECTIONS[hand]
    return np.full_like(energy, _REFERENCE * vector), np.full_like(energy, _REFERENCE * axial)


def _changing(energy: Array, flavor: Flavor, options: RateOptions, *, hand: str) -> Mapping[int, Array]:
    # Another flavour goes out: no interference with the Standard Model.
    return {2: _terms(energy, flavor, options, hand=hand)[2]}


def _entry(hand: str) -> Hypothesis:
    return Hypothesis(
        name=f"nsi-{hand}",
        title=f"non-standard interaction with {hand}-handed electrons",
        coupling=f"epsilon_{hand}_nu",
        unit="1",
        reference=_REFERENCE,
        terms=partial(_terms, hand=hand),
        dependence=Dependence.POLYNOMIAL,
        parameter=f"epsilon_{hand}_nu{{flavor}}",
        scale=2e4,
        bounds=(-17.0, 17.0),
        rrpa=True,
        shift=partial(_shift, hand=hand),
        amplitude=KEEPS,
        formula=_FORMULAS[hand],
        cited="the usual definition of epsilon_L and epsilon_R",
    )


def _transition(hand: str) -> Hypothesis:
    return Hypothesis(
        name=f"nsi-{hand}-transition",
        title=f"non-standard interaction with {hand}-handed electrons that changes the flavour",
        coupling=f"epsilon_{hand}_transition_nu",
        unit="1",
        reference=_REFERENCE,
        terms=partial(_changing, hand=hand),
        dependence=Dependence.POWER,
        parameter=f"epsilon_{hand}_transition_nu{{flavor}}_squared",
        power=2,
        bounds=(0.0, 1000.0),
        rrpa=True,
        amplitude=CHANGES,
        formula="the square of epsilon alone, summed over the flavours that go out",
        cited="the usual definition of epsilon_L and epsilon_R",
    )


ENTRIES = tuple(make(hand) for make in (_entry, _transition) for hand in _DIRECTIONS)
