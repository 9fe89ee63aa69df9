"""Two couplings that interfere: what their product adds to the rate, where both shift g_V and g_A."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nuhist.errors import ConfigError
from nuhist.physics import scattering
from nuhist.physics.called import called
from nuhist.physics.couplings import Couplings, Flavor
from nuhist.physics.hypothesis import ELECTRON, Dependence, Hypothesis, RateOptions
from nuhist.physics.rates import flux_moments, rate
from nuhist.physics.sources.flux import FluxComponent
from nuhist.physics.terms import evaluate_terms
from nuhist.tables import Array

_SAME = 1e-9  # of the largest: the quadratic terms of a hypothesis, and what its shift gives


def can_interfere(first: Hypothesis, second: Hypothesis) -> bool:
    """Whether the product of two couplings is known: both are signed shifts of the electron's g_V and g_A."""
    return first.rrpa == second.rrpa and all(
        each.shift is not None and each.dependence is Dependence.POLYNOMIAL for each in (first, second)
    )


def crossed_rates(
    first: Hypothesis,
    second: Hypothesis,
    flavors: Sequence[Flavor],
    recoil_energy: Array,
    fluxes: Sequence[Sequence[FluxComponent]],
    options: RateOptions,
) -> Array:
    """What the product x y of two couplings over their references adds to the recoil rate.

    Parameters
    ----------
    first, second
        For which :func:`can_interfere`.
    flavors
        That have both couplings.
    recoil_energy
        T in keV, any shape.
    fluxes
        Groups of components; those of one group are added.
    options
        Other choices.

    Returns
    -------
    Events per tonne year keV for x y = 1, shape ``(groups, *T.shape)``.

    Raises
    ------
    ConfigError
        If the process is not that on electrons, or a shift is not that of the hypothesis' terms.

    References
    ----------
    arXiv:2207.05036, eq. (1), a quadratic form Q of (g_V, g_A): Q(u + v) − Q(u) − Q(v) for shifts u and v.
    """
    if options.process != ELECTRON:
        raise ConfigError(
            f"{first.name} and {second.name}: their interference is known for electrons only; build each"
            " alone"
        )
    energy = np.asarray(recoil_energy, dtype=np.float64)
    found = np.zeros((len(fluxes), *energy.shape))
    for flavor in flavors:
        (u_v, u_a), (v_v, v_a) = (_shift(each, energy, flavor, options) for each in (first, second))
        cross = _quadratic(energy, u_v + v_v, u_a + v_a, options)
        cross -= _quadratic(energy, u_v, u_a, options) + _quadratic(energy, v_v, v_a, options)
        for row, flux in enumerate(fluxes):
            found[row] += rate(cross, flavor, energy, flux_moments(energy, flux), options.target)
    if first.rrpa and options.atomic == "rrpa":
        found *= options.target.rrpa_correction(energy)
    return found


def _shift(
    hypothesis: Hypothesis, energy: Array, flavor: Flavor, options: RateOptions
) -> tuple[Array, Array]:
    if hypothesis.shift is None:
        raise ConfigError(f"hypothesis {hypothesis.name}: has no shift of g_V and g_A")
    where = f"hypothesis {hypothesis.name}: shift of flavour {flavor}"
    found = called(hypothesis.shift, where, energy.copy(), flavor, options)
    try:
        vector, axial = (np.broadcast_to(np.asarray(part, dtype=np.float64), energy.shape) for part in found)
    except (TypeError, ValueError):
        raise ConfigError(
            f"{where}: gives {found!r:.80}; expected two arrays of shape {energy.shape}, the changes of g_V"
            " and g_A"
        ) from None
    expected = evaluate_terms(hypothesis, energy, flavor, options)[2]
    given = _quadratic(energy, vector, axial, options)
    if not np.allclose(given, expected, rtol=0, atol=_SAME * float(np.abs(expected).max(initial=0.0))):
        raise ConfigError(
            f"hypothesis {hypothesis.name}: its shift of g_V and g_A is another than that of its terms of"
            " power 2; expected the Standard Model's cross section of the shift alone"
        )
    return vector, axial


def _quadratic(energy: Array, vector: Array, axial: Array, options: RateOptions) -> Array:
    couplings: tuple[Array, Array] = (vector, axial)
    return scattering.standard_model(energy, Couplings(*couplings), options.target)  # type: ignore[arg-type]
