"""A fit that starts anywhere ends in the global minimum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pytest

from nuhist import Model, Workspace, limit
from nuhist.inference.hessian import slope_and_curvature
from nuhist.inference.likelihood import Likelihood
from nuhist.inference.newton import fit_batch
from nuhist.inference.prepare import make_likelihood
from nuhist.inference.profile import Profile, threshold
from nuhist.inference.region import profile_ends
from nuhist.physics.hypotheses import FLAVOR_CHOICES

Build = Callable[..., Workspace]

STARTS = 50
# In 2NLL. An interval asks for 2.7 and a standard deviation for 1: an error of 1e-4 in the minimum
# moves an end by about 2e-5 of the interval's half-width, which is less than the 1e-4 that an end is
# promised to. Fits of one minimum differ by 1e-9; two minima of these models by 1e-2 and more.
SAME = 1e-4

CASES: list[dict[str, Any]] = [
    {"hypothesis": "magnetic-moment", "background": "paper"},
    *(
        {"hypothesis": "millicharge-fea", "flavor": flavor, "background": "paper"}
        for flavor in FLAVOR_CHOICES
    ),
    {"hypothesis": "millicharge-epa-only", "background": "paper"},
    {"hypothesis": "standard-model", "background": "paper"},
    {"hypothesis": "millicharge-fea", "background": "paper", "ar37": "gaussian", "constraint": "linear"},
    {"hypothesis": "millicharge-fea", "background": "components"},
]  # fmt: skip


# Single flavours differ by their couplings only.
SOME = [
    pytest.param(case, marks=[pytest.mark.thorough] if case.get("flavor", "effective") != "effective" else [])
    for case in CASES
]


def _name(case: dict[str, Any]) -> str:
    return "-".join(case.values())


@pytest.fixture(scope="module")
def likelihoods(built: Build) -> Callable[..., Likelihood]:
    """The likelihood of LZ, each once."""

    @cache
    def make(**choices: Any) -> Likelihood:
        return make_likelihood(built("lz_ws2022", **choices))

    return make


def random_starts(likelihood: Likelihood, seed: int, number: int) -> list[Likelihood]:
    """The same likelihood with start values anywhere within the bounds."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(likelihood.lower, likelihood.upper, size=(number, len(likelihood.names)))
    constant = np.array(likelihood.constant)
    return [replace(likelihood, initial=np.where(constant, likelihood.initial, point)) for point in points]


@pytest.mark.thorough(keep=1)
@pytest.mark.parametrize("case", SOME, ids=_name)
def test_random_starts_end_in_one_minimum(
    likelihoods: Callable[..., Likelihood], case: dict[str, Any]
) -> None:
    # Of components: a search that looks along the charge with the nuisance parameters where they start
    # sees one valley of two, and ends 0.196 higher from every fourth start.
    likelihood = likelihoods(**case)
    starts = STARTS if case["background"] == "paper" else 25  # a third of a second each
    found = np.array([start.best().twice_nll for start in random_starts(likelihood, 50, starts)])
    lowest = min(found.min(), likelihood.best().twice_nll)
    assert found.max() - lowest < SAME
    assert likelihood.best().twice_nll - lowest < SAME


@pytest.mark.thorough(keep=2)
@pytest.mark.parametrize("case", SOME, ids=_name)
def test_a_dense_scan_shows_nothing_lower(
    likelihoods: Callable[..., Likelihood], case: dict[str, Any]
) -> None:
    profile = Profile(likelihoods(**case))
    lowest = profile.minimum.twice_nll
    low, high = profile.bounds
    # In steps of 1/60 of the bounds, and of 1/40 of the range in which Δχ² stays below 9.
    (lower, upper), _ = profile_ends(profile, 9.0)
    inner = np.linspace(low if lower is None else lower, high if upper is None else upper, 41)
    heights = [profile(float(value)) for value in np.concatenate([np.linspace(low, high, 61), inner])]
    assert min(heights) > -SAME
    assert profile.minimum.twice_nll == lowest  # a scan that finds a lower one would have replaced it
    # The scan comes by the minimum: half a step of a parabola that reaches 9 after 20 is 0.006 high.
    assert min(heights) < 0.05


def test_two_minima(likelihoods: Callable[..., Likelihood], built: Build) -> None:
    likelihood = likelihoods(hypothesis="millicharge-fea", background="components")
    name, index = likelihood.interest.name, likelihood.poi_index
    charges = np.linspace(-6, 8, 57)
    scan = np.array([likelihood.minimise({name: charge / 1e4}).twice_nll for charge in charges])
    valleys = [i for i in range(1, 56) if scan[i] < min(scan[i - 1], scan[i + 1])]
    # One on either side of no charge, nearly as deep, with a ridge between them.
    assert len(valleys) == 2
    first, second = valleys
    assert charges[first] < 0 < charges[second]
    assert 0.01 < scan[second] - scan[first] < 1
    assert scan[first : second + 1].max() > scan[second] + 0.01
    # A single fit from the wrong side stays there ...
    start = likelihood.initial.copy()
    start[index] = charges[second] / 1e4
    assert likelihood.compiled is not None
    bounds, fixed = (likelihood.lower, likelihood.upper), np.array(likelihood.constant)
    trapped = fit_batch(
        likelihood.compiled, likelihood.data[None], start[None], *bounds, fixed, likelihood.scale
    )  # fmt: skip
    assert trapped.converged.all()
    assert trapped.parameters[0, index] > 0
    # ... and neither of the searches does.
    best = replace(likelihood, initial=start).best()
    height = likelihood.twice_nll(trapped.parameters[0])
    assert best.twice_nll < height - 0.01
    assert likelihood.minimise(start=start).twice_nll == pytest.approx(best.twice_nll, abs=SAME)
    assert best.parameters[index] == pytest.approx(charges[first] / 1e4, abs=0.3e-4)
    # The interval spans both, in one piece: the ridge stays below the threshold.
    interval = limit(built("lz_ws2022", hypothesis="millicharge-fea", background="components"))
    assert interval.lower is not None
    assert interval.upper is not None
    assert interval.lower < 1e-13 * charges[first] < 1e-13 * charges[second] < interval.upper
    assert not any("region" in note for note in interval.notes)
    outside = [abs(scan[i] - best.twice_nll) > threshold(0.90) for i in (0, 56)]
    inside = 1e-13 * charges[[0, 56]]
    assert outside == [inside[0] < interval.lower, inside[1] > interval.upper]


