"""CLs with toys of one count: the exact distribution is a sum of Poisson probabilities."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyhf
import pytest
from scipy.optimize import brentq
from scipy.stats import norm, poisson

from nuhist import Workspace, limit
from nuhist.errors import ConfigError, FitError
from nuhist.inference.execution import Execution

Counting = Callable[..., Workspace]

TOYS = 4000
BACKGROUND = 3.0
ALPHA = 0.10
SIGMAS = (-2, -1, 0, 1, 2)


def _ratio(mu: float, count: int) -> float:
    """CLs of a count: q̃ falls with the count, up to the one from which it is 0."""
    return float(poisson.cdf(count, mu + BACKGROUND) / poisson.cdf(count, BACKGROUND))


def _limit(count: int) -> float:
    """Where CLs is 10 %, at a mu above the best fit."""
    return float(brentq(lambda mu: _ratio(mu, count) - ALPHA, max(count - BACKGROUND, 0.0), 60.0))


def _error(count: int) -> float:
    """Of such a limit, from the toys: the two fractions of CLs fluctuate, and so log CLs does."""
    mu = _limit(count)
    shares = poisson.cdf(count, mu + BACKGROUND), poisson.cdf(count, BACKGROUND)
    spread = np.sqrt(sum((1 - share) / (share * TOYS) for share in shares))
    slope = (np.log(_ratio(mu + 0.01, count)) - np.log(_ratio(mu - 0.01, count))) / 0.02
    return float(spread / abs(slope))


def _count(sigma: int) -> int:
    """The background's count at a quantile of a Gaussian: the largest that so many toys reach."""
    share = float(norm.sf(sigma))
    return int(max(n for n in range(40) if poisson.sf(n - 1, BACKGROUND) >= share))


@pytest.fixture(scope="module")
def found(counting: Counting) -> dict[str, float | None]:
    """Limits for five counts observed, and for the bands."""
    workspace = counting([5], [1.0], [BACKGROUND], bounds=[[0.0, 30.0]])
    execution = Execution(toys=TOYS, seed=3)
    interval = limit(workspace, method="cls", calctype="toybased", expected=True, execution=execution)
    assert interval.expected is not None
    assert list(interval.expected) == ["-2", "-1", "0", "+1", "+2"]
    assert (interval.toys, interval.seed, interval.lower, interval.delta_chi2) == (TOYS, 3, None, None)
    assert interval.notes[0].startswith(f"{TOYS} toys with and without the coupling at each of ")
    assert interval.upper_range is not None
    assert interval.notes[1].startswith("errors from the number of toys, at most: ")
    assert interval.convention.endswith("toybased")
    # The range is two errors of toys that are thrown one by one; evenly spread ones are better.
    assert interval.upper is not None
    low, high = interval.upper_range
    assert low is not None
    assert high is not None
    assert (high - low) / 4 == pytest.approx(_error(5), rel=0.3)  # 60 sets of toys know it to 10 %
    return {"observed": interval.upper, **interval.expected}


