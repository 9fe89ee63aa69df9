"""Significance of a coupling and goodness of fit: asymptotic, and from toys."""

from __future__ import annotations

from math import nan

import numpy as np

from nuhist.__about__ import __version__
from nuhist.errors import FitError
from nuhist.histfactory.loading import Source
from nuhist.inference.execution import Execution, as_execution, run
from nuhist.inference.fit import fit
from nuhist.inference.model import Model, as_model
from nuhist.inference.notes import command, significance_notes
from nuhist.inference.prepare import Engine
from nuhist.inference.study_results import GoodnessOfFit, Significance
from nuhist.inference.toys import batches, toy_model, truth_of_toys
from nuhist.inference.without import fit_without
from nuhist.tables import Array

_SAME = 1e-7  # in 2NLL: fits end so close to each other


def significance(
    model: Model | Source,
    *,
    execution: Execution | None = None,
    measurement: str | None = None,
    poi: str | None = None,
    engine: Engine | None = None,
) -> Significance:
    """Significance of a coupling that is not zero.

    Parameters
    ----------
    model
        A :class:`nuhist.Model`, or what it is made from: a path, a dict, a workspace.
    execution
        Toys thrown without the coupling; None for the asymptotic formula.
    measurement, poi, engine
        Choices of :class:`nuhist.Model`, where one is made.

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

    execution = as_execution(execution)
    made = as_model(model, measurement=measurement, poi=poi, engine=engine)
    likelihood, best, scale = made.likelihood, made.best, made.likelihood.interest
    if likelihood.constant[likelihood.poi_index]:
        raise FitError(f"{made.origin}: its parameter of interest is fixed; free it for a significance")
    made.profile.refuse_broken(0.0)
    without = fit_without(likelihood, best)
    q0 = max(without.twice_nll - best.twice_nll, 0.0)
    signed = bool(likelihood.lower[likelihood.poi_index] < 0)
    error, notes = None, made.notes
    start = float(likelihood.initial[likelihood.poi_index])
    expected = _expected(made, start)
    if execution is None:
        toys = command(made, "significance", "--ntoys 10000")
        notes = (*significance_notes(likelihood, without, best, toys), *notes)
        # Half of a χ² where the coupling has a boundary at 0, a whole one where it is signed.
        p_value = float(chdtrc(1, q0)) if signed else float(ndtr(-np.sqrt(q0)))
    else:
        truth = truth_of_toys(likelihood, without.parameters, execution.toys_at)
        tasks = batches(truth, 0.0, execution.toys, execution.seed)
        thrown = np.concatenate(
            [result[0] for result in run(toy_model(likelihood), tasks, execution, made.digest)]
        )
        p_value, error = _fraction(thrown, q0)
    tail = p_value / 2 if signed else p_value
    return Significance(
        parameter=scale.name,
        coupling=scale.coupling,
        unit=scale.unit,
        best_fit=scale.to_coupling(float(best.parameters[likelihood.poi_index])),
        q0=q0,
        p_value=p_value,
        p_value_error=error,
        significance=float(0.0 - ndtri(tail)) if 0 < tail < 1 else nan,
        expected=expected,
        expected_at=None if expected is None else scale.to_coupling(start),
        method="toys" if execution else "asymptotic",
        toys=execution.toys if execution else None,
        seed=execution.seed if execution else None,
        toys_at=execution.toys_at if execution else None,
        notes=notes,
        data_kind=made.data_kind,
        workspace_digest=made.digest,
        nuhist_version=__version__,
    )


def _expected(model: Model, value: float) -> float | None:
    """Median significance if the parameter of interest has a value: √q0 of the Asimov data."""
    likelihood = model.likelihood
    low, high = (float(side[likelihood.poi_index]) for side in (likelihood.lower, likelihood.upper))
    if value == 0 or not low <= value <= high:
        return None
    truth = model.profile.at(value)
    data = likelihood.asimov(truth)
    without = fit_without(likelihood, truth, data)
    return float(np.sqrt(max(without.twice_nll - likelihood.twice_nll(truth.parameters, data), 0.0)))


def goodness_of_fit(
    model: Model | Source,
    *,
    execution: Execution | None = None,
    measurement: str | None = None,
    poi: str | None = None,
    engine: Engine | None = None,
) -> GoodnessOfFit:
    """Goodness of fit with the saturated model as the alternative.

    Parameters
    ----------
    model
        A :class:`nuhist.Model`, or what it is made from: a path, a dict, a workspace.
    execution
        Toys thrown at the best fit, or with the parameter of interest there and the others at nominal
        values, as ``execution.toys_at`` says; None for the asymptotic formula alone.
    measurement, poi, engine
        Choices of :class:`nuhist.Model`, where one is made.

    Raises
    ------
    FitError
        If the fit does not converge.
    """
    execution = as_execution(execution)
    made = as_model(model, measurement=measurement, poi=poi, engine=engine)
    result = fit(made)
    p_value = error = None
    notes = result.notes
    if execution is not None:
        notes = made.notes
        p_value, error = _saturated_p_value(made, result.min_chi2, execution)
    return GoodnessOfFit(
        min_chi2=result.min_chi2,
        degrees_of_freedom=result.degrees_of_freedom,
        p_value=result.p_value,
        toys_p_value=p_value,
        toys_p_value_error=error,
        toys=execution.toys if execution else None,
        seed=execution.seed if execution else None,
        toys_at=execution.toys_at if execution else None,
        notes=notes,
        data_kind=made.data_kind,
        workspace_digest=made.digest,
        nuhist_version=__version__,
    )


def _saturated_p_value(model: Model, observed: float, execution: Execution) -> tuple[float, float]:
    """Fraction of toys that fit no better than the data, and its error."""
    truth = truth_of_toys(model.likelihood, model.best.parameters, execution.toys_at)
    tasks = batches(truth, None, execution.toys, execution.seed)
    results = run(toy_model(model.likelihood), tasks, execution, model.digest)
    return _fraction(np.concatenate([height for height, _ in results]), observed)


def _fraction(thrown: Array, observed: float) -> tuple[float, float]:
    """Fraction of the toys that could be fitted which are at least as large, and its binomial error."""
    fitted = int(np.sum(np.isfinite(thrown)))
    if not fitted:
        raise FitError("no toy could be fitted; look at the model with nuhist inspect")
    p_value = float(np.sum(thrown >= observed - _SAME) / fitted)
    return p_value, float(np.sqrt(p_value * (1 - p_value) / fitted))
