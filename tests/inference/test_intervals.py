"""Intervals of counting experiments that can be computed by hand, and nuhist's own conventions."""

from __future__ import annotations

from collections.abc import Callable
from math import log, sqrt
from typing import Any

import numpy as np
import pyhf
import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from nuhist import Workspace, limit, scan
from nuhist.errors import ConfigError, FitError, ModelError, OptionError
from nuhist.inference.profile import threshold

Make = Callable[..., Workspace]
CHI2_90 = 2.7055434540954  # 0.9 quantile of χ² with one degree of freedom


@pytest.mark.parametrize(
    ("confidence_level", "quantile"),
    # Tables of χ² with one degree of freedom, four decimals; 68.27 % is one standard deviation.
    [(0.6827, 1.0000), (0.90, 2.7055), (0.95, 3.8415), (0.99, 6.6349), (0.9973, 9.0000)],
)
def test_thresholds_are_those_of_tables(confidence_level: float, quantile: float) -> None:
    # 0.9973 is itself rounded, which is worth 2e-3 in the quantile.
    assert threshold(confidence_level) == pytest.approx(quantile, abs=2e-3 if quantile > 8 else 2e-4)


@pytest.mark.parametrize("confidence_level", [0.0, 1.0, -0.1, 1.5, float("nan"), float("inf")])
def test_levels_outside_0_and_1_are_refused(confidence_level: float) -> None:
    with pytest.raises(ConfigError, match="must lie between 0 and 1"):
        threshold(confidence_level)


def delta_chi2(mu: float, observed: float, signal: float, background: float) -> float:
    """Δχ² of a Poisson count with a known background, for μ ≥ 0."""
    best = max(observed, background)

    def chi2(expected: float) -> float:
        return 2 * (expected - observed * log(expected))

    return chi2(mu * signal + background) - chi2(best)


# Observed, signal, background; with one end, two ends, and the best fit on the boundary.
COUNTS = [
    (12.0, 1.0, 3.0),
    (30.0, 2.5, 4.0),
    (5.0, 1.0, 3.0),
    (3.0, 1.0, 3.0),
    (1.0, 1.0, 3.0),
    (0.0, 1.0, 3.0),
]


@pytest.mark.parametrize("confidence_level", [0.68, 0.90, 0.95])
@pytest.mark.parametrize(("observed", "signal", "background"), COUNTS)
def test_profile_interval_of_one_count(
    counting: Make, observed: float, signal: float, background: float, confidence_level: float
) -> None:
    workspace = counting([observed], [signal], [background], bounds=[[0, 50]])
    interval = limit(workspace, confidence_level=confidence_level)
    level = threshold(confidence_level)

    def above(mu: float) -> float:
        return delta_chi2(mu, observed, signal, background) - level

    best = max(observed - background, 0) / signal
    assert interval.best_fit == pytest.approx(best, abs=1e-3)
    # nuhist promises 1e-4 of an end.
    assert interval.upper == pytest.approx(brentq(above, best, 50), rel=2e-4)
    if above(0) > 0:
        assert interval.lower == pytest.approx(brentq(above, 0, best), rel=1e-3)
    else:
        assert interval.lower is None  # the boundary is not excluded
    assert (interval.parameter_lower, interval.parameter_upper) == (interval.lower, interval.upper)
    assert (interval.delta_chi2, interval.method) == (level, "profile")
    assert all("with toys: nuhist limit WS --method feldman-cousins" in note for note in interval.notes)
    # The saturated model expects what was observed.
    saturated = delta_chi2(best, observed, signal, background) if observed else 0.0
    lost = 2 * (background - observed + (observed * log(observed / background) if observed else 0.0))
    expected = lost if observed < background else saturated
    assert interval.min_chi2 == pytest.approx(expected, abs=1e-6)


def test_an_end_that_the_bounds_cut_off_is_open(counting: Make) -> None:
    # Best fit at 9, the upper end would be near 15.
    interval = limit(counting([12], [1], [3], bounds=[[0, 10]]))
    assert interval.upper is None
    assert interval.lower is not None
    note, _ = interval.notes  # and one on so few events
    assert note.startswith("open above: 10 ")


