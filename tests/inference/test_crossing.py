"""Crossings of functions whose crossings are known, and how many values they cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import exp, inf, log, sqrt

import pytest

from nuhist.inference.crossing import find_crossing, find_crossings

# A crossing is promised to 1e-4 of the parameter's value.
PRECISION = 1e-4
LEVEL = 2.7055


@dataclass
class Counted:
    """A function that remembers; ``alone`` are the values that nobody has prepared."""

    function: Callable[[float], float]
    known: dict[float, float] = field(default_factory=dict)
    rounds: list[tuple[int, bool]] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)

    def __call__(self, value: float) -> float:
        if value not in self.known:
            self.alone.append(value)
            self.known[value] = self.function(value)
        return self.known[value]

    def prepare(self, values: Sequence[float], *, check: bool = True) -> None:
        new = [value for value in dict.fromkeys(values) if value not in self.known]
        if new:
            self.rounds.append((len(new), check))
        self.known.update((value, self.function(value)) for value in new)


def crossing(function: Counted, level: float, start: float, bound: float, step: float) -> float | None:
    return find_crossing(function, level, start, bound, step=step, prepare=function.prepare)


def _edge(value: float) -> float:
    """A parabola up to 2.5, and nothing beyond."""
    return value**2 if value <= 2.5 else inf


# Name: function, level, start, bound, first step, where it crosses.
CURVES: dict[str, tuple[Callable[[float], float], float, float, float, float, float | None]] = {
    "parabola": (lambda x: x**2, LEVEL, 0.0, 10.0, 0.01, sqrt(LEVEL)),
    "downwards": (lambda x: x**2, LEVEL, 0.0, -10.0, 0.01, -sqrt(LEVEL)),
    "to both sides of 0": (lambda x: (x - 1) ** 2, LEVEL, 1.0, -10.0, 0.01, 1 - sqrt(LEVEL)),
    "start far from 0": (lambda x: (x - 500) ** 2, 101.0, 500.0, 1000.0, 0.5, 500 + sqrt(101)),
    "on a node": (lambda x: (x - 500) ** 2, 100.0, 500.0, 1000.0, 0.5, 510.0),
    "large numbers": (lambda x: (x / 1e9) ** 2, LEVEL, 0.0, 1e11, 1e8, 1e9 * sqrt(LEVEL)),
    "small numbers": (lambda x: (x / 1e-9) ** 2, LEVEL, 0.0, 1e-7, 1e-10, 1e-9 * sqrt(LEVEL)),
    "quartic": (lambda x: x**4, 1e-3, 0.0, 10.0, 0.01, 1e-3**0.25),
    "falling exponential": (lambda x: -exp(-x / 3), -0.1, 0.0, 50.0, 0.05, 3 * log(10)),
    # Feldman and Cousins' boundary: flat at 0 first.
    "flat, then up": (lambda x: max(x - 2, 0.0) ** 2, 1.0, 0.0, 10.0, 0.01, 3.0),
    "a kink": (lambda x: max(0.0, 5 * (x - 1)), 2.0, 0.0, 10.0, 0.01, 1.4),
    "a jump": (lambda x: 0.0 if x < 2.345 else 7.0, 1.0, 0.0, 10.0, 0.01, 2.345),
    "two valleys, a ridge below the level": (
        lambda x: min((x - 1) ** 2, (x - 3) ** 2 + 0.2), LEVEL, 1.0, 10.0, 0.01, 3 + sqrt(LEVEL - 0.2)
    ),
    "before the first step": (lambda x: (x / 1e-3) ** 2, LEVEL, 0.0, 10.0, 0.01, 1e-3 * sqrt(LEVEL)),
    "just before the bound": (lambda x: x**2, LEVEL, 0.0, sqrt(LEVEL) * (1 + 1e-6), 0.01, sqrt(LEVEL)),
    "inside of an edge": (_edge, 4.0, 0.0, 10.0, 0.01, 2.0),
    "just inside of an edge": (_edge, 6.2, 0.0, 10.0, 0.01, sqrt(6.2)),
    "an edge below the level": (_edge, 9.0, 0.0, 10.0, 0.01, 2.5),
    "an edge, downwards": (lambda x: x**2 if x >= -0.3 else inf, LEVEL, 1.0, -8.0, 0.009, -0.3),
    "not reached": (lambda x: x**2, LEVEL, 0.0, 1.6, 0.01, None),
    "the level itself at the bound": (lambda x: x**2, 4.0, 0.0, 2.0, 0.01, None),
    "start on the bound": (lambda x: x**2, LEVEL, 2.0, 2.0, 0.01, None),
    "falls for ever": (lambda x: -x, LEVEL, 0.0, 10.0, 0.01, None),
}  # fmt: skip


@pytest.mark.parametrize("name", CURVES)
def test_crossing_of_a_known_function(name: str) -> None:
    function, level, start, bound, step, expected = CURVES[name]
    counted = Counted(function)
    found = crossing(counted, level, start, bound, step)
    if expected is None:
        assert found is None
        assert not counted.alone
        return
    assert found is not None
    # Where the crossing itself is 0 or small, the promise is of the bracket's outer end.
    assert found == pytest.approx(expected, rel=PRECISION)
    assert min(start, bound) <= found <= max(start, bound)


@pytest.mark.parametrize("name", ["parabola", "downwards", "falling exponential", "large numbers", "quartic"])
def test_a_smooth_function_needs_four_rounds(name: str) -> None:
    # Doubled steps, seven at a time: 2⁷ and 2¹⁴ of the first; the bracket; the guess.
    function, level, start, bound, step, expected = CURVES[name]
    assert expected is not None
    counted = Counted(function)
    crossing(counted, level, start, bound, step)
    assert counted.alone in ([], [start])  # the start is known beforehand: it is the best fit
    assert len(counted.rounds) <= 4
    # Up to seven: the last doubled steps end at the bound.
    assert max(size for size, _ in counted.rounds) == 7
    # Only the last value, which gives the result, is compared with pyhf.
    assert [check for _, check in counted.rounds] == [False] * (len(counted.rounds) - 1) + [True]
    assert counted.rounds[-1][0] == 1


def test_the_crossing_of_a_parabola_is_nearly_exact() -> None:
    # A cubic spline is a parabola, and one more value corrects it: rounding is left.
    found = crossing(Counted(lambda x: 0.3 * x**2 + 0.1 * x), 2.0, 0.0, 10.0, 0.01)
    assert found == pytest.approx((-0.1 + sqrt(0.01 + 2.4)) / 0.6, rel=1e-9)


@pytest.mark.parametrize("name", ["a kink", "a jump", "two valleys, a ridge below the level"])
def test_a_rough_function_is_searched_between_two_values(name: str) -> None:
    function, level, start, bound, step, _ = CURVES[name]
    counted = Counted(function)
    crossing(counted, level, start, bound, step)
    # brentq halves at worst: an eighth of the bracket to 1e-4 of a crossing takes ten.
    assert len([value for value in counted.alone if value != start]) <= 15


def test_several_functions_share_the_rounds() -> None:
    scales = [0.5, 1.0, 2.0, 4.0, 8.0]
    shared = Counted(lambda x: x)

    def falling(scale: float) -> Callable[[float], float]:
        return lambda x: -exp(-shared(x) / scale)

    found = find_crossings(
        [falling(scale) for scale in scales], -0.1, 0.0, 100.0, step=0.1, prepare=shared.prepare
    )
    assert found == pytest.approx([scale * log(10) for scale in scales], rel=PRECISION)
    assert len(shared.rounds) <= 4  # as many as for one
    assert shared.alone in ([], [0.0])
    assert shared.rounds[-1] == (len(scales), True)  # a guess for each


def test_each_function_has_its_own_answer() -> None:
    # One crosses early, one never, one only at an edge beyond which there is nothing.
    shared = Counted(lambda x: x)
    functions = [
        lambda x: shared(x) ** 2,
        lambda x: 0.01 * shared(x),
        lambda x: 0.0 if shared(x) <= 7.7 else inf,
        lambda x: shared(x) - 5,
    ]
    found = find_crossings(functions, 1.0, 0.0, 10.0, step=0.01, prepare=shared.prepare)
    assert found[1] is None
    assert [found[0], found[2], found[3]] == pytest.approx([1.0, 7.7, 6.0], rel=PRECISION)


def test_without_functions_there_is_nothing_to_find() -> None:
    assert find_crossings([], 1.0, 0.0, 10.0, step=0.01, prepare=Counted(lambda x: x).prepare) == []
