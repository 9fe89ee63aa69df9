"""Crossings of functions whose crossings are known, and how many values they cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import exp, inf, log, pi, sin, sqrt

import pytest

from nuhist.inference.crossing import find_crossing, find_crossings, find_crossings_of
from nuhist.inference.reach import outwards
from nuhist.inference.searches import End, Search

# A crossing is promised to 1e-5 of its distance from the origin; where a guess is moved by up to 1e-4 of it
# for the last time, and a kink spoils the slope, it is good to that.
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


def crossing(function: Counted, level: float, start: float, bound: float, step: float) -> End:
    return find_crossing(
        Search(function, start, outwards(start, bound, step, edge=True)), level, function.prepare
    )


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
    "far before the first step": (lambda x: (x / 1e-11) ** 2, LEVEL, 0.0, 10.0, 1.0, 1e-11 * sqrt(LEVEL)),
    "far beyond the first step": (lambda x: (x / 1e21) ** 2, LEVEL, 0.0, 1e30, 1.0, 1e21 * sqrt(LEVEL)),
    "near a large value": (lambda x: (x - 1e6) ** 2, LEVEL, 1e6, 1e30, 0.3, 1e6 + sqrt(LEVEL)),
    "down through 0": (lambda x: (x - sqrt(LEVEL)) ** 2, LEVEL, sqrt(LEVEL), -10.0, 0.3, 0.0),
    "falls for ever": (lambda x: -x, LEVEL, 0.0, 10.0, 0.01, None),
}  # fmt: skip


EDGES = {"a jump", "an edge below the level", "an edge, downwards"}


@pytest.mark.parametrize("name", CURVES)
def test_crossing_of_a_known_function(name: str) -> None:
    function, level, start, bound, step, expected = CURVES[name]
    counted = Counted(function)
    end = crossing(counted, level, start, bound, step)
    assert end.edge == (name in EDGES)
    if expected is None:
        assert end.value is None
        assert not counted.alone
        return
    assert end.value is not None
    assert end.value == pytest.approx(expected, abs=PRECISION * abs(expected - start))
    assert min(start, bound) <= end.value <= max(start, bound)


def test_an_edge_at_the_start() -> None:
    # Nothing but the start itself is possible, to that side.
    counted = Counted(lambda x: inf if x < -0.6 else x + 0.6)
    assert crossing(counted, 1.0, -0.6, -5.0, 0.1) == End(-0.6, edge=True)
    assert len(counted.rounds) <= 2


def test_the_last_of_several_crossings_counts() -> None:
    # 1 − cos x is above 1 from π/2 to 3π/2, and from 5π/2 to 7π/2; then a wall at 4π.
    function = Counted(lambda x: 2 * sin(x / 2) ** 2 if x < 4 * pi else 1e3)
    search = Search(function, 0.0, [1.0, pi, 2 * pi, 3 * pi, 4 * pi - 0.1, 5 * pi], ahead=6)
    end = find_crossing(search, 1.0, function.prepare)
    assert end.regions == 3
    assert end.value == pytest.approx(4 * pi, rel=PRECISION)
    # Open at the bound after two stretches outside.
    search = Search(function, 0.0, [1.0, pi, 2 * pi, 3 * pi, 4 * pi - 0.1], ahead=6)
    assert find_crossing(search, 1.0, function.prepare) == End(None, regions=3, looked_to=4 * pi - 0.1)


def test_a_known_value_inside_is_not_computed_before_it_is_needed() -> None:
    counted = Counted(lambda x: x**2)
    search = Search(counted, 0.0, [2.0, 4.0], ahead=2, start=1.0)
    end = find_crossing(search, LEVEL, counted.prepare)
    assert end.value == pytest.approx(sqrt(LEVEL), rel=1e-9)
    assert [size for size, _ in counted.rounds] == [2, 5, 1]  # outside; the start and four between; the guess
    assert counted.alone == []


@pytest.mark.parametrize("name", ["parabola", "downwards", "falling exponential", "large numbers", "quartic"])
def test_a_smooth_function_needs_five_rounds(name: str) -> None:
    # Doubled steps up to 2⁶ of the first; seven by a factor of eight; these narrowed; between; the guess.
    function, level, start, bound, step, expected = CURVES[name]
    assert expected is not None
    counted = Counted(function)
    crossing(counted, level, start, bound, step)
    assert counted.alone in ([], [start])  # the start is known beforehand: it is the best fit
    assert len(counted.rounds) <= 5
    # Up to seven: the last doubled steps end at the bound.
    assert max(size for size, _ in counted.rounds) == 7
    # Only the last value, which gives the result, is compared with pyhf.
    assert [check for _, check in counted.rounds] == [False] * (len(counted.rounds) - 1) + [True]
    assert counted.rounds[-1][0] == 1


def test_the_crossing_of_a_parabola_is_nearly_exact() -> None:
    # A cubic spline is a parabola, and one more value corrects it: rounding is left.
    found = crossing(Counted(lambda x: 0.3 * x**2 + 0.1 * x), 2.0, 0.0, 10.0, 0.01)
    assert found.value == pytest.approx((-0.1 + sqrt(0.01 + 2.4)) / 0.6, rel=1e-9)


@pytest.mark.parametrize("name", ["a kink", "a jump", "two valleys, a ridge below the level"])
def test_a_rough_function_is_searched_between_two_values(name: str) -> None:
    function, level, start, bound, step, _ = CURVES[name]
    counted = Counted(function)
    crossing(counted, level, start, bound, step)
    # brentq halves at worst: a fifth of the bracket to 1e-5 of a crossing takes fourteen; one tells a jump.
    assert len([value for value in counted.alone if value != start]) <= 17


def test_several_functions_share_the_rounds() -> None:
    scales = [0.5, 1.0, 2.0, 4.0, 8.0]
    shared = Counted(lambda x: x)

    def falling(scale: float) -> Callable[[float], float]:
        return lambda x: -exp(-shared(x) / scale)

    values = outwards(0.0, 100.0, 0.5)
    searches = [Search(falling(scale), 0.0, values) for scale in scales]
    found = [end.value for end in find_crossings(searches, -0.1, shared.prepare)]
    assert found == pytest.approx([scale * log(10) for scale in scales], rel=PRECISION)
    assert len(shared.rounds) == 3  # as many as for one
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
    values = outwards(0.0, 10.0, 0.01)
    found = find_crossings([Search(function, 0.0, values) for function in functions], 1.0, shared.prepare)
    assert found[1] == End(None, looked_to=10.0)
    assert [end.edge for end in found] == [False, False, True, False]
    ends = [found[index].value for index in (0, 2, 3)]
    assert ends == pytest.approx([1.0, 7.7, 6.0], rel=PRECISION)


def test_without_functions_there_is_nothing_to_find() -> None:
    assert find_crossings([], 1.0, Counted(lambda x: x).prepare) == []


# Name: function, its derivative, level, first value outside, where it crosses.
SLOPED: dict[str, tuple[Callable[[float], float], Callable[[float], float], float, float, float]] = {
    "parabola": (lambda x: x**2, lambda x: 2 * x, LEVEL, 4.0, sqrt(LEVEL)),
    "quartic": (lambda x: x**4, lambda x: 4 * x**3, 4.0, 4.0, sqrt(2)),
    "downwards": (lambda x: x**2, lambda x: 2 * x, LEVEL, -4.0, -sqrt(LEVEL)),
    "large numbers": (lambda x: (x / 1e9) ** 2, lambda x: 2 * x / 1e18, LEVEL, 2e9, 1e9 * sqrt(LEVEL)),
    # Where two valleys meet, slopes of both sides differ: with these values, too, the crossing is found.
    "a kink": (lambda x: max(0.0, 5 * (x - 1)), lambda x: 5.0 * (x > 1), 2.0, 2.0, 1.4),
    "two valleys": (
        lambda x: min(4 * x**2, (x - 1) ** 2 + 1),
        lambda x: 8 * x if 4 * x**2 < (x - 1) ** 2 + 1 else 2 * (x - 1), LEVEL, 4.0, 1 + sqrt(LEVEL - 1),
    ),
    "slopes that are wrong": (lambda x: x**2, lambda x: -3.0, LEVEL, 4.0, sqrt(LEVEL)),
    "slopes that are not known": (lambda x: x**2, lambda x: float("nan"), LEVEL, 4.0, sqrt(LEVEL)),
    "a jump": (lambda x: 0.0 if x < 2.345 else 7.0, lambda x: 0.0, 1.0, 4.0, 2.345),
    "a steep jump": (lambda x: x if x < 2.345 else x + 70, lambda x: 1.0, 10.0, 4.0, 2.345),
}  # fmt: skip


@pytest.mark.parametrize("name", SLOPED)
def test_crossing_of_a_function_with_slopes(name: str) -> None:
    function, slope, level, outside, expected = SLOPED[name]
    counted = Counted(function)
    search = Search(counted, 0.0, [outside], start=outside / 8, slope=slope)
    end = find_crossing(search, level, counted.prepare)
    assert end.value == pytest.approx(expected, rel=PRECISION)
    assert end.edge == ("jump" in name)


@pytest.mark.parametrize("name", ["parabola", "quartic", "downwards", "large numbers"])
def test_slopes_save_values_and_are_more_exact(name: str) -> None:
    function, slope, level, outside, expected = SLOPED[name]
    counted = Counted(function)
    end = find_crossing(
        Search(counted, 0.0, [outside], start=outside / 2.9, slope=slope), level, counted.prepare
    )
    # The last step is 1e-4 of the distance at most, and Newton's method squares it.
    assert end.value == pytest.approx(expected, rel=1e-7)
    assert counted.alone == []
    # Both ends and a few cubics, where a spline takes eight values.
    assert sum(size for size, _ in counted.rounds) <= 6
    assert counted.rounds[-1] == (1, True)  # what gives the result is compared with pyhf


def test_searches_that_need_different_things_of_a_value() -> None:
    asked: list[list[list[float]]] = []

    def prepare(values: Sequence[Sequence[float]], *, check: bool = True) -> None:
        asked.append([list(own) for own in values])

    searches = [
        Search(lambda x: x**2, 0.0, [2.0]),
        Search(lambda x: x**2 / 4, 0.0, [2.0, 8.0], slope=lambda x: x / 2),
    ]
    found = find_crossings_of(searches, 1.0, prepare)
    assert [end.value for end in found] == pytest.approx([1.0, 2.0], rel=1e-6)
    assert asked[0] == [[2.0], [2.0, 8.0]]
    assert all(len(values) == len(searches) for values in asked)
