"""nuhist's answers on small counting models, beside those of ``reference``, and beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nuhist import fit, goodness_of_fit, limit, ranking, significance
from nuhist.errors import NuhistError
from nuhist.histfactory.workspace import Workspace
from tests.counting.models import INTEREST

_FLOOR = 1e-6  # of the interval's width: an end so near to the best fit is that of the model itself

Answers = Mapping[str, Any]


def limits_of(workspace: Workspace) -> dict[str, Any]:
    """As ``reference.answers`` has them."""
    profile = limit(workspace)
    cls: list[float | None] | str | None = None
    if _lowest(workspace) >= 0:
        try:
            found = limit(workspace, method="cls", expected=True)
            cls = [found.parameter_upper, *(found.expected or {}).values()]
        except NuhistError:
            cls = "impossible"
    return {
        "min_chi2": profile.min_chi2,
        "best_fit": profile.parameter_best_fit,
        "lower": profile.parameter_lower,
        "upper": profile.parameter_upper,
        "cls": cls,
    }


def differences(ours: Answers, reference: Answers) -> dict[str, Any]:
    """The largest difference of a limit, where, and by how much nuhist's minimum is higher.

    Ends are relative to their distance from the best fit, CLs limits to themselves; infinity stands for a
    limit that only one of them has.
    """
    best = reference["best_fit"]
    ends = [reference[key] for key in ("lower", "upper") if reference[key] is not None]
    floor = _FLOOR * max((abs(end - best) for end in ends), default=1.0)
    found = {}
    for key in ("lower", "upper"):
        one, two = ours[key], reference[key]
        if all(value is None or abs(value - best) <= floor for value in (one, two)):
            found[key] = 0.0
        else:
            found[key] = _relative(one, two, floor if two is None else max(abs(two - best), floor))
    if isinstance(ours["cls"], list) and isinstance(reference["cls"], list):
        names = ("observed", "-2", "-1", "0", "+1", "+2")
        for name, one, two in zip(names, ours["cls"], reference["cls"], strict=True):
            found[f"CLs {name}"] = _relative(one, two, abs(two or 1.0))
    elif ours["cls"] != reference["cls"]:
        found["CLs"] = np.inf
    where = max(found, key=lambda key: found[key])
    return {
        "limits": float(found[where]),
        "where": where,
        "minimum": float(ours["min_chi2"] - reference["min_chi2"]),
    }


def fits_of(workspace: Workspace, ours: Answers) -> list[list[float]]:
    """nuhist's fits at the minimum and at the ends of the interval, in pyhf's order."""
    values = [ours["best_fit"], ours["lower"], ours["upper"]]
    results = [fit(workspace, test_poi=value) for value in values if value is not None]
    return [[parameter.value for parameter in result.parameters] for result in results]


def minima_of(workspace: Workspace) -> dict[str, Any]:
    """2NLL at the minimum from each command that fits the same thing, and how far they are apart.

    Significance says how much higher 2NLL is without the strength, and ranking where the minimum is.
    """
    result = fit(workspace)
    free = {
        "fit": result.min_chi2,
        "limit": limit(workspace).min_chi2,
        "gof": goodness_of_fit(workspace).min_chi2,
    }
    ranked = ranking(workspace)
    if not ranked.bound_lifted:  # else it is another minimum on purpose
        free["ranking"] = fit(workspace, test_poi=ranked.best_fit).min_chi2
    held = {}
    low, high = _bounds(workspace)
    if low <= 0 <= high:
        try:
            held = {
                "significance": free["fit"] + significance(workspace).q0,
                "fit at 0": fit(workspace, test_poi=0.0).min_chi2,
            }
        except NuhistError:  # data that are impossible without the strength
            held = {}
    spread = max(max(each.values()) - min(each.values()) for each in (free, held) if each)
    return {"spread": float(spread), "free": free, "held": held}


def _relative(one: float | None, two: float | None, away: float) -> float:
    """A difference; infinite where only one of them is there."""
    if one is None or two is None:
        return 0.0 if one is two else np.inf
    return abs(one - two) / away


def _bounds(workspace: Workspace) -> tuple[float, float]:
    blocks = workspace.measurement()["config"]["parameters"]
    low, high = next(block for block in blocks if block["name"] == INTEREST)["bounds"][0]
    return float(low), float(high)


def _lowest(workspace: Workspace) -> float:
    return _bounds(workspace)[0]
