"""Pulls of the constrained parameters, and their impact on the parameter of interest."""

from __future__ import annotations

import numpy as np

from nuhist.__about__ import __version__
from nuhist.errors import FitError
from nuhist.histfactory.loading import Source
from nuhist.inference.covariance import held_on_bounds, not_told
from nuhist.inference.likelihood import Likelihood, Minimum
from nuhist.inference.model import Model, as_model
from nuhist.inference.prepare import Engine
from nuhist.inference.shifted import shifted_fits
from nuhist.inference.structure import Index
from nuhist.inference.study_results import Impact, Ranking
from nuhist.inference.walls import bins_at_walls
from nuhist.tables import Array
from nuhist.values import as_flag

_FEW = 400  # parameters: with more, a fit is looked at again only where turning counts may gain 0.4 of 2NLL


def ranking(
    model: Model | Source,
    *,
    fast: bool = False,
    measurement: str | None = None,
    poi: str | None = None,
    engine: Engine | None = None,
) -> Ranking:
    """Rank the constrained parameters by what they do to the parameter of interest.

    Where its best fit is at a bound, impacts and pulls are those with the bound lifted, and a note says so.

    Parameters
    ----------
    model
        A :class:`nuhist.Model`, or what it is made from: a path, a dict, a workspace.
    fast
        Impacts from the covariance at the best fit, instead of a fit with each parameter held.
    measurement, poi, engine
        Choices of :class:`nuhist.Model`, where one is made.

    Raises
    ------
    ModelError
        If the workspace has no parameter of interest.
    FitError
        If the parameter of interest is fixed.

    Examples
    --------
    >>> from nuhist import build, ranking
    >>> result = ranking(build("lz_ws2022", hypothesis="magnetic-moment"))
    >>> result.impacts[0].parameter
    'lz_ws2022_beta_norm'
    """
    fast = as_flag(fast, "fast")
    made = as_model(model, measurement=measurement, poi=poi, engine=engine).lifted()
    likelihood, interest = made.likelihood, made.likelihood.interest.name
    if likelihood.constant[likelihood.poi_index]:
        raise FitError(
            f"{made.origin}: its parameter of interest {interest} is fixed, so that nothing moves it"
        )
    best, matrix = made.best, made.covariance
    errors = np.sqrt(np.diag(matrix))
    if interest in not_told(likelihood, best, matrix):
        raise FitError(
            f"{made.origin}: the data do not tell {interest} from other parameters; hold one of them"
        )
    meanings = (made.workspace.sidecar or {}).get("parameters", {})
    centre = best.parameters[likelihood.poi_index]
    ranked = [
        (index, name, *likelihood.constraint(index))
        for index, name in enumerate(likelihood.names)
        if name != interest and errors[index] > 0
    ]
    ranked = [entry for entry in ranked if entry[2] is not None]
    held = np.array([entry[0] for entry in ranked], dtype=np.intp)
    shifts = _shifts(likelihood, best, matrix, held, fast=fast)
    impacts = [
        Impact(
            name,
            meanings.get(name, {}).get("meaning"),
            float((best.parameters[index] - middle) / width),
            float(errors[index] / width),
            float(up),
            float(down),
        )
        for (index, name, width, middle), (up, down) in zip(ranked, shifts, strict=True)
        if width is not None
    ]
    impacts.sort(key=lambda impact: -max(abs(impact.impact_up), abs(impact.impact_down)))
    bounded = held_on_bounds(likelihood, best)
    notes = made.notes
    if fast:
        notes = ("impacts are those of the covariance at the best fit, without refits", *notes)
    if interest in bounded:
        notes = (
            f"the best fit of {interest} is at its bound, {centre:.4g}, which cannot be lifted: a parameter"
            " that would move it beyond has an impact of 0 there, and pulls are those of the fit at it",
            *notes,
        )
    return Ranking(
        parameter=interest,
        best_fit=float(centre),
        impacts=tuple(impacts),
        bound_lifted=bool(made.lifted_from),
        conditional_on=bounded,
        notes=notes,
        data_kind=made.data_kind,
        workspace_digest=made.digest,
        nuhist_version=__version__,
    )


def _shifts(likelihood: Likelihood, best: Minimum, matrix: Array, held: Index, *, fast: bool) -> Array:
    """How far the parameter of interest moves with each parameter one error up and down: (held, 2)."""
    interest = likelihood.poi_index
    errors = np.sqrt(np.diag(matrix))[held]
    at, low, high = best.parameters[held], likelihood.lower[held], likelihood.upper[held]
    values = np.stack([np.clip(at + sign * errors, low, high) for sign in (1.0, -1.0)], axis=1)
    if fast:
        return np.asarray((matrix[interest, held] / errors**2)[:, None] * (values - at[:, None]))
    twice, places = np.repeat(held, 2), values.ravel()
    if bins_at_walls(likelihood, best).size:
        found = np.full((twice.size, best.parameters.size), np.nan)  # the edge turns
    else:
        found = shifted_fits(likelihood, best, matrix, twice, places)
        arrays = likelihood.arrays
        few = arrays is not None and arrays.parameters <= _FEW
        doubtful = arrays.turning if arrays is not None and few else likelihood.turning
        looked = (
            few or arrays is None or np.isin(twice, arrays.wide)
        )  # a single bin of hundreds moves nothing
        rows = np.flatnonzero(~np.isnan(found).any(axis=1) & looked)
        if doubtful and rows.size:
            alone = likelihood.alone(found[rows], twice[rows], matrix)
            found[rows[~alone]] = np.nan  # the other valley may be lower
    for row in np.flatnonzero(np.isnan(found).any(axis=1)):
        fixed = {likelihood.names[twice[row]]: float(places[row])}
        found[row] = likelihood.minimise(fixed, best.parameters).parameters
    moved = found[:, interest] - best.parameters[interest]
    return np.asarray(moved.reshape(-1, 2))
