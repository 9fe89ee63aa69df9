"""Feldman-Cousins intervals of counting experiments against exact sums.

    python -m benchmarks.belts [--ntoys 2000] [--models 60] [--seed 0]

Two parts. First, 60 random models without nuisance parameters, of one to three bins, with signed and
unsigned strengths and empty bins: both ends of the printed 90 % interval beside those of the exact
ordering, and whether the range that is stated holds them. Then the exact coverage of the printed intervals
of one bin with b = 0.5, 2 and 5, summed over the counts, for s from 0 to 6 in steps of 0.01.

The exact ordering uses nothing of nuhist: every possible set of counts is enumerated, its best fit is found
by bisection of the derivative, and probabilities are added (physics/9711021, section IV).
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson

from nuhist import Workspace, limit
from nuhist.inference.execution import Execution
from nuhist.inference.results import Interval

Array = NDArray[np.float64]

LEVEL = 0.90
COMBINATIONS = 60_000  # sets of counts of a model, at most
RARE = 1e-9  # probability of the counts that are left out
SAME = 1e-9  # in the statistic: equal up to rounding
STEPS = 400  # of a scan for the exact ends


@dataclass(frozen=True)
class Counting:
    """Bins that expect ``background + mu signal``, and what they hold."""

    signal: Array
    background: Array
    observed: Array
    signed: bool

    def workspace(self) -> Workspace:
        """The model for nuhist, with bounds that are far too narrow for most toys' fits."""
        samples = [
            {
                "name": "signal",
                "data": self.signal.tolist(),
                "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
            },
            {"name": "background", "data": self.background.tolist(), "modifiers": []},
        ]
        block = {"name": "mu", "bounds": [[-100.0 if self.signed else 0.0, 100.0]], "inits": [1.0]}
        return Workspace(
            {
                "channels": [{"name": "counts", "samples": samples}],
                "observations": [{"name": "counts", "data": self.observed.tolist()}],
                "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": [block]}}],
                "version": "1.0.0",
            },
            origin="counts",
        )

    @property
    def lowest(self) -> float:
        """The least strength: 0, or that at which a bin expects nothing."""
        return float(-np.min(self.background / self.signal)) if self.signed else 0.0

    def expected(self, mu: Array) -> Array:
        """Shape (values, bins)."""
        counts: Array = np.maximum(self.background + mu[:, None] * self.signal, 0.0)
        return counts

    def heights(self, counts: Array, mu: Array) -> Array:
        """−2 ln L of counts, shape (sets, bins), at as many strengths, up to terms of the counts alone."""
        expected = self.expected(mu)
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.where(counts > 0, counts * np.log(expected), 0.0)
        height: Array = 2 * np.sum(expected - logs, axis=1)
        return height

    def best(self, counts: Array) -> Array:
        """Best-fit strength of each set of counts: where the derivative, which rises, is 0."""
        low = np.full(len(counts), self.lowest)
        high = np.max((counts - self.background) / self.signal, axis=1)
        high = np.maximum(high, self.lowest)
        for _ in range(80):
            middle = (low + high) / 2
            expected = self.expected(middle)
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = np.where(counts > 0, counts / expected, 0.0)
            slope = np.sum(self.signal * (1 - ratio), axis=1)
            low, high = np.where(slope < 0, middle, low), np.where(slope < 0, high, middle)
        middle = (low + high) / 2
        return np.asarray(middle, dtype=np.float64)


def possible(model: Counting, top: float) -> Array:
    """Sets of counts that are not too rare for strengths up to a value, shape (sets, bins)."""
    most = poisson.isf(RARE, model.expected(np.array([top]))[0]).astype(int)
    return np.array(list(product(*(range(int(last) + 1) for last in most))), dtype=np.float64)


