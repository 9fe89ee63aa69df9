"""Fits that end where a bin expects nothing: their errors and degrees of freedom."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nuhist import Workspace, fit
from nuhist.inference.prepare import ENGINES, make_likelihood


def _signed(signal: list[float], background: list[float], observed: list[float], size: float) -> Workspace:
    """A strength from -5 to 10 over a background with a normsys of a relative size; 0 for none."""
    strength = {"name": "kappa", "type": "normfactor", "data": None}
    norm = {"name": "u", "type": "normsys", "data": {"hi": 1 + size, "lo": 1 - size}}
    samples = [
        {"name": "signal", "data": signal, "modifiers": [strength]},
        {"name": "background", "data": background, "modifiers": [norm] if size else []},
    ]
    blocks = [{"name": "kappa", "bounds": [[-5.0, 10.0]], "inits": [1.0]}]
    return Workspace(
        {
            "channels": [{"name": "a", "samples": samples}],
            "observations": [{"name": "a", "data": observed}],
            "measurements": [{"name": "m", "config": {"poi": "kappa", "parameters": blocks}}],
            "version": "1.0.0",
        },
        origin="signed.json",
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_one_bin_that_sees_nothing(engine: Any) -> None:
    # 2 kappa + 1.2 is 0 at -0.6, and 2NLL goes straight down to there: no error can be given.
    result = fit(_signed([2.0], [1.2], [0.0], 0.0), engine=engine)
    assert result.best_fit == pytest.approx(-0.6, abs=1e-7)
    assert result.parameters[0].uncertainty is None
    assert result.degrees_of_freedom == 0
    assert result.min_chi2 == pytest.approx(0.0, abs=1e-6)
    assert any("channel 'a', bin 0" in note for note in result.notes)


@pytest.mark.parametrize("engine", ENGINES)
def test_errors_are_those_along_the_edge(engine: Any) -> None:
    workspace = _signed([2.0, 3.0, 1.0], [1.2, 6.0, 4.0], [0.0, 4.0, 3.0], 0.2)
    result = fit(workspace, engine=engine)
    likelihood = make_likelihood(workspace)
    names = list(likelihood.names)

    def on_the_edge(u: float) -> float:
        """pyhf's 2NLL with kappa such that the first bin expects nothing."""
        point = np.zeros(2)
        point[names.index("u")] = u
        point[names.index("kappa")] = -0.6 * likelihood.expected(point)[0] / 1.2
        return float(-2 * likelihood.model.logpdf(point, likelihood.data)[0])

    fitted = {entry.name: entry for entry in result.parameters}
    at, step = fitted["u"].value, 1e-3
    bend = (on_the_edge(at + step) - 2 * on_the_edge(at) + on_the_edge(at - step)) / step**2
    # A parabola of half the second derivative; the difference quotient is right to step².
    assert fitted["u"].uncertainty == pytest.approx((2 / bend) ** 0.5, rel=1e-3)
    # kappa = -0.6 (1 + 0.2 u) to first order, so that its error is 0.12 of that of u, to a few per cent.
    ratio = fitted["kappa"].uncertainty / fitted["u"].uncertainty  # type: ignore[operator]
    assert ratio == pytest.approx(0.12, rel=0.05)
    assert result.degrees_of_freedom == 2  # two bins expect events, and the edge holds kappa


def test_an_interior_fit_is_not_on_an_edge() -> None:
    result = fit(_signed([2.0, 3.0], [1.2, 6.0], [2.0, 8.0], 0.2))
    assert not any("less than nothing" in note for note in result.notes)
    assert all(entry.uncertainty for entry in result.parameters)
