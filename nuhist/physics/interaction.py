"""Non-standard interactions of four fermions: what those with electrons and with quarks share."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from nuhist.physics.couplings import Flavor
from nuhist.physics.hypothesis import CHANGES, KEEPS, Dependence, Hypothesis, RateOptions, Terms
from nuhist.tables import Array


def diagonal(label: str, partner: str, **fields: Any) -> Hypothesis:
    """An interaction that keeps the flavour, and interferes with the Standard Model.

    Parameters
    ----------
    label
        For the names, such as ``"left"``.
    partner
        For readers, such as ``"left-handed electrons"``.
    fields
        Other fields of the hypothesis: its reference, its functions, its scale, and what is cited.
    """
    return Hypothesis(
        name=f"nsi-{label}",
        title=f"non-standard interaction with {partner}",
        coupling=f"epsilon_{label}_nu",
        unit="1",
        dependence=Dependence.POLYNOMIAL,
        parameter=f"epsilon_{label}_nu{{flavor}}_scaled",
        bounds=(-17.0, 17.0),
        amplitude=KEEPS,
        **fields,
    )


def transition(label: str, partner: str, **fields: Any) -> Hypothesis:
    """An interaction that changes the flavour, and interferes with nothing.

    Parameters
    ----------
    label, partner, fields
        As of :func:`diagonal`; the functions are those of :func:`squared`.
    """
    return Hypothesis(
        name=f"nsi-{label}-transition",
        title=f"non-standard interaction with {partner} that changes the flavour",
        coupling=f"epsilon_{label}_transition_nu",
        unit="1",
        dependence=Dependence.POWER,
        parameter=f"epsilon_{label}_transition_nu{{flavor}}_squared",
        power=2,
        bounds=(0.0, 1000.0),
        amplitude=CHANGES,
        formula="the square of epsilon alone, summed over the flavours that go out",
        **fields,
    )


def squared(terms: Terms) -> Terms:
    """The quadratic part of terms alone: another flavour goes out, which the Standard Model has not."""
    return partial(_squared, function=terms)


def _squared(energy: Array, flavor: Flavor, options: RateOptions, *, function: Terms) -> Mapping[int, Array]:
    return {2: function(energy, flavor, options)[2]}
