"""Non-standard interactions with quarks, vector: only nuclei have them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from nuhist.physics import coherent
from nuhist.physics.couplings import Flavor
from nuhist.physics.hypothesis import Hypothesis, RateOptions
from nuhist.physics.interaction import diagonal, squared, transition
from nuhist.tables import Array

_REFERENCE = 0.05
_QUARKS = {"up": (2, 1), "down": (1, 2)}  # in proton and neutron
_CITED = "the usual definition of epsilon of a vector current, hep-ph/0302093"


def _terms(energy: Array, _flavor: Flavor, options: RateOptions, *, quark: str) -> Mapping[int, Array]:
    nucleus, (in_proton, in_neutron) = options.struck, _QUARKS[quark]
    number = in_proton * nucleus.protons + in_neutron * nucleus.neutrons
    shift = np.full_like(energy, number * _REFERENCE)
    return coherent.shifted(energy, nucleus, options.form_factor, shift)


def _diagonal(quark: str) -> Hypothesis:
    return diagonal(
        quark,
        f"{quark} quarks",
        reference=_REFERENCE,
        other_terms={"nucleus": partial(_terms, quark=quark)},
        scale=1e4,
        formula=f"g_V -> g_V + epsilon ({_QUARKS[quark][0]} Z + {_QUARKS[quark][1]} N)",
        cited=_CITED,
    )


def _transition(quark: str) -> Hypothesis:
    return transition(
        quark,
        f"{quark} quarks",
        reference=_REFERENCE,
        other_terms={"nucleus": squared(partial(_terms, quark=quark))},
        cited=_CITED,
    )


ENTRIES = tuple(make(quark) for make in (_diagonal, _transition) for quark in _QUARKS)
