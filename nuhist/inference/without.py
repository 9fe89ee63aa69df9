"""The fit without the coupling, and where the data make it impossible."""

from __future__ import annotations

import numpy as np

from nuhist.errors import FitError
from nuhist.inference.likelihood import Likelihood, Minimum
from nuhist.tables import Array


def fit_without(likelihood: Likelihood, best: Minimum, data: Array | None = None) -> Minimum:
    """The fit without the coupling.

    Parameters
    ----------
    likelihood, data
        Whose.
    best
        A fit with it, from which this one starts.

    Raises
    ------
    FitError
        If the data are impossible without it, or the fit does not converge.
    """
    name = likelihood.interest.name
    try:
        return likelihood.minimise({name: 0.0}, best.parameters, data)
    except FitError as error:
        observed = (likelihood.data if data is None else data)[: likelihood.model.config.nmaindata]
        point = best.parameters.copy()
        point[likelihood.poi_index] = 0.0
        impossible = (observed > 0) & (likelihood.expected(point) <= 0)
        if not impossible.any():
            raise
        position = int(np.argmax(impossible))
        raise FitError(
            f"{likelihood.origin}: {place(likelihood, position)}: {observed[position]:g} events observed"
            f" where nothing is expected at {name} = 0: there is no fit without it to compare with"
        ) from error


def place(likelihood: Likelihood, position: int) -> str:
    """Channel and bin of a position among the counts, in words."""
    slices = likelihood.model.config.channel_slices.items()
    channel, part = next(item for item in slices if item[1].start <= position < item[1].stop)
    return f"channel '{channel}', bin {position - part.start}"
