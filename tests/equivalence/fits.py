"""nuhist's fits beside pyhf's, used by the tests and by ``benchmarks/equivalence.py``."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nuhist.errors import NuhistError
from nuhist.histfactory.workspace import Workspace
from nuhist.inference.model import make_likelihood
from tests.equivalence.checks import Reference, reference

Array = NDArray[np.float64]

FIT = 1e-6  # of 2NLL: what a fit may be worse than pyhf's best
MOST_FITTED = 80  # free parameters: pyhf's fits with NumPy have no gradients and take minutes beyond
MOST_MOVED = 200  # parameters that are moved one at a time


@dataclass(frozen=True)
class Fit:
    """A fit by nuhist and by pyhf's optimisers.

    ``excess`` is nuhist's 2NLL less pyhf's best one, None where pyhf was not asked or both of its
    optimisers failed; ``lower`` is by how much one parameter moved alone still lowers 2NLL;
    ``negative`` says that pyhf's best has bins that expect less than nothing; ``other`` that nuhist
    finds pyhf's minimum when it starts there.
    """

    parameters: int
    excess: float | None
    lower: float
    failed: tuple[str, ...] = ()
    negative: bool = False
    other: bool = False
    error: str | None = None


def compare_fit(workspace: Workspace, rng: np.random.Generator, most: int = MOST_FITTED) -> Fit:
    """nuhist's global fit against pyhf's SciPy and Minuit, and against its own neighbourhood."""
    pyhf_side = reference(workspace)
    free = int(pyhf_side.free.sum())
    likelihood = make_likelihood(workspace)
    try:
        ours = likelihood.best()
    except NuhistError as error:
        return Fit(free, None, 0.0, error=str(error))
    height = pyhf_side.twice_nll(ours.parameters)
    lower = lowered(pyhf_side, ours.parameters, rng)
    if free > most or free == 0:
        return Fit(free, None, lower)
    found, failed = pyhf_fits(pyhf_side)
    if not found:
        return Fit(free, None, lower, failed)
    best = min(found, key=pyhf_side.twice_nll)
    excess = height - pyhf_side.twice_nll(best)
    negative = other = False
    if excess > FIT:
        negative = bool((pyhf_side.expected(best) < 0).any())
        other = likelihood.minimise(start=best).twice_nll - pyhf_side.twice_nll(best) <= FIT
    return Fit(free, excess, lower, failed, negative, other)


def pyhf_fits(pyhf_side: Reference) -> tuple[list[Array], tuple[str, ...]]:
    """Where pyhf's fits with SciPy and with Minuit end, and which of them fail."""
    import pyhf

    found, failed = [], []
    optimisers = {
        "scipy": pyhf.optimize.scipy_optimizer(maxiter=1000),
        "minuit": pyhf.optimize.minuit_optimizer(maxiter=100_000),
    }
    for name, optimiser in optimisers.items():
        with _optimiser(optimiser), warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                point = pyhf.infer.mle.fit(pyhf_side.data.tolist(), pyhf_side.model)
            except (pyhf.exceptions.FailedMinimization, ValueError, AttributeError):
                failed.append(name)
                continue
        point = np.asarray(point, dtype=np.float64)
        if np.isfinite(pyhf_side.twice_nll(point)):
            found.append(point)
        else:
            failed.append(name)
    return found, tuple(failed)


@contextmanager
def _optimiser(optimiser: Any) -> Iterator[None]:
    import pyhf

    pyhf.set_backend("numpy", optimiser)
    try:
        yield
    finally:
        pyhf.set_backend("numpy", pyhf.optimize.scipy_optimizer())


def lowered(pyhf_side: Reference, at: Array, rng: np.random.Generator) -> float:
    """By how much moving one parameter alone can lower 2NLL, along a parabola through three points."""
    low, high = pyhf_side.bounds.T
    height, best = pyhf_side.twice_nll(at), 0.0
    moved = np.flatnonzero(pyhf_side.free)
    if moved.size > MOST_MOVED:
        moved = rng.choice(moved, MOST_MOVED, replace=False)

    def gain(index: int, value: float) -> float:
        point = at.copy()
        point[index] = np.clip(value, low[index], high[index])
        # pyhf gives a density to less than nothing expected where nothing is seen, and likes it.
        return -np.inf if (pyhf_side.expected(point) < 0).any() else height - pyhf_side.twice_nll(point)

    for index in moved:
        step = 1e-3 * min(1.0, (high[index] - low[index]) / 24)
        up, down = gain(index, at[index] + step), gain(index, at[index] - step)
        best = max(best, up, down)
        bend, slope = -(up + down), (up - down) / 2
        if np.isfinite(bend) and bend > 0:
            best = max(best, gain(index, at[index] + step * slope / bend))
    return best
