"""Errors of parameters from their own profile likelihoods, as MINOS has them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nuhist.inference.likelihood import Likelihood, Minimum
from nuhist.inference.profile import Profile
from nuhist.inference.region import region
from nuhist.physics.coupling import CouplingScale

Errors = tuple[float | None, float | None]

_ONE = 1.0  # Δχ² of one standard deviation


def profile_errors(likelihood: Likelihood, best: Minimum) -> dict[str, Errors]:
    """How far each free parameter can move, downwards and upwards, until 2NLL has risen by 1.

    All other parameters are fitted at each value. None where it has not risen up to the bound, or to where a
    bin would expect less than nothing.

    Parameters
    ----------
    likelihood
        Whose.
    best
        Its global minimum.

    Raises
    ------
    FitError
        If a fit does not converge.
    """
    found: dict[str, Errors] = {}
    for index in np.flatnonzero(~np.array(likelihood.constant)):
        name = likelihood.names[index]
        one = replace(likelihood, poi=CouplingScale.plain(name))
        profile = Profile(one, fitted=best)
        ends = region(profile, _ONE)
        at = float(profile.minimum.parameters[index])
        down = None if ends.lower is None else at - ends.lower
        found[name] = (down, None if ends.upper is None else ends.upper - at)
    return found