def exact(model: Counting, top: float) -> tuple[float, float]:
    """The outermost accepted strengths up to a value, to a hundredth of a step."""
    counts = possible(model, top)
    least = model.heights(counts, model.best(counts))
    observed = model.observed[None]
    own = model.heights(observed, model.best(observed))[0]
    with np.errstate(divide="ignore"):
        factorials = -poisson.logpmf(counts, 1.0).sum(axis=1) - counts.shape[1]

    def accepted(mu: float) -> bool:
        heights = model.heights(counts, np.full(len(counts), mu))
        statistic = heights - least
        data = model.heights(observed, np.array([mu]))[0] - own
        probability = np.exp(-heights / 2 - factorials)
        return float(np.sum(probability[statistic >= data - SAME])) > 1 - LEVEL

    values = np.linspace(model.lowest, top, STEPS)
    inside = np.flatnonzero([accepted(float(value)) for value in values])
    ends = []
    for last, beyond in ((inside[0], inside[0] - 1), (inside[-1], inside[-1] + 1)):
        if not 0 <= beyond < STEPS:
            ends.append(float(values[last]))
            continue
        near, far = float(values[last]), float(values[beyond])
        for _ in range(7):
            middle = (near + far) / 2
            near, far = (middle, far) if accepted(middle) else (near, middle)
        ends.append((near + far) / 2)
    return ends[0], ends[1]


def random_model(seed: int) -> Counting:
    """One to three bins, 0 to 20 events in each."""
    random = np.random.default_rng([20261128, seed])
    while True:
        bins = int(random.integers(1, 4))
        signal = random.uniform(0.3, 4.0, bins)
        background = random.uniform(0.2, 12.0 if bins == 1 else 4.0, bins)
        signed = bool(random.random() < 0.4)
        observed = random.poisson(background + random.uniform(0, 2) * signal)
        observed[random.random(bins) < 0.2] = 0
        model = Counting(signal, background, np.minimum(observed, 20).astype(float), signed)
        if len(possible(model, top(model))) < COMBINATIONS:
            return model


def top(model: Counting) -> float:
    """A strength that no data of the model allow."""
    most = float(np.sum(model.observed)) + 6 * np.sqrt(float(np.sum(model.observed)) + 4) + 6
    return float(max((most - np.sum(model.background)) / np.sum(model.signal), 1.0))


def compare(models: int, execution: Execution) -> None:
    """Print each model's ends beside the exact ones."""
    worst, outside, ends = 0.0, 0, 0
    for seed in range(models):
        model = random_model(seed)
        found = limit(model.workspace(), method="feldman-cousins", execution=execution)
        right = exact(model, top(model))
        row = []
        for side, value, inside, stated in zip(
            ("lower", "upper"),
            (found.lower, found.upper),
            right,
            (found.lower_range, found.upper_range),
            strict=True,
        ):
            if value is None or stated is None:
                held = side == "lower" and inside <= model.lowest
                row.append(f"{side} open, exact {inside:.4g}")
            else:
                step = 1e-3 * abs(value - found.best_fit)
                low, high = (-np.inf if stated[0] is None else stated[0], stated[1] or np.inf)
                held = bool(low - step <= inside <= high + step)
                worst = max(worst, abs(value - inside) / abs(value - found.best_fit))
                row.append(f"{side} {value:.4g} ({low:.4g} to {high:.4g}), exact {inside:.4g}")
            ends += 1
            outside += not held
            row[-1] += "" if held else " OUTSIDE"
        print(f"{seed:3d}  bins {model.signal.size} {'signed' if model.signed else ''}  {'; '.join(row)}")
    print(
        f"{ends} ends of {models} models: {outside} outside of the stated range; largest difference"
        f" {worst:.2g} of the distance from the best fit"
    )


def covered(background: float, execution: Execution) -> None:
    """Print the least exact coverage of the printed intervals of one bin."""
    truths = np.arange(0, 601) / 100
    held = np.zeros(truths.size)
    counts = range(int(poisson.isf(1e-7, truths[-1] + background)) + 1)
    found: list[Interval] = []
    for count in counts:
        model = Counting(np.ones(1), np.array([background]), np.array([float(count)]), signed=False)
        found.append(limit(model.workspace(), method="feldman-cousins", execution=execution))
        upper = np.inf if found[-1].upper is None else found[-1].upper
        inside = (truths >= (found[-1].lower or 0.0)) & (truths <= upper)
        held += inside * poisson.pmf(count, truths + background)
    lowest = int(np.argmin(held))
    print(f"b = {background:g}: coverage at least {held[lowest]:.4f}, at s = {truths[lowest]:g}")


def main() -> None:
    """Run both parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--ntoys", type=int, default=2000)
    parser.add_argument("--models", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    execution = Execution(toys=arguments.ntoys, seed=arguments.seed)
    compare(arguments.models, execution)
    for background in (0.5, 2.0, 5.0):
        covered(background, execution)


if __name__ == "__main__":
    main()