def test_a_signed_strength_has_two_ends(counting: Make) -> None:
    # −2 counts of signal still leave a background to expect: no bound at 0.
    interval = limit(counting([3], [1], [3], bounds=[[-2, 20]]))

    def above(mu: float) -> float:
        return 2 * (mu + 3 - 3 * log(mu + 3) - 3 + 3 * log(3)) - CHI2_90

    assert interval.lower is None  # Δχ² at −2 is 2.59: open
    assert above(-2) < 0
    assert "open below" in interval.notes[0]
    assert interval.upper == pytest.approx(brentq(above, 0, 20), rel=2e-4)
    two_sided = limit(counting([9], [1], [9], bounds=[[-8.5, 20]]))

    def above_nine(mu: float) -> float:
        return 2 * (mu - 9 * log1p(mu / 9)) - CHI2_90

    assert two_sided.lower == pytest.approx(brentq(above_nine, -8.5, 0), rel=2e-4)
    assert two_sided.upper == pytest.approx(brentq(above_nine, 0, 20), rel=2e-4)


def log1p(x: float) -> float:
    """ln(1 + x)."""
    return float(np.log1p(x))


def test_expected_limit_is_that_of_the_background_alone(counting: Make) -> None:
    interval = limit(counting([12], [1], [3], bounds=[[0, 50]]), expected=True)
    # The Asimov data are 3 counts.
    asimov = brentq(lambda mu: delta_chi2(mu, 3, 1, 3) - CHI2_90, 0, 50)
    assert interval.expected is not None
    assert interval.expected == {"0": pytest.approx(asimov, rel=2e-4)}


def cls_of_one_count(mu: float, observed: float, background: float) -> tuple[float, float]:
    """CLs from q̃ for one count with s = 1, observed and expected median (arXiv:1007.1727).

    Observed: eqs. (62) to (66), with σ from the Asimov data without signal.
    """
    best = observed - background
    q = 0.0 if best >= mu else delta_chi2(mu, observed, 1, background)
    root, asimov = sqrt(q), sqrt(2 * (mu - background * log1p(mu / background)))
    if root <= asimov:
        above = norm.sf(root), norm.sf(root - asimov)
    else:
        above = (
            norm.sf((q + asimov**2) / (2 * asimov)),
            norm.sf((q - asimov**2) / (2 * asimov)),
        )
    return float(above[0] / above[1]), float(norm.sf(asimov) / 0.5)


@pytest.mark.parametrize(("observed", "background"), [(12.0, 10.0), (10.0, 10.0), (6.0, 10.0), (4.0, 3.0)])
def test_cls_limit_of_one_count(counting: Make, observed: float, background: float) -> None:
    workspace = counting([observed], [1], [background], bounds=[[0, 40]])
    interval = limit(workspace, method="cls", expected=True)
    by_hand = brentq(lambda mu: cls_of_one_count(mu, observed, background)[0] - 0.1, 0.1, 40)
    median = brentq(lambda mu: cls_of_one_count(mu, observed, background)[1] - 0.1, 0.1, 40)
    # The limit to 1e-4, and the fits behind it to 1e-10 in 2NLL.
    assert interval.upper == pytest.approx(by_hand, rel=1e-3)
    assert interval.lower is None
    assert interval.delta_chi2 is None
    assert interval.expected is not None
    assert interval.expected["0"] == pytest.approx(median, rel=1e-3)
    band = [interval.expected[key] or 0.0 for key in ("-2", "-1", "0", "+1", "+2")]
    assert band == sorted(band)


@pytest.mark.thorough(keep=1)
@pytest.mark.parametrize("level", [0.10, 0.05])
def test_cls_limit_is_pyhfs_own(counting: Make, level: float) -> None:
    workspace = counting([12, 22], [5, 3], [10, 20], sigma=0.1, bounds=[[0, 10]], inits=[1])
    interval = limit(workspace, method="cls", confidence_level=1 - level, expected=True)
    document = pyhf.Workspace(dict(workspace.spec))
    model = document.model()
    theirs, bands = pyhf.infer.intervals.upper_limits.toms748_scan(
        document.data(model), model, 0, 10, level=level, rtol=1e-4
    )
    assert interval.upper == pytest.approx(float(theirs), rel=1e-3)
    assert interval.expected is not None
    assert list(interval.expected.values()) == pytest.approx([float(band) for band in bands], rel=1e-3)


