"""Whether the terms of a hypothesis have lost their digits: what is left is noise, which no fit can see."""

from __future__ import annotations

import numpy as np

from nuhist.errors import ConfigError
from nuhist.physics.coupling import spaced
from nuhist.physics.hypotheses import Dependence, FlavorChoice, Hypothesis, RateOptions, active_flavors
from nuhist.physics.reference import reference_of_square
from nuhist.physics.terms import evaluate_terms

_ENERGIES = np.geomspace(1.1, 28.0, 15)  # keV
_APART = 1e-7  # relative: so near that what is smooth stays the same
_NOISE = 1e-4  # relative change that is none of a smooth function
_SMALL = 1e-3  # of the largest value: around a zero, noise is no harm


def refuse_noise(hypothesis: Hypothesis, flavor: FlavorChoice, options: RateOptions) -> None:
    """Refuse a signed coupling on electrons whose linear part was lost beside the quadratic one.

    A difference of cross sections for plus and minus a coupling is rounded to some 1e-16 of them; for a
    coupling far above what experiments see, that is more than the difference.

    Raises
    ------
    ConfigError
        If the linear part is another one at an energy 1e-7 away.
    """
    if hypothesis.dependence is not Dependence.POLYNOMIAL or not hypothesis.of_neutrinos:
        return
    for name in active_flavors(flavor):
        first, second = (
            evaluate_terms(hypothesis, energy, name, options)[1]
            for energy in (_ENERGIES, _ENERGIES * (1 + _APART))
        )
        size = np.abs(first) + _SMALL * np.abs(first).max(axis=1, keepdims=True)
        if (np.abs(first - second) > _NOISE * size).any():
            near = reference_of_square(hypothesis)
            raise ConfigError(
                f"hypothesis {hypothesis.name}: the linear part of its terms has lost its digits, as a small"
                f" difference of large numbers does; state a reference near {near:g}"
                f"{spaced(hypothesis.unit)}, about what experiments see, and give the terms of it"
            )
