"""Programs in the README: stock pyhf and SciPy, with the archive's own numbers as starting points."""

from __future__ import annotations

from nuhist.exchange.hepdata.results import ExpectedInterval, ExpectedResults
from nuhist.physics.coupling import spaced

_WORKSPACE = """\
import json

import pyhf
from scipy.optimize import brentq

with open({file!r}, encoding="utf-8") as stream:
    workspace = pyhf.Workspace(json.load(stream))
model = workspace.model()
data = workspace.data(model)


def twice_nll(value):
    fit = pyhf.infer.mle.fixed_poi_fit(value, data, model, return_fitted_val=True, tolerance=1e-10)
    return float(fit[1])


lowest = twice_nll({best!r})  # at the best fit
low, high = model.config.suggested_bounds()[model.config.poi_index]
for inside, outside in {brackets!r}:
    outside = min(max(outside, low), high)
    end = brentq(lambda value: twice_nll(value) - lowest - {level!r}, inside, outside)
    print({parameter!r}, end)  # {names}
"""

_PATCHSET = """\
import json

import numpy as np
import pyhf
from scipy.interpolate import make_interp_spline
from scipy.optimize import brentq, minimize_scalar

with open({background!r}, encoding="utf-8") as stream:
    background = pyhf.Workspace(json.load(stream))
with open({patchset!r}, encoding="utf-8") as stream:
    patchset = pyhf.PatchSet(json.load(stream))

couplings, heights = [], []
for patch in patchset:
    workspace = patchset.apply(background, patch.name)
    model = workspace.model()
    fit = pyhf.infer.mle.fixed_poi_fit(
        1.0, workspace.data(model), model, return_fitted_val=True, tolerance=1e-10
    )
    couplings.append(patch.values[0])
    heights.append(float(fit[1]))
order = np.argsort(couplings)
curve = make_interp_spline(np.array(couplings)[order], np.array(heights)[order], k=min(3, len(order) - 1))
best = minimize_scalar(curve, bounds=({low!r}, {high!r}), method="bounded")
for inside, outside in {brackets!r}:
    end = brentq(lambda value: curve(value) - best.fun - {level!r}, inside, outside)
    print({parameter!r}, end)  # {names}
"""


def workspace_recipe(model: ExpectedResults) -> str:
    """Python program that finds the ends of the profile-likelihood interval of a workspace."""
    interval = _profile(model)
    return _WORKSPACE.format(
        file=model.workspace,
        best=interval.parameter_best_fit,
        brackets=_brackets(interval),
        level=interval.delta_chi2,
        parameter=model.parameter,
        names=_names(model, interval),
    )


def patchset_recipe(model: ExpectedResults) -> str:
    """Python program that does so from signal points."""
    interval = _profile(model)
    ends = _ends(interval)
    reach = max((abs(end - interval.parameter_best_fit) for end in ends), default=1.0) / 2
    return _PATCHSET.format(
        background=model.background,
        patchset=model.patchset,
        low=interval.parameter_best_fit - reach,
        high=interval.parameter_best_fit + reach,
        brackets=_brackets(interval),
        level=interval.delta_chi2,
        parameter=model.coupling,
        names=_names(model, interval),
    )


def _profile(model: ExpectedResults) -> ExpectedInterval:
    return next(interval for interval in model.intervals if interval.method == "profile")


def _ends(interval: ExpectedInterval) -> list[float]:
    return [end for end in (interval.parameter_lower, interval.parameter_upper) if end is not None]


def _brackets(interval: ExpectedInterval) -> list[tuple[float, float]]:
    """Around each end: from half way to the best fit to a quarter beyond."""
    best = interval.parameter_best_fit
    return [(best + 0.5 * (end - best), best + 1.25 * (end - best)) for end in _ends(interval)]


def _names(model: ExpectedResults, interval: ExpectedInterval) -> str:
    couplings = [f"{end:.6g}" for end in (interval.lower, interval.upper) if end is not None]
    return f"{model.coupling} {', '.join(couplings) or 'open'}{spaced(model.unit)}".replace("\n", " ")
