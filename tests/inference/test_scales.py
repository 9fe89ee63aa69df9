"""Limits that do not depend on the unit or on the bounds of the coupling, and clear answers without one."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from nuhist import Workspace, limit, scan, significance
from nuhist.errors import FitError
from nuhist.inference.prepare import Engine, make_likelihood
from nuhist.inference.profile import Profile, threshold
from nuhist.inference.region import region

Counting = Callable[..., Workspace]

# A Minuit minimisation of pyhf's own logpdf from several starts, given to five digits.
DIGITS = 2e-5


def shapes(scale: float = 1.0, high: float = 10.0) -> Workspace:
    """Three bins, a norm and a shape; the signal is divided by a scale, and its bounds are multiplied."""
    return Workspace(
        {
            "channels": [
                {
                    "name": "SR",
                    "samples": [
                        {
                            "name": "signal",
                            "data": [value / scale for value in (3.0, 6.0, 2.0)],
                            "modifiers": [{"name": "kappa", "type": "normfactor", "data": None}],
                        },
                        {
                            "name": "bkg",
                            "data": [50.0, 40.0, 12.0],
                            "modifiers": [
                                {"name": "norm", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}},
                                {
                                    "name": "shape",
                                    "type": "histosys",
                                    "data": {"hi_data": [52.0, 41.0, 13.0], "lo_data": [48.0, 39.0, 11.0]},
                                },
                            ],
                        },
                    ],
                }
            ],
            "observations": [{"name": "SR", "data": [52.0, 44.0, 11.0]}],
            "measurements": [
                {
                    "name": "m",
                    "config": {
                        "poi": "kappa",
                        "parameters": [{"name": "kappa", "inits": [scale], "bounds": [[0.0, high * scale]]}],
                    },
                }
            ],
            "version": "1.0.0",
        },
        origin="shapes.json",
    )


def two_bins(size: float, observed: tuple[float, float], *, uncertain: bool) -> Workspace:
    """Two bins with far more signal per unit of the coupling than events seen; bounds from 0 to 10."""
    poi: list[dict[str, Any]] = [{"name": "kappa", "type": "normfactor", "data": None}]
    widths: list[dict[str, Any]] = []
    if uncertain:
        poi.append({"name": "s", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}})
        widths.append({"name": "b", "type": "shapesys", "data": [1.0, 2.0]})
    samples = [
        {"name": "sol", "data": [9 * size, 3 * size], "modifiers": poi},
        {"name": "bg", "data": [4.0, 9.0], "modifiers": widths},
    ]
    block = {"name": "kappa", "bounds": [[0, 10]], "inits": [1.0]}
    return Workspace(
        {
            "channels": [{"name": "a", "samples": samples}],
            "observations": [{"name": "a", "data": list(observed)}],
            "measurements": [{"name": "m", "config": {"poi": "kappa", "parameters": [block]}}],
            "version": "1.0.0",
        },
        origin="two.json",
    )


@pytest.mark.parametrize(
    ("high", "engine"),
    [
        (10.0, "compiled"),
        (1e3, "compiled"),
        (1e6, "compiled"),
        (1e30, "compiled"),
        (1e300, "compiled"),
        (1e30, "pyhf"),
    ],
)
def test_wide_bounds_change_nothing(high: float, engine: Engine) -> None:
    workspace = shapes(high=high)
    interval = limit(workspace, engine=engine)
    assert interval.upper == pytest.approx(2.34342, rel=DIGITS)
    assert interval.lower is None
    found = limit(workspace, method="cls", expected=True, engine=engine)
    assert found.upper == pytest.approx(2.20894, rel=DIGITS)
    assert found.expected is not None
    bands = [0.97794, 1.35122, 1.95715, 2.86334, 4.02337]
    assert list(found.expected.values()) == pytest.approx(bands, rel=DIGITS)
    assert interval.notes == found.notes == ()


@pytest.mark.parametrize("high", [10.0, 1e30])
def test_a_scan_shows_where_the_curve_is_whatever_the_bounds(high: float) -> None:
    curve = scan(shapes(high=high), points=5)
    assert curve.delta_chi2[-1] == pytest.approx(9.0, abs=1e-3)
    # The same end from pyhf's likelihood: 4.0427.
    assert curve.values[-1] == pytest.approx(4.0427, rel=1e-4)
    assert curve.values[0] == 0.0


@pytest.mark.parametrize("size", [1.0, 1e3, 1e6, 1e8, 1e11])
def test_cls_far_below_the_bounds(size: float) -> None:
    # 0.7257 without systematic uncertainties, 3.11e-9 with them and 10⁸ times the signal.
    found = limit(two_bins(size, (6, 12), uncertain=False), method="cls")
    assert found.upper == pytest.approx(0.7257 / size, rel=1e-4)
    found = limit(two_bins(size, (2, 7), uncertain=True), method="cls")
    assert found.upper == pytest.approx(0.311 / size, rel=2e-3)
    first = limit(two_bins(1.0, (2, 7), uncertain=True), method="cls")
    assert first.upper is not None
    assert found.upper == pytest.approx(first.upper / size, rel=1e-5)


def test_cls_far_below_its_own_expectation(counting: Counting) -> None:
    # 10⁴ events expected, none seen: the limit is a 50th of the expected one. With q̃ = 2 s and q̃ of the
    # Asimov data 2 (s − b ln(1 + s/b)), CLs by the formulas for a q̃ above that of the Asimov data.
    signal, background = 1.0, 1e4
    found = limit(
        counting([0], [signal], [background], bounds=[[0, 1e30]]), method="cls", confidence_level=0.9
    )

    def ratio(s: float) -> float:
        q, asimov = 2 * s, 2 * (s - background * np.log1p(s / background))
        tails = [(q + sign * asimov) / (2 * sqrt(asimov)) for sign in (1, -1)]
        return float(np.exp(norm.logsf(tails[0]) - norm.logsf(tails[1])))

    expected = brentq(lambda s: ratio(s) - 0.1, 1e-3, 100.0)
    assert expected < 0.03 * 1.64 * sqrt(background)
    # q̃ of the Asimov data is 5e-4, from a 2NLL of some 10.
    assert found.upper == pytest.approx(expected, rel=1e-4)


def small_signal(**settings: Any) -> Workspace:
    block = [{"name": "kappa", **settings}] if settings else []
    samples = [
        {
            "name": "sol",
            "data": [0.012, 0.004],
            "modifiers": [{"name": "kappa", "type": "normfactor", "data": None}],
        },
        {
            "name": "bg",
            "data": [7.0, 2.0],
            "modifiers": [{"name": "b", "type": "shapesys", "data": [1.5, 0.7]}],
        },
    ]
    return Workspace(
        {
            "channels": [{"name": "a", "samples": samples}],
            "observations": [{"name": "a", "data": [8.0, 1.0]}],
            "measurements": [{"name": "m", "config": {"poi": "kappa", "parameters": block}}],
            "version": "1.0.0",
        },
        origin="small.json",
    )


def test_a_bound_that_ends_the_search_is_named() -> None:
    # pyhf's own bounds of a normfactor: 0 to 10.
    note, *_ = limit(small_signal(), confidence_level=0.95).notes
    assert note.startswith("open above: 10 ")
    assert note.endswith("it is the bound of kappa, 10: give it a wider one to look further")
    found = limit(small_signal(), method="cls", confidence_level=0.95, expected=True)
    assert found.upper is None
    observed, expected, *_ = found.notes
    assert observed.startswith("no upper limit: at 10 ")
    assert "CLs is still 0.96" in observed
    assert "the bound of kappa, 10: give it a wider one" in observed
    assert expected.startswith("no expected limit at -2, -1, 0, +1, +2 σ")
    # With a wider bound: pyhf.infer.hypotest gives 0.09998 at 384.4 and 0.0499993 at 471.8.
    for bound in (1e3, 1e30):
        for level, expected_limit in ((0.90, 384.4), (0.95, 471.8)):
            wider = limit(small_signal(bounds=[[0, bound]]), method="cls", confidence_level=level)
            assert wider.upper == pytest.approx(expected_limit, rel=2e-4)
            assert not any("bound of kappa" in note for note in wider.notes)


def test_a_coupling_that_does_nothing(counting: Counting) -> None:
    workspace = counting([5], [0], [5], bounds=[[0, 1e30]])
    for method in ("profile", "cls"):
        found = limit(workspace, method=method)
        assert found.upper is None
        assert found.notes[0].endswith("mu changes no expected count, so that nothing limits it")


def test_data_that_are_impossible_without_the_coupling(counting: Counting) -> None:
    # In the second bin there is no background at all.
    workspace = counting([4, 2], [2, 1], [3, 0], sigma=0.1, bounds=[[0, 50]])
    message = r"channel 'counting', bin 1: 2 events observed where nothing is expected at mu = 0"
    for method in ("profile", "cls"):
        with pytest.raises(FitError, match=message):
            limit(workspace, method=method, expected=True)
    with pytest.raises(FitError, match=message):
        significance(workspace)
    assert limit(workspace).upper is not None


def test_the_ends_of_an_interval_near_a_large_value(counting: Counting) -> None:
    # 10⁸ ± 10⁴ events: an end to 1e-5 of the interval, not of the value.
    found = limit(counting([10**8], [1], [0], bounds=[[0, 1e30]]))
    assert found.lower is not None
    assert found.upper is not None

    def above(mu: float) -> float:
        # λ − n − n ln(λ/n) without the difference of large numbers.
        x = (mu - 1e8) / 1e8
        return float(2e8 * (x - np.log1p(x))) - threshold(0.9)

    assert found.lower == pytest.approx(brentq(above, 0.99e8, 1e8), abs=0.3)
    assert found.upper == pytest.approx(brentq(above, 1e8, 1.01e8), abs=0.3)


@pytest.mark.parametrize("bounds", [(-5.0, 5.0), (-1e6, 1e6), (-1e30, 1e30)])
def test_two_valleys_are_found_in_wide_bounds(bounds: tuple[float, float]) -> None:
    # As many events at q = 1 as at −1, nearly, and 40 fewer without the coupling, which is 4σ.
    sample = {
        "name": "all",
        "data": [100.0],
        "modifiers": [{"name": "q", "type": "histosys", "data": {"hi_data": [145.0], "lo_data": [143.0]}}],
    }
    workspace = Workspace(
        {
            "channels": [{"name": "a", "samples": [sample]}],
            "observations": [{"name": "a", "data": [140.0]}],
            "measurements": [
                {
                    "name": "m",
                    "config": {
                        "poi": "q",
                        "parameters": [{"name": "q", "bounds": [list(bounds)]}],
                    },
                }
            ],
            "version": "1.0.0",
        },
        origin="valleys.json",
    )
    found = region(Profile(make_likelihood(workspace)), 2.0)
    assert found.lower is not None
    assert found.upper is not None
    assert found.lower < -0.5
    assert found.upper > 0.5
    assert found.notes[0] == "2 separate regions; the interval spans them all"


def test_poisson_limit_without_background_in_any_unit(counting: Counting) -> None:
    # Nothing seen, nothing else expected: 2NLL is 2 s, and the profile limit half of its threshold.
    for size in (1e-12, 1.0, 1e12):
        found = limit(counting([0], [size], [0], bounds=[[0, 1e30]]))
        assert found.upper == pytest.approx(threshold(0.9) / 2 / size, rel=1e-6)


def test_counts_whose_likelihood_rounds_too_much_are_refused(counting: Counting) -> None:
    # 10¹² events over as many: 2NLL is known to 0.1, and the end, near 1.645 √b, to a few parts in 10⁴.
    known = counting([1e12 + 3], [1.0], [1e12], bounds=[[0.0, 1e12]])
    assert limit(known).upper == pytest.approx(1644857.4, rel=1e-3)
    large = counting([1e14 + 3], [1.0], [1e14], bounds=[[0.0, 1e12]])
    for ask in (limit, significance, lambda workspace: limit(workspace, "cls")):
        with pytest.raises(FitError, match="rounding leaves 2NLL unknown by 10, and limits would be wrong"):
            ask(large)
