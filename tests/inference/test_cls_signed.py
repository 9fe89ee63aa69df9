"""CLs limits of strengths that may be negative: q, and q̃ where it is asked for, as pyhf has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyhf
import pytest
from scipy.optimize import brentq

from nuhist import Workspace, limit
from nuhist.errors import ConfigError, FitError, OptionError
from nuhist.inference.asymptotic import AsymptoticCls
from nuhist.inference.prepare import make_likelihood
from nuhist.inference.profile import Profile

Spec = dict[str, Any]


def signed(data: list[float], low: float = -5.0) -> Workspace:
    """A strength on three bins, with a norm and a shape of the background."""
    shape = {"hi_data": [52.0, 41.0, 13.0], "lo_data": [48.0, 39.0, 11.0]}
    background = [
        {"name": "norm", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}},
        {"name": "shape", "type": "histosys", "data": shape},
    ]
    strength = [{"name": "mu", "type": "normfactor", "data": None}]
    samples = [
        {"name": "signal", "data": [3.0, 6.0, 2.0], "modifiers": strength},
        {"name": "bkg", "data": [50.0, 40.0, 12.0], "modifiers": background},
    ]
    block = {"name": "mu", "inits": [1.0], "bounds": [[low, 10.0]]}
    return Workspace(
        {
            "channels": [{"name": "SR", "samples": samples}],
            "observations": [{"name": "SR", "data": data}],
            "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": [block]}}],
            "version": "1.0.0",
        },
        origin="signed.json",
    )


def hypotest(workspace: Workspace, value: float, statistic: str) -> list[float]:
    """pyhf's CLs, observed and then expected from −2 to +2 σ, with tight tolerances."""
    pyhf.set_backend("numpy", pyhf.optimize.scipy_optimizer(tolerance=1e-11))
    model = pyhf.Workspace(workspace.spec).model()
    data = [*workspace.observed()["SR"], *model.config.auxdata]
    observed, expected = pyhf.infer.hypotest(
        value, data, model, test_stat=statistic, return_expected_set=True
    )
    pyhf.set_backend("numpy", "scipy")
    return [float(observed), *map(float, expected)]


def test_the_limit_with_q() -> None:
    # A root of Minuit fits of pyhf's logpdf, to the digits given.
    found = limit(signed([52.0, 44.0, 11.0]), method="cls", expected=True)
    assert found.upper == pytest.approx(2.20894, rel=2e-5)
    assert found.convention.endswith("test statistic q, asymptotics")
    assert found.notes == ()


DATA = {"above": [52.0, 44.0, 11.0], "below": [45.0, 30.0, 9.0], "far below": [30.0, 22.0, 4.0]}


@pytest.mark.thorough(keep=4)
@pytest.mark.parametrize("statistic", ["q", "qtilde"])
@pytest.mark.parametrize("low", [0.0, -1.0, -8.0])
@pytest.mark.parametrize("data", DATA)
def test_cls_is_pyhfs(data: str, low: float, statistic: Any) -> None:
    # SLSQP ends within 1e-8 of the minimum or so, of whose root √q shows 1e-4.
    workspace = signed(DATA[data], low)
    curve = AsymptoticCls(Profile(make_likelihood(workspace)), statistic)
    for value in (0.3, 1.0, 2.5):
        ours = [curve.observed(value), *(curve.expected(value, sigma) for sigma in (-2, -1, 0, 1, 2))]
        assert ours == pytest.approx(hypotest(workspace, value, statistic), rel=5e-4, abs=1e-6)


@pytest.mark.thorough(keep=1)
@pytest.mark.parametrize(
    ("data", "statistic"),
    [
        ("above", "qtilde"),
        ("below", "q"),
        *(pytest.param(*each, marks=pytest.mark.thorough) for each in [("above", "q"), ("below", "qtilde")]),
    ],
)  # far below, pyhf's CLs with q̃ divides 0 by 0
def test_limits_are_pyhfs(data: str, statistic: Any) -> None:
    workspace = signed(DATA[data])
    found = limit(workspace, method="cls", test_stat=statistic, expected=True, confidence_level=0.95)
    right = brentq(lambda value: hypotest(workspace, value, statistic)[0] - 0.05, 0.05, 9.0, xtol=1e-6)
    assert found.upper == pytest.approx(right, rel=5e-4)  # √q of SLSQP, as above
    assert found.expected is not None
    assert found.expected["0"] == pytest.approx(
        brentq(lambda value: hypotest(workspace, value, statistic)[3] - 0.05, 0.05, 9.0, xtol=1e-6), rel=5e-4
    )


def test_which_statistic_was_used() -> None:
    data = DATA["below"]
    default, named = (limit(signed(data), method="cls", test_stat=name) for name in (None, "q"))
    assert default.to_json() == named.to_json()
    other = limit(signed(data), method="cls", test_stat="qtilde")
    assert other.convention.endswith("test statistic q-tilde, asymptotics")
    assert any("this one may be" in note for note in other.notes)
    bounded = limit(signed(data, 0.0), method="cls")
    assert bounded.convention.endswith("test statistic q-tilde, asymptotics")
    assert bounded.notes == limit(signed(data, 0.0), method="cls", test_stat="qtilde").notes
    plain = limit(signed(data, 0.0), method="cls", test_stat="q")
    assert any("this one has one at 0" in note for note in plain.notes)


def test_options_that_say_nothing() -> None:
    workspace = signed(DATA["above"])
    with pytest.raises(ConfigError, match="no test statistic called 'tmu'; known: q, qtilde"):
        limit(workspace, method="cls", test_stat="tmu")
    with pytest.raises(OptionError, match=r"test_stat=...: does nothing with method='profile'"):
        limit(workspace, test_stat="q")
    with pytest.raises(OptionError, match=r"test_stat=...: does nothing with calctype='toybased'"):
        limit(workspace, method="cls", calctype="toybased", test_stat="q")


def test_a_parameter_whose_signs_do_the_same(built: Callable[..., Workspace]) -> None:
    charge = built("lz_ws2022", hypothesis="millicharge-fea", background="paper")
    with pytest.raises(FitError, match="both its signs change the counts alike; use method='profile'"):
        limit(charge, method="cls")


def test_below_zero_nothing_is_excluded() -> None:
    curve = AsymptoticCls(Profile(make_likelihood(signed(DATA["far below"]))), "q")
    assert np.allclose([curve.observed(value) for value in (-4.0, -1.0, 0.0)], 1.0, atol=1e-12)
