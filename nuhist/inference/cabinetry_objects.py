"""Results as cabinetry's objects, so that its plots can be used."""

from __future__ import annotations

from typing import Any

import numpy as np

from nuhist.errors import missing_extra
from nuhist.inference.results import FitResult, Scan
from nuhist.inference.study_results import Ranking


def _results() -> Any:
    try:
        from cabinetry.fit import results_containers
    except ImportError as error:
        raise missing_extra("cabinetry's objects", "cabinetry", "cabinetry") from error
    return results_containers


def to_fit_results(result: FitResult) -> Any:
    """A ``cabinetry.fit.FitResults``; uncertainties of what is fixed are 0, as cabinetry has them.

    Raises
    ------
    DataError
        If cabinetry is not installed.
    """
    parameters = result.parameters
    return _results().FitResults(
        np.array([entry.value for entry in parameters]),
        np.array([entry.uncertainty or 0.0 for entry in parameters]),
        [entry.name for entry in parameters],
        np.array(result.correlations),
        result.twice_nll,
        -1.0 if result.p_value is None else result.p_value,  # cabinetry's "not computed"
    )


def to_ranking_results(result: Ranking) -> Any:
    """A ``cabinetry.fit.RankingResults``; the impacts before the fit are not computed, so they are 0.

    Raises
    ------
    DataError
        If cabinetry is not installed.
    """
    impacts = result.impacts
    nothing = np.zeros(len(impacts))
    return _results().RankingResults(
        np.array([entry.pull for entry in impacts]),
        np.array([entry.pull_error for entry in impacts]),
        [entry.parameter for entry in impacts],
        nothing,
        nothing,
        np.array([entry.impact_up for entry in impacts]),
        np.array([entry.impact_down for entry in impacts]),
    )


def to_scan_results(result: Scan) -> Any:
    """A ``cabinetry.fit.ScanResults`` of the parameter of interest; it has no uncertainty (NaN).

    Raises
    ------
    DataError
        If cabinetry is not installed.
    """
    heights = np.array(result.delta_chi2)
    best = result.parameter_values[int(np.argmin(heights))]
    return _results().ScanResults(
        result.parameter, best, float("nan"), np.array(result.parameter_values), heights
    )
