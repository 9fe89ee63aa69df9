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
from nuhist.inference.prepare import ENGINES, make_likelihood
from tests.equivalence.checks import Reference, reference

Array = NDArray[np.float64]

_NOTHING = 1e-9  # counts: SciPy keeps to its constraints by about that; 2NLL changes by twice as much
FIT = 1e-6  # of 2NLL: what a fit may be worse than pyhf's best
MOST_FITTED = 80  # free parameters: pyhf's fits with NumPy have no gradients and take minutes beyond
MOST_MOVED = 200  # parameters that are moved one at a time


@dataclass(frozen=True)
class Fit:
    """A fit by nuhist and by pyhf's optimisers.

    ``excess`` is nuhist's 2NLL less pyhf's best one, None where pyhf was not asked or both of its
    optimisers failed; ``lower`` is by how much one parameter moved alone still lowers 2NLL;
    ``negative`` says that pyhf's best has bins that expect less than nothing, then ``edge`` is nuhist's
    2NLL less that of SciPy on pyhf's likelihood with no such bins allowed, None where it finds nothing;
    ``other`` says that nuhist finds pyhf's minimum when it starts there.
    """

    parameters: int
    excess: float | None
    lower: float
    failed: tuple[str, ...] = ()
    negative: bool = False
    other: bool = False
    error: str | None = None
    edge: float | None = None


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
    negative, other, edge = False, False, None
    if excess > FIT:
        negative = bool((pyhf_side.expected(best) < 0).any())
        other = likelihood.minimise(start=best).twice_nll - pyhf_side.twice_nll(best) <= FIT
    if negative:
        others = [fit_at_edge(pyhf_side, start) for start in (pyhf_side.initial, *found)]
        heights = [pyhf_side.twice_nll(other) for other in others if other is not None]
        edge = height - min(heights) if heights else None
    return Fit(free, excess, lower, failed, negative, other, edge=edge)


def compare_engines(workspace: Workspace) -> float:
    """2NLL of the best fit by nuhist's engine with pyhf and SciPy, less that by the compiled one."""
    fast, slow = (make_likelihood(workspace, engine=engine).best() for engine in ENGINES)
    return slow.twice_nll - fast.twice_nll


def fit_at_edge(pyhf_side: Reference, start: Array) -> Array | None:
    """SciPy's fit of pyhf's likelihood where no bin without events may expect less than nothing."""
    from scipy.optimize import NonlinearConstraint, minimize

    free, point = pyhf_side.free, start.copy()
    empty = pyhf_side.data[: pyhf_side.model.config.nmaindata] == 0

    def full(values: Array) -> Array:
        at = point.copy()
        at[free] = values
        return at

    def height(values: Array) -> float:
        return min(pyhf_side.twice_nll(full(values)), 1e100)

    def counts(values: Array) -> Array:
        chosen: Array = pyhf_side.expected(full(values))[empty]
        return chosen

    low, high = pyhf_side.bounds[free].T
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = minimize(
            height,
            np.clip(point[free], low, high),
            method="SLSQP",
            bounds=list(zip(low, high, strict=True)),
            constraints=NonlinearConstraint(counts, 0.0, np.inf),
            options={"ftol": 1e-12, "maxiter": 1000},
        )
        end = full(np.clip(found.x, low, high))
        allowed = (counts(end[free]) >= -_NOTHING).all()
    return end if allowed and np.isfinite(pyhf_side.twice_nll(end)) else None


def pyhf_fits(pyhf_side: Reference) -> tuple[list[Array], tuple[str, ...]]:
    """Where pyhf's fits with SciPy and with Minuit end, and which of them fail."""
    import pyhf

    found, failed = [], []
    optimisers = {
        "scipy": pyhf.optimize.scipy_optimizer(maxiter=1000),
        "minuit": pyhf.optimize.minuit_optimizer(maxiter=20_000),
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

    for index in map(int, moved):
        step = 1e-3 * min(1.0, (high[index] - low[index]) / 24)
        up, down = gain(index, at[index] + step), gain(index, at[index] - step)
        best = max(best, up, down)
        bend, slope = -(up + down), (up - down) / 2
        if np.isfinite(bend) and bend > 0:
            best = max(best, gain(index, at[index] + step * slope / bend))
    return best