def test_cls_leaves_pyhfs_backend_as_it_was(counting: Make) -> None:
    before = pyhf.get_backend()
    limit(counting([4], [1], [3], bounds=[[0, 40]]), method="cls")
    assert pyhf.get_backend() == before


def test_scan_is_the_profile_likelihood(counting: Make) -> None:
    curve = scan(counting([12], [1], [3], bounds=[[0, 50]]), [0.0, 4.0, 9.0, 20.0])
    by_hand = [delta_chi2(mu, 12, 1, 3) for mu in (0, 4, 9, 20)]
    # 1e-12 in 2NLL is where the fit stops; the minimum itself is found to about 1e-9.
    assert curve.delta_chi2 == pytest.approx(by_hand, abs=1e-6)
    assert curve.values == curve.parameter_values == (0.0, 4.0, 9.0, 20.0)
    assert curve.best_fit == pytest.approx(9, abs=1e-3)


def test_scan_without_values_goes_to_nine(counting: Make) -> None:
    curve = scan(counting([12], [1], [3], bounds=[[0, 50]]), points=11)
    assert len(curve.values) == 11
    # From one crossing of Δχ² = 9 to the other: at 0 it is 15.3, so both are inside.
    assert [curve.delta_chi2[0], curve.delta_chi2[-1]] == pytest.approx([9, 9], abs=0.01)


def test_scan_in_units_of_the_coupling(built: Make) -> None:
    workspace = built("lz_ws2022", hypothesis="magnetic-moment", background="paper")
    curve = scan(workspace, [0.0, 1e-11, 2e-11])
    assert curve.parameter_values == pytest.approx((0, 1, 4))  # (μ/1e-11 μ_B)²
    assert curve.unit == "mu_B"
    upper = limit(workspace).upper
    assert upper is not None
    (height,) = scan(workspace, [upper]).delta_chi2
    assert height == pytest.approx(CHI2_90, abs=2e-3)


def test_without_the_sidecar_the_name_says_what_it_is(built: Make) -> None:
    for hypothesis, unit in (("magnetic-moment", "mu_B"), ("millicharge-fea", "e_0")):
        whole = built("lz_ws2022", hypothesis=hypothesis, flavor="mu", background="paper")
        alone = Workspace(whole.spec)
        assert limit(alone) == limit(whole)
        assert limit(alone).unit == unit


def test_an_unknown_parameter_is_reported_in_its_own_unit(counting: Make) -> None:
    interval = limit(counting([12], [1], [3], bounds=[[0, 50]]))
    assert (interval.coupling, interval.unit) == ("mu", "")


@pytest.mark.parametrize(
    ("workspace", "options", "kind", "message"),
    [
        ({"poi": ""}, {}, ModelError, "has no parameter of interest"),
        ({"fixed": True}, {}, FitError, "parameter of interest is fixed"),
        (
            {},
            {"method": "cls", "delta_chi2": 1.0},
            OptionError,
            "delta_chi2=...: does nothing with method='cls'",
        ),
        ({}, {"method": "magic"}, ConfigError, "no method called 'magic'"),
        ({}, {"measurement": "other"}, ModelError, "no measurement called 'other'; it has only"),
    ],
)
def test_what_has_no_limit(
    counting: Make, workspace: dict[str, Any], options: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        limit(counting([12], [1], [3], **workspace), **options)


def test_scan_outside_the_bounds_is_refused(counting: Make) -> None:
    with pytest.raises(ConfigError, match=r"60 lies outside the bounds of mu, 0 to 50"):
        scan(counting([12], [1], [3], bounds=[[0, 50]]), [60.0])


def test_bounds_beyond_what_yields_allow(counting: Make) -> None:
    # From -10 on is a habit of many analyses; below -2 the first bin expects less than nothing.
    model = ([12, 22], [5, 3], [10, 20])
    narrow = limit(counting(*model, sigma=0.1, bounds=[[-1.5, 10]]))
    wide = limit(counting(*model, sigma=0.1, bounds=[[-10, 10]]))
    # The same likelihood: nuhist promises 1e-4 for each end.
    assert wide.lower == pytest.approx(narrow.lower, rel=3e-4)
    assert wide.upper == pytest.approx(narrow.upper, rel=3e-4)
