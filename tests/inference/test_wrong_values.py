"""Values of the wrong type or size: one line that says which, never a traceback or a silent answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import chdtri, log_ndtr

import nuhist
from nuhist import CLs, Execution, FeldmanCousins, Model, Workspace
from nuhist.errors import ConfigError, NuhistError
from nuhist.values import as_numbers, as_whole, percent

Build = Callable[..., Workspace]
NAN, INF = float("nan"), float("inf")
NO_NUMBERS = ("a", "0.9", NAN, INF, True, [1.0], {"a": 1}, 1 + 2j, b"1", np.array([1.0, 2.0]), 10**400)
FEW = Execution(toys=20)
QUESTIONS: dict[str, Callable[[Workspace, Any], object]] = {
    "fixed": lambda w, v: Model(w, fixed={"norm": v}),
    "init": lambda w, v: Model(w, init={"mu": v}),
    "bounds": lambda w, v: Model(w, bounds={"mu": (0.0, v)}),
    "data": lambda w, v: Model(w, data=[3.0, v]),
    "data by channel": lambda w, v: Model(w, data={"counting": [v]}),
    "asimov": lambda w, v: Model(w).asimov(v),
    "toy": lambda w, v: Model(w).toy(v),
    "limit": lambda w, v: nuhist.limit(w, confidence_level=v),
    "cls": lambda w, v: nuhist.limit(w, "cls", confidence_level=v),
    "delta_chi2": lambda w, v: nuhist.limit(w, delta_chi2=v),
    "points of a belt": lambda w, v: nuhist.limit(w, "feldman-cousins", points=v),
    "toys": lambda w, v: Execution(toys=v),
    "seed": lambda w, v: Execution(seed=v),
    "jobs": lambda w, v: Execution(jobs=v),
    "execution": lambda w, v: nuhist.significance(w, execution=v),
    "execution of gof": lambda w, v: nuhist.goodness_of_fit(w, execution=v),
    "execution of a belt": lambda w, v: nuhist.limit(w, FeldmanCousins(execution=v)),
    "scan": lambda w, v: nuhist.scan(w, [0.0, v]),
    "points of a scan": lambda w, v: nuhist.scan(w, points=v),
    "test_poi": lambda w, v: nuhist.fit(w, test_poi=v),
    "levels": lambda w, v: nuhist.contour(w, "mu", "norm", levels=[v]),
    "coverage": lambda w, v: nuhist.coverage(w, [1.0, v], execution=FEW),
    "level of coverage": lambda w, v: nuhist.coverage(w, [1.0], confidence_level=v, execution=FEW),
    "shift": lambda w, v: nuhist.coverage(w, [1.0], shift={"norm": v}, execution=FEW),
    "exposure": lambda w, v: nuhist.build("lz_ws2022", hypothesis="magnetic-moment", asimov=True, exposure=v),
    "couplings": lambda w, v: nuhist.build_patchset("lz_ws2022", hypothesis="millicharge-epa", couplings=v),
    "correlate": lambda w, v: nuhist.combine([w, w], correlate={"norm": v}),
}
NO_TEXTS: tuple[Any, ...] = (1, NAN, True, [1.0], {}, 1 + 2j, b"1", np.array([1.0, 2.0]))
NAMES: dict[str, Callable[[Workspace, Any], object]] = {
    "measurement": lambda w, v: Model(w, measurement=v),
    "poi": lambda w, v: Model(w, poi=v),
    "engine": lambda w, v: Model(w, engine=v),
    "method": nuhist.limit,
    "calctype": lambda w, v: CLs(calctype=v),
    "errors": lambda w, v: nuhist.fit(w, errors=v),
    "parameter": lambda w, v: nuhist.contour(w, "mu", v),
    "hypothesis": lambda w, v: nuhist.build("lz_ws2022", hypothesis=v),
    "expected": lambda w, v: CLs(expected=_no_flag(v)),
    "fast": lambda w, v: nuhist.ranking(w, fast=_no_flag(v)),
    "load": lambda w, v: nuhist.load(v),
    "resume": lambda w, v: Execution(resume=v),
}


def _no_flag(value: Any) -> Any:
    return "yes" if value is True else value


@pytest.fixture
def workspace(counting: Build) -> Workspace:
    """One bin with a background that is known to 20 %."""
    return counting([5], [1.0], [3.0], sigma=0.2)


def _refused(ask: Callable[[Workspace, Any], object], workspace: Workspace, value: Any) -> None:
    with pytest.raises(NuhistError) as caught:
        ask(workspace, value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize("ask", QUESTIONS.values(), ids=QUESTIONS)
def test_no_numbers(workspace: Workspace, ask: Callable[[Workspace, Any], object]) -> None:
    for value in NO_NUMBERS:
        _refused(ask, workspace, value)


@pytest.mark.parametrize("name", NAMES)
def test_no_texts(workspace: Workspace, name: str) -> None:
    for value in NO_TEXTS:
        _refused(NAMES[name], workspace, value)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"bounds": ("a", 3)}, r"bounds: expected values by name, such as \{'mu': ...\}, not \('a', 3\)"),
        ({"bounds": {"mu": 3}}, "mu: bounds = 3: expected two numbers"),
        ({"bounds": {"mu": "01"}}, "mu: bounds = '01': expected two numbers"),
        ({"init": {"mu": "1"}}, "init: mu = '1': expected a number"),
        ({"fixed": {"norm": None}}, "fixed: norm = None: expected a number"),
        ({"fixed": ["norm"]}, "fixed: expected values by name"),
        ({"data": "ab"}, r"data: expected numbers in one row, such as \[0.0, 1.5\], not 'ab'"),
        ({"data": [None]}, r"data\[0\] = None: expected a number"),
        ({"data": [[1.0], [2.0, 3.0]]}, "data: expected numbers in one row"),
        ({"data": {"counting": [1.0, 2.0]}}, "data of counting: expected 1 counts, not 2"),
        ({"fixed": {"mu": 11.0}}, "mu: the value to hold 11 lies outside of its bounds, 0 to 10"),
    ],
)
def test_what_is_wrong_is_said(workspace: Workspace, choices: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Model(workspace, **choices).fit()


def test_numbers_of_numpy_are_numbers(workspace: Workspace) -> None:
    plain = Model(workspace, fixed={"norm": 1.0}, bounds={"mu": (0.0, 8.0)}, data=[4.0])
    pair: Any = np.array([0.0, 8.0])
    one: Any = np.int64(1)
    toys: Any = np.int64(10)
    numpy = Model(
        workspace,
        fixed={"norm": one},
        bounds={"mu": pair},
        data=np.array([4], dtype=np.uint8),
    )
    assert numpy.options == plain.options
    level = np.float32(0.75)  # exact in 32 bits
    assert numpy.limit(confidence_level=level).to_json() == plain.limit(confidence_level=0.75).to_json()
    assert as_whole(np.int16(7), "toys", 1) == as_whole(7.0, "toys", 1) == 7
    assert type(Execution(toys=toys).toys) is int
    assert as_numbers((1, np.float32(2.0)), "x").tolist() == [1.0, 2.0]


def test_one_rule_for_values_beyond_the_bounds(workspace: Workspace) -> None:
    # pyhf raises a ValueError for such a value, too.
    message = "11.* lies outside the bounds of mu, 0 to 10"
    for ask in (
        lambda: nuhist.scan(workspace, [1.0, 11.0]),
        lambda: nuhist.fit(workspace, test_poi=11.0),
        lambda: nuhist.coverage(workspace, [11.0], execution=FEW),
        lambda: Model(workspace).asimov(11.0),
        lambda: Model(workspace).toy(1, 11.0),
    ):
        with pytest.raises(ConfigError, match=message):
            ask()
    assert nuhist.fit(workspace, test_poi=10.0).best_fit == 10.0


@pytest.mark.parametrize("missed", [1e-6, 1e-8, 1e-9, 1e-11, 2e-12])
def test_levels_next_to_1(counting: Build, missed: float) -> None:
    """53 events over 50, from the likelihood of a counting experiment and the tails of a Gaussian.

    Fits know 2NLL to 1e-8, of the 20 and more here: limits to 1e-8. 1e-7 is asked for.
    """
    level, seen, expected = 1 - missed, 53.0, 50.0

    def q(n: float, mu: float) -> Any:
        return 2 * (mu - (n - expected) - n * np.log((expected + mu) / n))

    def log_cls(mu: float) -> Any:
        root = np.sqrt(q(seen, mu))
        asimov = np.sqrt(q(expected, mu))
        assert root <= asimov
        return log_ndtr(-root) - log_ndtr(asimov - root) - np.log(1 - level)

    workspace = counting([53], [1.0], [50.0], bounds=[[0.0, 200.0]])
    cls = brentq(log_cls, 4.0, 200.0, xtol=1e-12)
    profile = brentq(lambda mu: q(seen, mu) - chdtri(1, 1 - level), 4.0, 200.0, xtol=1e-12)
    assert nuhist.limit(workspace, "cls", confidence_level=level).upper == pytest.approx(cls, rel=1e-7)
    found = nuhist.limit(workspace, confidence_level=level)
    assert found.upper == pytest.approx(profile, rel=1e-7)
    assert found.level == f"{100 * level:.14g} % CL" != "100 % CL"


@pytest.mark.parametrize("level", [1 - 5e-13, 1 - 1e-15, 5e-4, 1e-9])
def test_levels_at_which_limits_are_rounding(workspace: Workspace, level: float) -> None:
    for ask in (
        lambda: nuhist.limit(workspace, confidence_level=level),
        lambda: nuhist.limit(workspace, "cls", confidence_level=level),
        lambda: nuhist.contour(workspace, "mu", "norm", levels=[level]),
    ):
        with pytest.raises(ConfigError, match=r"limits are right from 0\.001 to 1 - 1e-12"):
            ask()
    with pytest.raises(ConfigError, match=r"less than 1e-06 is rounding"):
        nuhist.limit(workspace, delta_chi2=1e-7)


@pytest.mark.parametrize("method", [FeldmanCousins(), CLs(calctype="toybased")])
def test_levels_of_which_toys_know_nothing(workspace: Workspace, method: Any) -> None:
    with pytest.raises(ConfigError, match=r"2000 toys know nothing of what happens once in 1e\+04 times"):
        nuhist.limit(workspace, method, confidence_level=0.9999)


def test_levels_in_percent() -> None:
    assert [percent(level) for level in (0.9, 0.68, 0.57, 0.6827, 0.99999999)] == [
        "90 %", "68 %", "57 %", "68.27 %", "99.999999 %"
    ]  # fmt: skip
