"""2NLL of small counting models in plain Python, from the document and pyhf's own parameters.

nuhist is not used. :meth:`Density.difference_from_pyhf` compares it with pyhf's ``logpdf``. Plain floats
are some ten times as fast as pyhf on a model of a few bins, so that thousands can be fitted many times.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from math import exp, inf, log
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

Array = NDArray[np.float64]
Point = Sequence[float]

_LEAST = 1e-7  # counts: below, minimisers see the logarithm's second-order expansion
PENALTY = 1e5  # per squared count below 0


class _Sample(NamedTuple):
    """One sample of a channel: factors, normsys, histosys, and per bin a template and its factors."""

    factors: tuple[int, ...]
    norms: tuple[tuple[int, float, float, tuple[float, ...]], ...]
    first_bin: int
    nominal: tuple[float, ...]
    shapes: tuple[tuple[int, tuple[float, ...], tuple[float, ...]], ...]
    per_bin: tuple[tuple[int, ...], ...]


class Density:
    """The likelihood of one workspace, given as a document."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # jsonschema.RefResolver, in pyhf
            import pyhf

            document = pyhf.Workspace(dict(spec))
            self.model = document.model()
            self.data = [float(value) for value in document.data(self.model)]
        config = self.model.config
        self.names = list(config.par_names)
        self.interest = config.poi_index
        self.bounds = [(float(low), float(high)) for low, high in config.suggested_bounds()]
        self.initial = [float(value) for value in config.suggested_init()]
        self.free = [not fixed for fixed in config.suggested_fixed()]
        self.bins = config.nmaindata
        self.expected = _expectation(_samples(spec, config), self.bins)
        self.normal, self.poisson = _constraints(config)
        self.constrained = bool(self.normal or self.poisson)

    def __call__(self, theta: Point, data: Sequence[float]) -> float:
        """2NLL less that of the saturated model; infinite where a bin expects less than nothing."""
        value = self.constraints(theta, data)
        for n, rate in zip(data, self.expected(theta), strict=False):
            if n > 0:
                if rate <= 0:
                    return inf
                value += 2 * (rate - n - n * log(rate / n))
            elif rate < -1e-10:
                return inf
            else:
                value += 2 * rate
        return value

    def smooth(self, theta: Point, data: Sequence[float], penalty: float = PENALTY) -> float:
        """The same for minimisers: finite everywhere, and steep where counts are impossible."""
        value = self.constraints(theta, data) if self.constrained else 0.0
        for n, rate in zip(data, self.expected(theta), strict=False):
            if n > 0:
                if rate < _LEAST:
                    x = (rate - _LEAST) / _LEAST
                    value += 2 * (rate - n - n * (log(_LEAST / n) + x - x * x / 2))
                else:
                    value += 2 * (rate - n - n * log(rate / n))
            else:
                value += 2 * rate + (penalty * rate * rate if rate < 0 else 0.0)
        return value

    def constraints(self, theta: Point, data: Sequence[float]) -> float:
        """Their part of 2NLL."""
        value = 0.0
        for index, datum, sigma in self.normal:
            value += ((theta[index] - data[datum]) / sigma) ** 2
        for index, datum, factor in self.poisson:
            n, rate = data[datum], factor * theta[index]
            if n > 0:
                if rate <= 0:
                    return 1e9
                value += 2 * (rate - n - n * log(rate / n))
            else:
                value += 2 * rate
        return value

    def expected_data(self, theta: Point) -> list[float]:
        """Asimov data: counts and auxiliary data."""
        data = list(self.data)
        data[: self.bins] = self.expected(theta)
        for index, datum, _ in self.normal:
            data[datum] = theta[index]
        for index, datum, factor in self.poisson:
            data[datum] = factor * theta[index]
        return data

    def difference_from_pyhf(self, rng: np.random.Generator, points: int = 5) -> float:
        """Largest difference from −2 logpdf at random points, relative where that is above 1."""
        data = np.array(self.data)
        counts = np.concatenate([data[: self.bins], [self.data[datum] for _, datum, _ in self.poisson]])
        saturated = float(
            np.sum(counts * np.log(np.where(counts > 0, counts, 1)) - counts - gammaln(counts + 1))
        )
        constant = -2 * saturated + sum(log(2 * np.pi * sigma**2) for _, _, sigma in self.normal)
        worst = 0.0
        for _ in range(points):
            theta = self.random(rng, self.initial)
            theta[self.interest] = rng.uniform(max(self.bounds[self.interest][0], -1.0), 3.0)
            own = self(theta, self.data) + constant
            with np.errstate(all="ignore"):
                theirs = -2 * float(self.model.logpdf(np.array(theta), data)[0])
            if np.isfinite(own):
                worst = max(worst, abs(own - theirs) / max(1.0, abs(theirs)))
        return worst

    def random(self, rng: np.random.Generator, around: Point) -> list[float]:
        """A point with the parameters that are free, but for the one of interest, anywhere plausible."""
        theta = list(around)
        for index, free in enumerate(self.free):
            if free and index != self.interest:
                low, high = self.bounds[index]
                # Gaussian pulls have bounds from −5 to 5; factors lie around 1.
                drawn = rng.normal() * 1.8 if low < -3 else exp(rng.normal() * 0.7)
                if low < 0 and low >= -3 and rng.random() < 0.5:
                    drawn = -drawn
                theta[index] = min(max(drawn, low + 1e-9), high)
        return theta