class Bent(NamedTuple):
    """How many bins, and between what counts lie: background, its variations, signal, what is seen."""

    seed: int = 27
    bins: int = 6
    background: float = 100.0
    varied: tuple[float, float] = (80, 135)
    signal: tuple[float, float] = (1, 40)
    seen: tuple[float, float] = (80, 140)


MANY = Bent()


def _bent(how: Bent) -> Model:
    """Seven histosys that bend."""
    rng = np.random.default_rng(how.seed)

    def counts(low: float, high: float) -> list[float]:
        return [round(float(value), 1) for value in rng.uniform(low, high, how.bins)]

    bent = [
        {
            "name": f"t{n}",
            "type": "histosys",
            "data": {"hi_data": counts(*how.varied), "lo_data": counts(*how.varied)},
        }
        for n in range(7)
    ]
    norms = [{"name": f"n{n}", "type": "normsys", "data": {"hi": 1.02, "lo": 0.98}} for n in range(3)]
    strength = {"name": "mu", "type": "normfactor", "data": None}
    parameter = {"name": "mu", "bounds": [[0.0, 30.0]], "inits": [1.0]}
    samples = [
        {"name": "signal", "data": counts(*how.signal), "modifiers": [strength]},
        {"name": "background", "data": [how.background] * how.bins, "modifiers": [*bent, *norms]},
    ]
    seen = [float(count) for count in rng.poisson(rng.uniform(*how.seen, how.bins))]
    return Model(
        {
            "channels": [{"name": "c", "samples": samples}],
            "observations": [{"name": "c", "data": seen}],
            "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": [parameter]}}],
            "version": "1.0.0",
        }
    )


def test_first_fits_go_straight_to_a_minimum_and_others_explore() -> None:
    likelihood = _bent(MANY).likelihood
    assert likelihood.compiled is not None
    data, bounds = likelihood.data[None], (likelihood.lower, likelihood.upper)
    constant, steps = np.array(likelihood.constant), []
    for exploring in (False, True):
        found = fit_batch(
            likelihood.compiled, data, likelihood.start[None], *bounds, constant, likelihood.scale,
            exploring=exploring,
        )  # fmt: skip
        assert found.converged.all()
        slope, curvature = slope_and_curvature(likelihood.compiled, found.parameters, data)
        inside = (found.parameters[0] > bounds[0]) & (found.parameters[0] < bounds[1])
        # A minimum, and no saddle; fits end where a step would gain less than 1e-10.
        assert np.abs(slope[0, inside] * likelihood.scale[inside]).max() < 1e-4
        assert np.linalg.eigvalsh(curvature[0][np.ix_(inside, inside)]).min() > 0
        steps.append(found.iterations)
    assert steps[0] < steps[1]


def test_held_fits_leave_a_valley_that_has_become_the_higher_one() -> None:
    # Fits that only went on from near ones said < 0.389 at 95 %.
    model = _bent(MANY)
    # SciPy's L-BFGS-B on pyhf's likelihood from 30 random starts at each value.
    right = {0.3: 0.9097663, 0.389: 1.5266268, 0.5: 2.5543139, 0.8: 7.1513625, 1.2: 18.5193348}
    assert model.scan(list(right)).delta_chi2 == pytest.approx(tuple(right.values()), abs=1e-5)
    upper = model.limit(confidence_level=0.95).upper
    assert upper is not None
    assert 0.5 < upper < 0.8
    # 3.8415 is the 95 % quantile of χ² with one degree of freedom.
    assert model.likelihood.minimise({"mu": upper}).twice_nll - model.best.twice_nll == pytest.approx(
        3.8415, abs=2e-3
    )


def test_starts_of_a_search_end_where_each_of_them_does_alone() -> None:
    # Steps that fits share, as those of toys do, led starts on all sides into one valley.
    few = Bent(seed=1, bins=3, background=20.0, varied=(0, 40), signal=(1, 8), seen=(6, 28))
    likelihood = _bent(few).likelihood
    assert likelihood.compiled is not None
    constant = np.array(likelihood.constant)
    constant[likelihood.poi_index] = True
    starts = likelihood.afresh.copy()
    starts[:, likelihood.poi_index] = 3.0
    data = np.tile(likelihood.data, (len(starts), 1))
    settings = likelihood.lower, likelihood.upper, constant, likelihood.scale
    together = fit_batch(likelihood.compiled, data, starts, *settings)
    alone = [fit_batch(likelihood.compiled, data[:1], start[None], *settings) for start in starts]
    heights = np.array([fit.twice_nll[0] for fit in alone])
    assert np.unique(heights.round(3)).size > 1
    # Fits end where a step would gain less than 1e-10.
    np.testing.assert_allclose(together.twice_nll, heights, rtol=0, atol=1e-8)
    shared = fit_batch(likelihood.compiled, data, starts, *settings, near=True)
    assert np.abs(shared.twice_nll - heights).max() > 0.1
