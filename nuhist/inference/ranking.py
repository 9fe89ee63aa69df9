"""Pulls of the constrained parameters, and their impact on the parameter of interest."""

from __future__ import annotations

import numpy as np

from nuhist.__about__ import __version__
from nuhist.histfactory.workspace import Workspace
from nuhist.inference.covariance import covariance, held_on_bounds
from nuhist.inference.model import Engine, make_likelihood
from nuhist.inference.notes import general_notes
from nuhist.inference.results import Impact, Ranking


def ranking(
    workspace: Workspace,
    *,
    measurement: str | None = None,
    poi: str | None = None,
    engine: Engine = "compiled",
) -> Ranking:
    """Rank the constrained parameters by what they do to the parameter of interest.

    Parameters
    ----------
    workspace
        From :func:`nuhist.build` or :func:`nuhist.load`.
    measurement
        Name of the measurement; the first by default.
    poi
        Another parameter of interest than the measurement's.
    engine
        What fits, see :func:`nuhist.inference.model.make_likelihood`.

    Raises
    ------
    ModelError
        If the workspace has no parameter of interest.

    Examples
    --------
    >>> from nuhist import build, ranking
    >>> result = ranking(build("lz_ws2022", hypothesis="magnetic-moment"))
    >>> result.impacts[0].parameter
    'lz_ws2022_beta_norm'
    """
    likelihood = make_likelihood(workspace, measurement=measurement, poi=poi, engine=engine)
    interest = likelihood.interest.name
    best = likelihood.best()
    errors = np.sqrt(np.diag(covariance(likelihood, best)))
    meanings = (workspace.sidecar or {}).get("parameters", {})
    centre = best.parameters[likelihood.poi_index]
    impacts = []
    for index, name in enumerate(likelihood.names):
        width, middle = likelihood.constraint(index)
        if width is None or name == interest or errors[index] == 0:
            continue
        shifts = []
        for sign in (1.0, -1.0):
            value = best.parameters[index] + sign * errors[index]
            value = float(np.clip(value, likelihood.lower[index], likelihood.upper[index]))
            shifted = likelihood.minimise({name: value}, best.parameters)
            shifts.append(float(shifted.parameters[likelihood.poi_index] - centre))
        pull = float((best.parameters[index] - middle) / width)
        meaning = meanings.get(name, {}).get("meaning")
        impacts.append(Impact(name, meaning, pull, float(errors[index] / width), shifts[0], shifts[1]))
    impacts.sort(key=lambda impact: -max(abs(impact.impact_up), abs(impact.impact_down)))
    held = held_on_bounds(likelihood, best)
    notes = general_notes(workspace, interest)
    if interest in held:
        notes = (
            f"the best fit of {interest} is at its bound, {centre:.4g}: a parameter that would move it beyond"
            " has an impact of 0 there, and pulls are those of the fit at the bound",
            *notes,
        )
    return Ranking(
        parameter=interest,
        best_fit=float(centre),
        impacts=tuple(impacts),
        conditional_on=held,
        notes=notes,
        data_kind=workspace.data_kind,
        workspace_digest=workspace.digest,
        nuhist_version=__version__,
    )
