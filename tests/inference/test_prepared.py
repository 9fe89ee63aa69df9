"""Values that are fitted together are those of single fits, and limits from them pyhf's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyhf
import pytest
from numpy.typing import NDArray

from nuhist import Workspace, limit
from nuhist.errors import FitError
from nuhist.inference import descent as module
from nuhist.inference.asymptotic import AsymptoticCls
from nuhist.inference.cls import cls_upper
from nuhist.inference.edges import fit_with_edges
from nuhist.inference.likelihood import Likelihood, Minimum
from nuhist.inference.newton import BatchFit, fit_batch
from nuhist.inference.prepare import Engine, make_likelihood
from nuhist.inference.profile import LowerMinimumError, Profile, heights_at
from nuhist.inference.region import profile_ends
from nuhist.inference.together import prepare_together
from tests.strategies import Limits, random_workspace

Array = NDArray[np.float64]
Build = Callable[..., Workspace]
Counting = Callable[..., Workspace]

# A fit ends where a step would gain less than 1e-10 of 2NLL.
SAME = 1e-8


@pytest.fixture(scope="module")
def bins(counting: Counting) -> Workspace:
    """Three bins, a background known to 10 %, between one and two events of signal."""
    return counting([12, 22, 6], [5, 3, 1], [10, 20, 3], sigma=0.1, bounds=[[0, 10]], inits=[1])


@pytest.fixture(scope="module")
def two_valleys() -> Workspace:
    """A strength of free sign with a minimum of either sign: twice its parabola is all there is."""
    # Counts 30 + 12 φ(q)/8: as many at −q as at q, but for a slope of 0.8 per q.
    counts, bent = 30.0, 12.0
    sides = {"hi_data": [counts + bent + 0.8, 20.0], "lo_data": [counts + bent - 0.8, 20.0]}
    sample = {
        "name": "all",
        "data": [counts, 20.0],
        "modifiers": [{"name": "q", "type": "histosys", "data": sides}],
    }
    return Workspace(
        {
            "channels": [{"name": "only", "samples": [sample]}],
            "observations": [{"name": "only", "data": [46.0, 20.0]}],
            "measurements": [{"name": "only", "config": {"poi": "q", "parameters": []}}],
            "version": "1.0.0",
        },
        origin="valleys.json",
    )


def _apart(profile: Profile, values: list[float]) -> list[float]:
    """Each value by a fit of its own, from the best fit."""
    name = profile.coupling.name
    return [
        profile.likelihood.minimise({name: value}, profile.minimum.parameters, profile.data).twice_nll
        for value in values
    ]


@pytest.mark.thorough(keep=1)
@pytest.mark.parametrize("checked", [True, False])
@pytest.mark.parametrize("hypothesis", ["magnetic-moment", "millicharge-fea"])
def test_a_batch_is_its_single_fits(
    built: Build, hypothesis: str, checked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    likelihood = make_likelihood(built("lz_ws2022", hypothesis=hypothesis, background="components"))
    profile = Profile(likelihood)
    low, high = profile.bounds
    values = np.linspace(low, high, 41).tolist()
    singles = _apart(profile, values)
    calls: list[int] = []

    def counted(*arguments: Any, **how: Any) -> BatchFit:
        calls.append(len(arguments[1]))
        return fit_with_edges(*arguments, **how)

    monkeypatch.setattr(module, "fit_with_edges", counted)
    profile.prepare(values, check=checked)
    assert calls == [len(values)]
    together = [profile.at(value).twice_nll for value in values]
    assert calls == [len(values)]  # nothing is fitted again
    # A signed charge has two valleys: a single fit may end in the higher one, the batch starts anew.
    assert together == pytest.approx(singles, abs=SAME)
    assert all(
        profile.at(value).parameters[likelihood.poi_index] == pytest.approx(value, abs=1e-15)
        for value in values
    )


def test_known_values_are_not_fitted_again(bins: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = Profile(make_likelihood(bins))
    asked: list[list[float]] = []
    minimise_at = Likelihood.minimise_at

    def watched(self: Likelihood, values: Array, *rest: Any, **options: Any) -> list[Minimum | None]:
        asked.append(values.tolist())
        return minimise_at(self, values, *rest, **options)

    monkeypatch.setattr(Likelihood, "minimise_at", watched)
    profile.prepare([1.0, 2.0, 1.0])
    profile.prepare([2.0, 3.0])
    profile.prepare([1.0, 3.0])
    assert asked == [[1.0, 2.0], [3.0]]


def test_two_curves_are_fitted_in_one_batch(bins: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    profile, alone = (Profile(make_likelihood(bins)) for _ in range(2))
    asimov, other = profile.asimov(), alone.asimov()
    fits: list[int] = []
    newton = Likelihood._newton

    def counted(self: Likelihood, starts: Array, *rest: Any, **options: Any) -> Any:
        fits.append(len(starts))
        return newton(self, starts, *rest, **options)

    monkeypatch.setattr(Likelihood, "_newton", counted)
    prepare_together([(profile, [1.0, 2.0]), (asimov, [2.0, 3.0, 4.0])])
    assert fits == [5]
    for curve, same, values in ((profile, alone, [1.0, 2.0]), (asimov, other, [2.0, 3.0, 4.0])):
        assert heights_at(curve, values) == pytest.approx(heights_at(same, values), abs=SAME)


@pytest.mark.parametrize("strength", [0.5, 2.0])
def test_the_slope_of_a_curve_is_that_of_its_heights(bins: Workspace, strength: float) -> None:
    profile = Profile(make_likelihood(bins))
    low, high = heights_at(profile, [strength - 1e-4, strength + 1e-4])
    # Heights are good to 1e-10, so that their quotient is to 1e-6.
    assert profile.slope(strength) == pytest.approx((high - low) / 2e-4, abs=1e-5)


def test_asimov_data_have_their_minimum_where_they_are_expected(bins: Workspace) -> None:
    profile = Profile(make_likelihood(bins))
    asimov = profile.asimov()
    searched = profile.likelihood.best(asimov.data)
    assert asimov.best == 0
    assert asimov.minimum.twice_nll == pytest.approx(searched.twice_nll, abs=SAME)
    assert asimov.minimum.parameters == pytest.approx(searched.parameters, abs=1e-4)
    elsewhere = profile.minimum.parameters
    assert profile.likelihood.saturated(elsewhere, profile.likelihood.data) is None


def test_what_a_batch_does_not_find_is_fitted_alone(bins: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Profile(make_likelihood(bins))
    whole.prepare([1.0, 2.0])
    minimise_at = Likelihood.minimise_at

    def lossy(self: Likelihood, *rest: Any, **options: Any) -> list[Minimum | None]:
        return [None, *minimise_at(self, *rest, **options)[1:]]

    monkeypatch.setattr(Likelihood, "minimise_at", lossy)
    profile = Profile(make_likelihood(bins))
    profile.prepare([1.0, 2.0])
    assert [profile(1.0), profile(2.0)] == pytest.approx([whole(1.0), whole(2.0)], abs=SAME)


def test_without_the_compiled_likelihood_nothing_is_prepared(bins: Workspace) -> None:
    fast, slow = (Profile(make_likelihood(bins, engine=engine)) for engine in ("compiled", "pyhf"))
    for profile in (fast, slow):
        profile.prepare([0.0, 1.0, 4.0])
    # SLSQP stops where it gains less than 1e-10, some 1e-8 above.
    assert heights_at(slow, [0.0, 1.0, 4.0]) == pytest.approx(heights_at(fast, [0.0, 1.0, 4.0]), abs=1e-6)


def test_unchecked_values_are_not_compared_with_pyhf(
    bins: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = Profile(make_likelihood(bins))
    compared: list[float] = []
    twice_nll = Likelihood.twice_nll

    def counted(self: Likelihood, point: Array, data: Array | None = None) -> float:
        compared.append(point[self.poi_index])
        return twice_nll(self, point, data)

    monkeypatch.setattr(Likelihood, "twice_nll", counted)
    profile.prepare([1.0, 2.0], check=False)
    assert compared == []
    profile.prepare([3.0, 4.0])
    assert compared == [3.0, 4.0]


def test_a_likelihood_that_is_not_pyhfs_is_noticed(bins: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = Profile(make_likelihood(bins))
    twice_nll = Likelihood.twice_nll
    monkeypatch.setattr(Likelihood, "twice_nll", lambda self, *rest: twice_nll(self, *rest) + 1e-3)
    with pytest.warns(RuntimeWarning, match="the compiled likelihood differs from pyhf's by -0.001"):
        profile.prepare([3.0])


def _trapped(workspace: Workspace) -> tuple[Profile, Profile]:
    """A profile that believes in the higher of two minima, and one that knows better."""
    known, profile = (Profile(make_likelihood(workspace)) for _ in range(2))
    start = profile.minimum.parameters.copy()
    start[profile.likelihood.poi_index] *= -1
    likelihood = profile.likelihood
    assert likelihood.compiled is not None
    fixed = np.array(likelihood.constant)
    higher = fit_batch(
        likelihood.compiled,
        likelihood.data[None],
        start[None],
        likelihood.lower,
        likelihood.upper,
        fixed,
        likelihood.scale,
    )
    point = higher.parameters[0]
    profile.minimum = Minimum(point, likelihood.twice_nll(point))
    assert profile.minimum.twice_nll > known.minimum.twice_nll + 0.05
    assert profile.best * known.best < 0
    return profile, known


def test_a_lower_minimum_is_taken_over(two_valleys: Workspace) -> None:
    profile, known = _trapped(two_valleys)
    with pytest.raises(LowerMinimumError):
        profile(known.best)
    assert profile.minimum.twice_nll == pytest.approx(known.minimum.twice_nll, abs=SAME)
    assert profile.best == pytest.approx(known.best, abs=1e-4)
    # And a search that meets one starts again.
    for check in (heights_at, lambda curve, values: [curve.delta(value) for value in values]):
        profile, known = _trapped(two_valleys)
        values = [-1.5, 0.0, 1.0, 1.5]
        assert check(profile, values)[-1] >= 0
        assert check(profile, values) == pytest.approx(heights_at(known, values), abs=SAME)
    profile, known = _trapped(two_valleys)
    (ends, notes), (expected, same) = profile_ends(profile, 2.7055), profile_ends(known, 2.7055)
    # Steps are counted from the best fit: other values, and 1e-4 of an end.
    assert ends == pytest.approx(expected, rel=2e-4)
    assert notes == same


def test_cls_after_a_lower_minimum(bins: Workspace) -> None:
    # The curve remembers values of CLs; those from before a lower minimum was found are no longer true.
    known = AsymptoticCls(Profile(make_likelihood(bins)))
    spoilt = AsymptoticCls(Profile(make_likelihood(bins)))
    raised = known.profile.minimum.twice_nll + 0.5
    spoilt.profile.minimum = Minimum(known.profile.minimum.parameters, raised)
    first = spoilt.observed(2.0)  # at 2.0 no fit is lower than that
    spoilt.observed(known.profile.best + 1e-3)  # which finds the lower one
    assert spoilt.profile.minimum.twice_nll == pytest.approx(raised - 0.5, abs=SAME)
    assert spoilt.observed(2.0) == pytest.approx(known.observed(2.0), abs=1e-7)
    assert first != pytest.approx(known.observed(2.0), abs=1e-3)


def test_a_cls_limit_from_a_minimum_that_was_not_the_lowest(bins: Workspace) -> None:
    known, profile = (Profile(make_likelihood(bins)) for _ in range(2))
    profile.minimum = Minimum(known.minimum.parameters, known.minimum.twice_nll + 0.5)
    upper, bands = cls_upper(profile, 0.9, expected=True)
    expected, same = cls_upper(known, 0.9, expected=True)
    assert upper == pytest.approx(expected, rel=2e-4)
    assert bands == same


@pytest.mark.parametrize("engine", ["compiled", "pyhf"])
def test_data_that_are_impossible_without_a_strength_that_is_alone(engine: Engine) -> None:
    # One sample, its strength and no other parameter: without it there is nothing to compare with.
    workspace = random_workspace([43, 2], Limits(channels=2, bins=4, samples=3, causes=3))
    with pytest.raises(FitError, match="44 events observed where nothing is expected at mu = 0"):
        limit(workspace, method="cls", engine=engine)


SEEDS = [3, 5, 8]


@pytest.mark.thorough(keep=1)
@pytest.mark.parametrize("seed", SEEDS)
def test_both_engines_give_one_limit(seed: int) -> None:
    workspace = random_workspace([43, seed], Limits(channels=2, bins=4, samples=3, causes=3))
    likelihood = make_likelihood(workspace)
    methods = ["profile"] if likelihood.lower[likelihood.poi_index] < 0 else ["profile", "cls"]
    for method in methods:
        fast, slow = (
            limit(workspace, method=method, expected=method == "cls", engine=engine)
            for engine in ("compiled", "pyhf")
        )
        # Issue 6: equal to 1e-3.
        for one, other in ((fast.lower, slow.lower), (fast.upper, slow.upper)):
            assert one == (None if other is None else pytest.approx(other, rel=1e-3))
        # A strength that hardly does anything is on its bound for one engine, and beside it for the other.
        said = [
            [note for note in found.notes if not note.startswith("the asymptotic formula")]
            for found in (fast, slow)
        ]
        assert said[0] == said[1]
        if method == "cls":
            assert fast.expected is not None
            assert slow.expected is not None
            assert list(fast.expected) == ["-2", "-1", "0", "+1", "+2"]
            for key, band in fast.expected.items():
                assert band == (
                    None if slow.expected[key] is None else pytest.approx(slow.expected[key], rel=1e-3)
                )


@pytest.mark.thorough
def test_cls_with_bands_is_pyhfs_root(two_channels: Workspace) -> None:
    # Two channels that share a systematic, which changes normalisation and shape.
    interval = limit(two_channels, method="cls", confidence_level=0.90, expected=True)
    document = pyhf.Workspace(dict(two_channels.spec))
    model = document.model()
    theirs, bands = pyhf.infer.intervals.upper_limits.toms748_scan(
        document.data(model), model, 0, 10, level=0.10, rtol=1e-4
    )
    assert interval.expected is not None
    assert interval.upper == pytest.approx(float(theirs), rel=1e-3)
    assert list(interval.expected.values()) == pytest.approx([float(band) for band in bands], rel=1e-3)


@pytest.fixture(scope="module")
def two_channels() -> Workspace:
    return Workspace(
        {
            "channels": [
                {
                    "name": "left",
                    "samples": [
                        {
                            "name": "signal",
                            "data": [4.0, 2.0],
                            "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
                        },
                        {
                            "name": "background",
                            "data": [12.0, 9.0],
                            "modifiers": [
                                {"name": "scale", "type": "normsys", "data": {"hi": 1.2, "lo": 0.85}},
                                {
                                    "name": "scale",
                                    "type": "histosys",
                                    "data": {"hi_data": [13.0, 8.0], "lo_data": [11.5, 10.5]},
                                },
                            ],
                        },
                    ],
                },
                {
                    "name": "right",
                    "samples": [
                        {
                            "name": "background",
                            "data": [30.0],
                            "modifiers": [
                                {"name": "scale", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}
                            ],
                        }
                    ],
                },
            ],
            "observations": [{"name": "left", "data": [15, 11]}, {"name": "right", "data": [33]}],
            "measurements": [{"name": "only", "config": {"poi": "mu", "parameters": []}}],
            "version": "1.0.0",
        },
        origin="channels.json",
    )


def test_expected_limits_are_those_of_the_background_alone(bins: Workspace) -> None:
    # Of the fit without the coupling: what is observed moves them only through the nuisances.
    profile = Profile(make_likelihood(bins))
    _, bands = cls_upper(profile, 0.95, expected=True)
    observed, nothing = cls_upper(profile, 0.95, expected=False)
    assert nothing is None
    assert bands is not None
    asimov = Profile(make_likelihood(bins), profile.asimov().data)
    assert asimov.best == pytest.approx(0.0, abs=1e-4)
    median, _ = cls_upper(asimov, 0.95, expected=False)
    assert bands["0"] == pytest.approx(median, rel=2e-4)
    assert observed == pytest.approx(cls_upper(profile, 0.95, expected=True)[0], rel=2e-4)
