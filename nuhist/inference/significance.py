"""Significance of a coupling and goodness of fit: asymptotic, and from toys."""

from __future__ import annotations

import numpy as np

from nuhist.__about__ import __version__
from nuhist.errors import FitError
from nuhist.histfactory.workspace import Workspace
from nuhist.inference.execution import Execution, run
from nuhist.inference.fit import fit
from nuhist.inference.likelihood import Likelihood
from nuhist.inference.model import Engine, make_likelihood
from nuhist.inference.notes import command, general_notes, significance_notes
from nuhist.inference.profile import fit_without
from nuhist.inference.results import GoodnessOfFit, Significance
from nuhist.inference.toys import batches, toy_model
from nuhist.tables import Array

_SAME = 1e-7  # in 2NLL: fits end so close to each other


def significance(
    workspace: Workspace,
    *,
    measurement: str | None = None,
    poi: str | None = None,
    engine: Engine = "compiled",
    execution: Execution | None = None,
) -> Significance:
    """Significance of a coupling that is not zero.

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
    execution
        Toys thrown without the coupling; None for the asymptotic formula.

    Raises
    ------
    ModelError
        If the workspace has no parameter of interest.

    Examples
    --------
    >>> from nuhist import build, significance
    >>> result = significance(build("lz_ws2022", hypothesis="magnetic-moment"))
    >>> f"{result.significance:.1f} standard deviations"
    '0.3 standard deviations'
    """
    from scipy.special import chdtrc, ndtr, ndtri

    likelihood = make_likelihood(workspace, measurement=measurement, poi=poi, engine=engine)
    scale = likelihood.interest
    best = likelihood.best()
    without = fit_without(likelihood, best)
    q0 = max(without.twice_nll - best.twice_nll, 0.0)
    signed = bool(likelihood.lower[likelihood.poi_index] < 0)
    error, notes = None, general_notes(workspace, scale.name)
    if execution is None:
        toys = command(workspace, "significance", "--ntoys 10000", measurement=measurement, poi=poi)
        notes = (*significance_notes(likelihood, without, best, toys), *notes)
        # Half of a χ² where the coupling has a boundary at 0, a whole one where it is signed.
        p_value = float(chdtrc(1, q0)) if signed else float(ndtr(-np.sqrt(q0)))
    else:
        tasks = batches(without.parameters, 0.0, execution.toys, execution.seed)
        thrown = np.concatenate(
            [result[0] for result in run(toy_model(likelihood), tasks, execution, workspace.digest)]
        )
        p_value, error = _fraction(thrown, q0)
    return Significance(
        parameter=scale.name,
        coupling=scale.coupling,
        unit=scale.unit,
        best_fit=scale.to_coupling(float(best.parameters[likelihood.poi_index])),
        q0=q0,
        p_value=p_value,
        p_value_error=error,
        significance=float(-ndtri(p_value / 2 if signed else p_value)) if 0 < p_value < 1 else float("nan"),
        method="toys" if execution else "asymptotic",
        toys=execution.toys if execution else None,
        seed=execution.seed if execution else None,
        notes=notes,
        data_kind=workspace.data_kind,
        workspace_digest=workspace.digest,
        nuhist_version=__version__,
    )


def goodness_of_fit(
    workspace: Workspace,
    *,
    measurement: str | None = None,
    engine: Engine = "compiled",
    execution: Execution | None = None,
) -> GoodnessOfFit:
    """Goodness of fit with the saturated model as the alternative.

    Parameters are those of :func:`significance`, without ``poi``; toys are thrown at the best fit.
    """
    result = fit(workspace, measurement=measurement, engine=engine)
    p_value = error = None
    notes = result.notes
    if execution is not None:
        notes = general_notes(workspace, result.parameter)
        likelihood = make_likelihood(workspace, measurement=measurement, engine=engine)
        p_value, error = _saturated_p_value(likelihood, result.min_chi2, execution, workspace.digest)
    return GoodnessOfFit(
        min_chi2=result.min_chi2,
        degrees_of_freedom=result.degrees_of_freedom,
        p_value=result.p_value,
        toys_p_value=p_value,
        toys_p_value_error=error,
        toys=execution.toys if execution else None,
        seed=execution.seed if execution else None,
        notes=notes,
        data_kind=workspace.data_kind,
        workspace_digest=workspace.digest,
        nuhist_version=__version__,
    )


def _saturated_p_value(
    likelihood: Likelihood, observed: float, execution: Execution, digest: str
) -> tuple[float, float]:
    """Fraction of toys that fit no better than the data, and its error."""
    tasks = batches(likelihood.best().parameters, None, execution.toys, execution.seed)
    results = run(toy_model(likelihood), tasks, execution, digest)
    return _fraction(np.concatenate([height for height, _ in results]), observed)


def _fraction(thrown: Array, observed: float) -> tuple[float, float]:
    """Fraction of the toys that could be fitted which are at least as large, and its binomial error."""
    fitted = int(np.sum(np.isfinite(thrown)))
    if not fitted:
        raise FitError("no toy could be fitted; look at the model with nuhist inspect")
    p_value = float(np.sum(thrown >= observed - _SAME) / fitted)
    return p_value, float(np.sqrt(p_value * (1 - p_value) / fitted))
