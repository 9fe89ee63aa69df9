"""Non-standard interactions in detection: four fermions, left- and right-handed electrons."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from nuhist.physics.couplings import Couplings, Flavor, radiative
from nuhist.physics.hypothesis import Hypothesis, RateOptions
from nuhist.physics.interaction import diagonal, squared, transition
from nuhist.physics.mediator import shifted
from nuhist.tables import Array

_REFERENCE = 0.3
# g_L = (g_V + g_A)/2 and g_R = (g_V − g_A)/2.
_DIRECTIONS = {"left": Couplings(1.0, 1.0), "right": Couplings(1.0, -1.0)}
_FORMULAS = {
    "left": "g_L -> g_L + epsilon, where g_L = (g_V + g_A) / 2",
    "right": "g_R -> g_R + epsilon, where g_R = (g_V - g_A) / 2",
}
_CITED = "the usual definition of epsilon_L and epsilon_R"


def _terms(energy: Array, flavor: Flavor, options: RateOptions, *, hand: str) -> Mapping[int, Array]:
    shift = np.full_like(energy, _REFERENCE)
    return shifted(energy, radiative(flavor), options.target, shift, _DIRECTIONS[hand])


def _shift(energy: Array, _: Flavor, __: RateOptions, *, hand: str) -> tuple[Array, Array]:
    vector, axial = _DIRECTIONS[hand]
    return np.full_like(energy, _REFERENCE * vector), np.full_like(energy, _REFERENCE * axial)


def _diagonal(hand: str) -> Hypothesis:
    return diagonal(
        hand,
        f"{hand}-handed electrons",
        reference=_REFERENCE,
        terms=partial(_terms, hand=hand),
        scale=2e4,
        rrpa=True,
        shift=partial(_shift, hand=hand),
        formula=_FORMULAS[hand],
        cited=_CITED,
    )


def _transition(hand: str) -> Hypothesis:
    return transition(
        hand,
        f"{hand}-handed electrons",
        reference=_REFERENCE,
        terms=squared(partial(_terms, hand=hand)),
        rrpa=True,
        cited=_CITED,
    )


ENTRIES = tuple(make(hand) for make in (_diagonal, _transition) for hand in _DIRECTIONS)
