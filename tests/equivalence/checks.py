"""nuhist's compiled likelihood beside pyhf's, and a combination beside the sum of its parts.

Used by the tests and by ``benchmarks/equivalence.py``.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nuhist import combine
from nuhist.errors import NuhistError
from nuhist.histfactory.constraints import constraints
from nuhist.histfactory.rename import prefix
from nuhist.histfactory.workspace import Workspace
from nuhist.inference.prepare import make_likelihood
from tests.strategies import POI

Array = NDArray[np.float64]

LIKELIHOOD = 1e-8  # of 2NLL, relative where that is more than 1: the project's promise
POINTS = 5


@dataclass(frozen=True)
class Reference:
    """pyhf's model and data, built from the document alone."""

    model: Any
    data: Array

    def twice_nll(self, theta: Array, data: Array | None = None) -> float:
        """Infinite where pyhf gives no finite number."""
        with np.errstate(all="ignore"):
            value = -2 * float(self.model.logpdf(theta, self.data if data is None else data)[0])
        return value if np.isfinite(value) else np.inf

    def expected(self, theta: Array) -> Array:
        """Expected counts of all bins."""
        with np.errstate(all="ignore"):
            return np.asarray(self.model.expected_actualdata(theta))

    @property
    def bounds(self) -> Array:
        """Shape (parameters, 2)."""
        return np.asarray(self.model.config.suggested_bounds(), dtype=np.float64)

    @property
    def initial(self) -> Array:
        """Where pyhf's fits start."""
        return np.asarray(self.model.config.suggested_init(), dtype=np.float64)

    @property
    def free(self) -> NDArray[np.bool_]:
        """Which parameters pyhf fits."""
        return ~np.asarray(self.model.config.suggested_fixed(), dtype=bool)