def test_pyhfs_percentiles_are_not_asked_for(counting: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise TypeError(
            "percentile() got an unexpected keyword argument 'interpolation'"
        )  # from NumPy 2.4 on

    monkeypatch.setattr(type(pyhf.get_backend()[0]), "percentile", refuse)
    workspace = counting([5], [1.0], [BACKGROUND], bounds=[[0.0, 30.0]])
    execution = Execution(toys=100, seed=3)
    assert limit(workspace, method="cls", calctype="toybased", expected=True, execution=execution).expected
    assert limit(workspace, method="cls", expected=True).expected


def test_counts_of_the_bands() -> None:
    # From tables of the Poisson distribution of 3: P(≥0) = 1, P(≥1) = 0.950, P(≥3) = 0.577,
    # P(≥5) = 0.185, P(≥7) = 0.034, each the last above 0.977, 0.841, 0.5, 0.159, 0.023.
    assert [_count(sigma) for sigma in SIGMAS] == [0, 1, 3, 5, 7]
    # No count: CLs = exp(−mu), whatever the background.
    assert _limit(0) == pytest.approx(np.log(10))


@pytest.mark.thorough
@pytest.mark.parametrize("key", ["observed", "-2", "-1", "0", "+1", "+2"])
def test_limits_are_poisson_sums(found: dict[str, float | None], key: str) -> None:
    count = 5 if key == "observed" else _count(int(key))
    upper = found[key]
    # Straight lines in log CLs between values 0.2 apart: a thousandth of the limit at most. The toys know
    # the share of each count to 1/1000, which is a tenth of the error of toys thrown one by one.
    assert upper == pytest.approx(_limit(count), abs=0.4 * _error(count) + 0.002 * _limit(count))


def test_they_are_not_the_asymptotic_ones(counting: Counting) -> None:
    # So that the sums above can tell: for the median and for +2 σ they are some errors apart.
    workspace = counting([5], [1.0], [BACKGROUND], bounds=[[0.0, 30.0]])
    asymptotic = limit(workspace, method="cls", expected=True).expected
    assert asymptotic is not None
    for key in ("0", "+2"):
        count, value = _count(int(key)), asymptotic[key]
        assert value is not None
        assert abs(value - _limit(count)) > 3.5 * _error(count) + 0.01 * _limit(count)


@pytest.mark.thorough(keep=1)
@pytest.mark.parametrize("observed", [0, 12])
def test_observed_limits_without_bands(counting: Counting, observed: int) -> None:
    workspace = counting([observed], [1.0], [BACKGROUND], bounds=[[0.0, 60.0]])
    execution = Execution(toys=TOYS, seed=2)
    interval = limit(workspace, method="cls", calctype="toybased", execution=execution)
    assert interval.expected is None
    # Eight values between 0.6 and 1.6 of the asymptotic limit, and more around the limit.
    expected = _limit(observed)
    assert interval.upper == pytest.approx(expected, abs=0.4 * _error(observed) + 0.002 * expected)


def test_limits_beyond_the_first_values(counting: Counting) -> None:
    # 200 events of background: the asymptotic limit is right to 1 %, so that the first values hold it. With
    # one event of background and none seen, the limit is 2.303 and the asymptotic one 1.6 or less.
    workspace = counting([0], [1.0], [1.0], bounds=[[0.0, 60.0]])
    execution = Execution(toys=TOYS, seed=4)
    interval = limit(workspace, method="cls", calctype="toybased", execution=execution)
    assert interval.upper == pytest.approx(np.log(10), abs=0.5 * _error(0) + 0.005)


def test_the_bound_of_a_search_orders_no_toys(counting: Counting) -> None:
    # Toys whose best fit lies beyond the bound are ordered as if it were not there.
    execution = Execution(toys=1000, seed=1)
    uppers = [
        limit(
            counting([5], [1.0], [BACKGROUND], bounds=[[0.0, bound]]),
            method="cls",
            calctype="toybased",
            execution=execution,
        ).upper
        for bound in (11.0, 1e30)
    ]
    assert uppers[0] == pytest.approx(uppers[1], rel=1e-4)


@pytest.mark.thorough
def test_a_seed_gives_the_same_limit_and_goes_on(counting: Counting, tmp_path: Path) -> None:
    workspace = counting([5], [1.0], [BACKGROUND], sigma=0.2, bounds=[[0.0, 30.0]])

    def run(**choices: object) -> tuple[float | None, dict[str, float | None] | None]:
        execution = Execution(toys=200, seed=6, **choices)  # type: ignore[arg-type]
        interval = limit(workspace, method="cls", calctype="toybased", expected=True, execution=execution)
        return interval.upper, interval.expected

    plain = run()
    calls = iter(range(100))

    def stop(_done: int, _total: int) -> None:
        if next(calls) == 5:
            raise KeyboardInterrupt

    path = tmp_path / "checkpoint"
    with pytest.raises(KeyboardInterrupt):
        run(resume=path, progress=stop)
    seen: list[tuple[int, int]] = []
    assert run(resume=path, progress=lambda *both: seen.append(both)) == plain
    # Five batches of 200 were kept, of 16 values with the coupling and without it.
    assert seen[0] == (5 * 200, 32 * 200)
    done, total = seen[-1]
    assert done == total > 32 * 200  # and more values around the limits


def test_what_is_refused(counting: Counting) -> None:
    workspace = counting([5], [1.0], [BACKGROUND], bounds=[[-2.0, 30.0]])
    with pytest.raises(FitError, match="mu is signed: use method='profile' or 'feldman-cousins'"):
        limit(workspace, method="cls", calctype="toybased", execution=Execution(toys=10))
    with pytest.raises(ConfigError, match="no calculator called 'toys'; did you mean toybased"):
        limit(counting([5], [1.0], [3.0]), method="cls", calctype="toys")