def _samples(spec: Mapping[str, Any], config: Any) -> list[_Sample]:
    found = []
    relative = _relative_errors(spec)
    for channel in spec["channels"]:
        part = config.channel_slices[channel["name"]]
        for sample in channel["samples"]:
            factors, norms, shapes = [], [], []
            nominal = [float(value) for value in sample["data"]]
            per_bin: list[list[int]] = [[] for _ in nominal]
            for entry in sample["modifiers"]:
                where, data = config.par_slice(entry["name"]), entry["data"]
                if entry["type"] in ("normfactor", "lumi"):
                    factors.append(where.start)
                elif entry["type"] == "normsys":
                    norms.append((where.start, data["hi"], data["lo"], _coefficients(data["hi"], data["lo"])))
                elif entry["type"] == "histosys":
                    sides = list(zip(data["hi_data"], data["lo_data"], nominal, strict=True))
                    odd = tuple((high - low) / 2 for high, low, _ in sides)
                    even = tuple((high + low) / 2 - middle for high, low, middle in sides)
                    shapes.append((where.start, odd, even))
                else:
                    for position in range(len(nominal)):
                        error = (
                            data[position]
                            if entry["type"] == "shapesys"
                            else relative[entry["name"]][position]
                        )
                        if error > 0 and (nominal[position] > 0 or entry["type"] == "staterror"):
                            per_bin[position].append(where.start + position)
            found.append(
                _Sample(
                    tuple(factors), tuple(norms), part.start, tuple(nominal), tuple(shapes),
                    tuple(tuple(each) for each in per_bin),
                )
            )  # fmt: skip
    return found


def _expectation(samples: Sequence[_Sample], bins: int) -> Callable[[Point], list[float]]:
    """A function that gives the expected counts of all bins, written out for speed."""
    lines = ["def expected(t):"]
    terms: list[list[str]] = [[] for _ in range(bins)]
    for number, sample in enumerate(samples):
        norms = [f"t[{index}]" for index in sample.factors]
        norms += [
            f"code4(t[{index}], {high!r}, {low!r}, {rest!r})" for index, high, low, rest in sample.norms
        ]
        lines.append(f"    n{number} = {' * '.join(norms) or '1.0'}")
        for index, _, _ in sample.shapes:
            lines.append(f"    e{index} = even(t[{index}])")
        for position, nominal in enumerate(sample.nominal):
            value = f"({nominal!r}"
            for index, odd, bend in sample.shapes:
                value += f" + {odd[position]!r} * t[{index}] + {bend[position]!r} * e{index}"
            factors = "".join(f" * t[{index}]" for index in sample.per_bin[position])
            terms[sample.first_bin + position].append(f"n{number} * {value}){factors}")
    lines.append(f"    return [{', '.join(' + '.join(each) for each in terms)}]")
    names: dict[str, Any] = {"code4": _code4, "even": _even}
    exec("\n".join(lines), names)  # of numbers and indices alone
    function: Callable[[Point], list[float]] = names["expected"]
    return function


def _relative_errors(spec: Mapping[str, Any]) -> dict[str, list[float]]:
    """Which bins of staterrors have an error; these models have each in one channel only."""
    found: dict[str, list[float]] = {}
    for channel in spec["channels"]:
        for sample in channel["samples"]:
            for entry in sample["modifiers"]:
                if entry["type"] == "staterror":
                    errors = found.setdefault(entry["name"], [0.0] * len(sample["data"]))
                    for position, error in enumerate(entry["data"]):
                        errors[position] += error
    return found


def _constraints(config: Any) -> tuple[list[tuple[int, int, float]], list[tuple[int, int, float]]]:
    """Parameter, datum, and width or factor of the normal and the Poisson constraints."""
    normal, poisson = [], []
    datum = config.nmaindata
    for name in config.auxdata_order:
        parameters, first = config.param_set(name), config.par_slice(name).start
        for position in range(parameters.n_parameters):
            if parameters.pdf_type == "normal":
                width = float(parameters.sigmas[position]) if hasattr(parameters, "sigmas") else 1.0
                normal.append((first + position, datum, width))
            else:
                poisson.append((first + position, datum, float(parameters.factors[position])))
            datum += 1
    return normal, poisson


def _code4(alpha: float, high: float, low: float, coefficients: tuple[float, ...]) -> float:
    if alpha >= 1:
        return float(high**alpha)
    if alpha <= -1:
        return float(low**-alpha)
    value = 0.0
    for coefficient in coefficients:
        value = (value + coefficient) * alpha
    return 1 + value


def _coefficients(high: float, low: float) -> tuple[float, ...]:
    """Of α⁶ to α: value, slope and curvature go on at ±1 (CERN-OPEN-2012-016, code 4)."""
    rows, right = [], []
    for alpha, base in ((1.0, high), (-1.0, low)):
        powers = range(1, 7)
        rows += [
            [alpha**k for k in powers],
            [k * alpha ** (k - 1) for k in powers],
            [k * (k - 1) * alpha ** max(k - 2, 0) for k in powers],
        ]
        right += [base - 1, alpha * base * log(base), base * log(base) ** 2]
    return tuple(np.linalg.solve(np.array(rows), np.array(right))[::-1].tolist())


def _even(alpha: float) -> float:
    """What code 4p multiplies half the sum of both sides' changes with."""
    if abs(alpha) >= 1:
        return abs(alpha)
    square = alpha * alpha
    return square * (15 - square * (10 - 3 * square)) / 8