def reference(workspace: Workspace) -> Reference:
    """pyhf's likelihood of a workspace."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # jsonschema.RefResolver, in pyhf
        import pyhf

        document = pyhf.Workspace(dict(workspace.spec))
        model = document.model()
        return Reference(model, np.asarray(document.data(model), dtype=np.float64))


@dataclass(frozen=True)
class Agreement:
    """The two likelihoods at random points.

    ``impossible`` counts points where both have no density, ``negative`` those where pyhf has one
    although a bin expects less than nothing; ``worst`` is the largest difference at all other points,
    relative to max(1, \\|2NLL\\|).
    """

    compared: int
    impossible: int
    negative: int
    worst: float


def compare_likelihood(workspace: Workspace, rng: np.random.Generator) -> Agreement:
    """The compiled likelihood and pyhf's at random points, with the workspace's data and with other data."""
    pyhf_side = reference(workspace)
    compiled = make_likelihood(workspace).compiled
    assert compiled is not None
    compared = impossible = negative = 0
    worst = 0.0
    for theta in random_points(pyhf_side, rng, POINTS):
        data = pyhf_side.data if rng.random() < 0.5 else thrown(pyhf_side, rng)
        value = float(compiled.twice_nll(theta[None], data[None])[0] + compiled.constant(data[None])[0])
        expected = pyhf_side.twice_nll(theta, data)
        if np.isfinite(expected) and np.isfinite(value):
            compared += 1
            worst = max(worst, abs(value - expected) / max(1.0, abs(expected)))
        elif not np.isfinite(value) and (pyhf_side.expected(theta) < 0).any():
            negative += np.isfinite(expected)
            impossible += not np.isfinite(expected)
        elif np.isfinite(value) or np.isfinite(expected):
            worst = np.inf
        else:
            impossible += 1
    return Agreement(compared, impossible, int(negative), worst)


def random_points(pyhf_side: Reference, rng: np.random.Generator, number: int) -> Array:
    """Around the start values within the bounds; in every second point one parameter is on a bound."""
    config = pyhf_side.model.config
    start = np.asarray(config.suggested_init(), dtype=np.float64)
    low, high = pyhf_side.bounds.T
    spread = np.where(low < -0.9, 1.0, 0.2 * np.maximum(np.abs(start), 0.1))
    points = start + rng.choice([0.2, 0.7, 1.5], (number, 1)) * spread * rng.normal(size=(number, start.size))
    for point in points[::2]:
        index = rng.integers(start.size)
        point[index] = rng.choice([low[index], high[index]])
    return np.asarray(np.clip(points, low, high))


def thrown(pyhf_side: Reference, rng: np.random.Generator) -> Array:
    """Other data: main counts thrown around the observed ones, auxiliary ones moved."""
    main = pyhf_side.model.config.nmaindata
    data = pyhf_side.data.copy()
    data[:main] = rng.poisson(data[:main])
    auxiliary = data[main:]
    data[main:] = np.where(
        auxiliary > 0.5, auxiliary * rng.uniform(0.9, 1.1, auxiliary.size), auxiliary + 0.3
    )
    return data


@dataclass(frozen=True)
class Sum:
    """A combination against the sum of its parts: ``worst`` as in :class:`Agreement`."""

    shared: int
    apart: int
    worst: float
    refused: str | None = None


def compare_sum(first: Workspace, second: Workspace, rng: np.random.Generator) -> Sum:
    """Combine two models and compare 2NLL with the sum of theirs, at random points."""
    kinds = [{name: entry.kind for name, entry in constraints(part.spec).items()} for part in (first, second)]
    common = sorted(set(kinds[0]) & set(kinds[1]) - {POI})
    shared = [
        name
        for name in common
        if name == "lumi"
        or (kinds[0][name] == kinds[1][name] and kinds[0][name] != "per bin" and rng.random() < 0.5)
    ]
    apart = [name for name in common if name not in shared]
    parts = [
        Workspace(first.spec, origin="a.json"),
        Workspace(_with_blocks_of(second.spec, first.spec, [*shared, POI]), origin="b.json"),
    ]
    try:
        joint = combine(parts, correlate=shared, decorrelate=apart, prefer=dict.fromkeys(shared, "own"))
    except NuhistError as error:
        return Sum(len(shared), len(apart), 0.0, refused=str(error))
    sides, whole = [reference(part) for part in parts], reference(joint)
    position = {name: index for index, name in enumerate(whole.model.config.par_names)}
    counted_twice = _shared_constraints(sides[0], [*shared, POI])
    worst = 0.0
    for theta in random_points(whole, rng, POINTS):
        total = 0.0
        for number, (part, side) in enumerate(zip(parts, sides, strict=True), start=1):
            names = side.model.config.par_names
            renamed = {name: f"{prefix(part, number)}_{name}" for name in apart}
            picked = [position[_joint_name(name, renamed)] for name in names]
            total += side.twice_nll(theta[picked])
            if number == 1:
                total -= counted_twice(theta[picked])
        value = whole.twice_nll(theta)
        if np.isfinite(value) and np.isfinite(total):
            worst = max(worst, abs(value - total) / max(1.0, abs(total)))
        elif np.isfinite(value) or np.isfinite(total):
            worst = np.inf
    return Sum(len(shared), len(apart), worst)


def _with_blocks_of(
    spec: Mapping[str, Any], other: Mapping[str, Any], names: Sequence[str]
) -> dict[str, Any]:
    """Give shared parameters the other's overrides: different ones are refused, as they should be."""
    copied = copy.deepcopy(dict(spec))
    config, others = (each["measurements"][0]["config"]["parameters"] for each in (copied, other))
    config[:] = [block for block in config if block["name"] not in names]
    config += [block for block in others if block["name"] in names]
    return copied


def _joint_name(name: str, renamed: dict[str, str]) -> str:
    stem, bracket, index = name.partition("[")
    return f"{renamed.get(stem, stem)}{bracket}{index}"


def _shared_constraints(side: Reference, names: Sequence[str]) -> Callable[[Array], float]:
    """2NLL of the normal constraints of some parameters, which the sum has twice."""
    config = side.model.config
    terms = []
    datum = config.nmaindata
    for name in config.auxdata_order:
        parameters = config.param_set(name)
        if name in names:
            width = getattr(parameters, "sigmas", [1.0])[0]
            terms.append((config.par_slice(name).start, side.data[datum], width))
        datum += parameters.n_parameters

    def twice_nll(theta: Array) -> float:
        return float(
            sum(
                ((theta[i] - centre) / width) ** 2 + np.log(2 * np.pi * width**2)
                for i, centre, width in terms
            )
        )

    return twice_nll
