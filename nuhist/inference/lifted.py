"""The bound lifted at which the best fit of the parameter of interest lies."""

from __future__ import annotations

from dataclasses import replace

from nuhist.inference.covariance import on_bound
from nuhist.inference.likelihood import Likelihood, Minimum

_PRECISE = 1e-6  # typical steps: fits know no better where they end
_FAR = 1e30  # typical steps: no best fit lies there


def lifted(likelihood: Likelihood, minimum: Minimum) -> tuple[Likelihood, Minimum, str]:
    """The likelihood without that bound, its minimum, and what was done in words.

    Where the best fit is at no bound, they are the same, and the words none.

    Parameters
    ----------
    likelihood, minimum
        Whose; the minimum is the global one.

    Raises
    ------
    FitError
        If no fit converges without the bound.
    """
    if likelihood.poi is None or likelihood.constant[likelihood.poi_index]:
        return likelihood, minimum, ""
    index = likelihood.poi_index
    if not on_bound(likelihood, minimum)[index]:
        return likelihood, minimum, ""
    lower, upper, far = likelihood.lower.copy(), likelihood.upper.copy(), _FAR * likelihood.scale[index]
    lower[index], upper[index] = min(-far, lower[index]), max(far, upper[index])
    without = replace(likelihood, lower=lower, upper=upper)
    best = without.best()
    found = float(best.parameters[index])
    name, at = likelihood.interest.name, float(minimum.parameters[index])
    bound = min(
        (float(likelihood.lower[index]), float(likelihood.upper[index])), key=lambda end: abs(end - at)
    )
    found = found if abs(found - bound) > _PRECISE * likelihood.scale[index] else bound
    words = (
        f"the best fit of {name} is at its bound, {bound:.4g}; this is with the bound lifted, where it is"
        f" {found:.4g}"
    )
    return without, best, words
