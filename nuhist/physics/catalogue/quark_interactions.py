"""Non-standard interactions with quarks, vector: only nuclei have them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from nuhist.physics import coherent
from nuhist.physics.couplings import Flavor
from nuhist.physics.hypothesis import CHANGES, KEEPS, Dependence, Hypothesis, RateOptions, no_terms
from nuhist.tables import Array

_REFERENCE = 0.05
_QUARKS = {"up": (2, 1), "down": (1, 2)}  # in proton and neutron


def _terms(energy: Array, _flavor: Flavor, options: RateOptions, *, quark: str) -> Mapping[int, Array]:
    nucleus, (in_proton, in_neutron) = options.struck, _QUARKS[quark]
    number = in_proton * nucleus.protons + in_neutron * nucleus.neutrons
    shift = np.full_like(energy, number * _REFERENCE)
    return coherent.shifted(energy, nucleus, options.form_factor, shift)


def _changing(energy: Array, flavor: Flavor, options: RateOptions, *, quark: str) -> Mapping[int, Array]:
    # Another flavour goes out: no interference with the Standard Model.
    return {2: _terms(energy, flavor, options, quark=quark)[2]}


def _entry(quark: str) -> Hypothesis:
    return Hypothesis(
        name=f"nsi-{quark}",
        title=f"non-standard interaction with {quark} quarks",
        coupling=f"epsilon_{quark}_nu",
        unit="1",
        reference=_REFERENCE,
        terms=no_terms,
        other_terms={"nucleus": partial(_terms, quark=quark)},
        dependence=Dependence.POLYNOMIAL,
        parameter=f"epsilon_{quark}_nu{{flavor}}",
        scale=1e4,
        bounds=(-17.0, 17.0),
        amplitude=KEEPS,
        formula=f"g_V -> g_V + epsilon ({_QUARKS[quark][0]} Z + {_QUARKS[quark][1]} N)",
        cited="the usual definition of epsilon of a vector current, hep-ph/0302093",
    )


def _transition(quark: str) -> Hypothesis:
    return Hypothesis(
        name=f"nsi-{quark}-transition",
        title=f"non-standard interaction with {quark} quarks that changes the flavour",
        coupling=f"epsilon_{quark}_transition_nu",
        unit="1",
        reference=_REFERENCE,
        terms=no_terms,
        other_terms={"nucleus": partial(_changing, quark=quark)},
        dependence=Dependence.POWER,
        parameter=f"epsilon_{quark}_transition_nu{{flavor}}_squared",
        power=2,
        bounds=(0.0, 1000.0),
        amplitude=CHANGES,
        formula="the square of epsilon alone, summed over the flavours that go out",
        cited="the usual definition of epsilon of a vector current, hep-ph/0302093",
    )


ENTRIES = tuple(make(quark) for make in (_entry, _transition) for quark in _QUARKS)
