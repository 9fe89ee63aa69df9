"""Slips in a user's function: each is refused, with what is expected."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from nuhist.errors import ConfigError
from nuhist.physics.hypotheses import (
    FLAVOR_CHOICES,
    HYPOTHESES,
    Atomic,
    Dependence,
    FlavorChoice,
    Hypothesis,
    RateOptions,
    get_hypothesis,
)
from nuhist.physics.recoils import recoil_rates, recoil_rates_at
from nuhist.physics.sources.registry import get_source
from nuhist.physics.terms import evaluate_terms
from nuhist.tables import Array

MOMENT, CHARGE = get_hypothesis("magnetic-moment"), get_hypothesis("millicharge-fea")
RECOIL = np.geomspace(0.5, 30, 40)  # keV
OPTIONS = RateOptions()
PP = get_source("sun:survival=constant").group("pp").components

Change = Callable[[Array, Array], Any]


def spoiled(change: Change, hypothesis: Hypothesis = MOMENT) -> Hypothesis:
    """A hypothesis whose coefficients went through a function of them and of T."""

    def terms(energy: Array, flavor: Any, options: RateOptions) -> Mapping[int, Any]:
        found = hypothesis.terms(energy, flavor, options)
        return {power: change(values, energy) for power, values in found.items()}

    return replace(hypothesis, terms=terms)


def with_powers(*powers: Any, hypothesis: Hypothesis = MOMENT) -> Hypothesis:
    """A hypothesis whose function gives its coefficients for other powers."""

    def terms(energy: Array, flavor: Any, options: RateOptions) -> Mapping[int, Any]:
        values = hypothesis.terms(energy, flavor, options)[2]
        return dict.fromkeys(powers, values)

    return replace(hypothesis, terms=terms)


def ask(hypothesis: Hypothesis, energy: Array = RECOIL) -> dict[int, Array]:
    """Rates of a hypothesis."""
    return recoil_rates(hypothesis, "e", energy, PP, OPTIONS)


def at(place: int, value: float) -> Change:
    """Put a number into a coefficient at one energy."""

    def change(values: Array, _energy: Array) -> Array:
        found = values.copy()
        found.reshape(4, -1)[place % 4, place % values[0].size] = value
        return found

    return change


SHAPE = "expected an array of 64-bit floats of shape (4, 40), the coefficients of 1, 1/E, 1/E², ln E"
SLIPS: dict[str, tuple[Change, str]] = {
    # Shapes that NumPy would broadcast with those of the flux, and so give other rates without a word.
    "one row": (lambda values, energy: values[2], f"has the shape (40,); {SHAPE}"),
    "one number": (lambda values, energy: np.array(1e-45), f"has the shape (); {SHAPE}"),
    "a column": (lambda values, energy: values[:, :1], f"has the shape (4, 1); {SHAPE}"),
    "a row of one": (lambda values, energy: values[:1], f"has the shape (1, 40); {SHAPE}"),
    "another axis in front": (lambda values, energy: values[None], f"has the shape (1, 4, 40); {SHAPE}"),
    "axes exchanged": (lambda values, energy: values.T.copy(), f"has the shape (40, 4); {SHAPE}"),
    "a float": (lambda values, energy: 1e-45, f"is a float; {SHAPE}"),
    "a list": (lambda values, energy: list(values), f"is a list; {SHAPE}"),
    "nothing": (lambda values, energy: None, f"is a NoneType; {SHAPE}"),
    "masked": (lambda values, energy: values.view(np.ma.MaskedArray), f"is a MaskedArray; {SHAPE}"),
    "complex": (lambda values, energy: values + 0j, f"is an array of complex128; {SHAPE}"),
    "integers": (lambda values, energy: values.astype(int), f"is an array of int64; {SHAPE}"),
    "32 bits": (lambda values, energy: values.astype(np.float32), f"is an array of float32; {SHAPE}"),
    "objects": (lambda values, energy: values.astype(object), f"is an array of object; {SHAPE}"),
    "truth": (lambda values, energy: values > 0, f"is an array of bool; {SHAPE}"),
    "not a number": (at(1, np.nan), "the coefficient of 1/E is nan at T = 0.555346 keV; expected finite"),
    "infinity": (at(0, -np.inf), "the coefficient of 1 is -inf at T = 0.5 keV; expected finite numbers"),
    # Values at a T that know of the others: right for one grid of energies, wrong for another.
    "normalised": (lambda values, energy: values / energy.max(), "expected a value for each T by itself"),
    "in another order": (lambda values, energy: values[:, ..., ::-1].copy(), "a value for each T by itself"),
    "sorted": (lambda values, energy: np.sort(values.reshape(4, -1)).reshape(values.shape), "by itself"),
    "by position": (
        lambda values, energy: values * (1 + np.arange(energy.size).reshape(energy.shape)), "by itself",
    ),
    "summed": (lambda values, energy: values + 0.1 * values.mean(), "expected a value for each T by itself"),
    "at random": (
        lambda values, energy: values * np.random.default_rng().uniform(0.9, 1.1, values.shape), "by itself",
    ),
    "the sign": (lambda values, energy: -values, "expected no negative rate within its bounds"),
}  # fmt: skip


@pytest.mark.parametrize("slip", SLIPS)
def test_coefficients_that_are_none(slip: str) -> None:
    change, message = SLIPS[slip]
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        ask(spoiled(change))
    assert str(caught.value).startswith("hypothesis magnetic-moment: ")
    assert "\n" not in str(caught.value)


POWER, BOTH = "expected 2, as its dependence POWER and power 2 says", "expected 1 and 2, as its dependence"
POWERS: list[tuple[Hypothesis, str]] = [
    (with_powers(1), f"has the powers 1; {POWER}"),
    (with_powers(1, 2), f"has the powers 1, 2; {POWER}"),
    (with_powers(0, 2), f"has the powers 0, 2; {POWER}"),
    (with_powers(2.0), f"has the powers 2.0; {POWER}"),
    (with_powers("2"), f"has the powers 2; {POWER}"),
    (with_powers(), f"has the powers none; {POWER}"),
    (with_powers(True, hypothesis=replace(MOMENT, power=1)), "has the powers True; expected 1"),
    (replace(MOMENT, power=1), "has the powers 2; expected 1, as its dependence POWER and power 1 says"),
    (replace(MOMENT, power=4), "has the powers 2; expected 4"),
    (with_powers(2, hypothesis=CHARGE), f"has the powers 2; {BOTH}"),
    (with_powers(1, 2, 3, hypothesis=CHARGE), f"has the powers 1, 2, 3; {BOTH}"),
    (
        replace(with_powers(0, 1), dependence=Dependence.GENERAL, power=1),
        "has the powers 0, 1; expected integers from 1 on",
    ),
    (
        replace(with_powers(-1), dependence=Dependence.GENERAL, power=1),
        "has the powers -1; expected integers from 1 on",
    ),
]


@pytest.mark.parametrize(("hypothesis", "message"), POWERS)
def test_powers_that_are_others(hypothesis: Hypothesis, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        ask(hypothesis)


@pytest.mark.parametrize("found", [None, [1, 2], np.zeros((4, 40)), ((2, 1.0),)])
def test_what_is_no_mapping(found: Any) -> None:
    with pytest.raises(ConfigError, match=r"terms of flavour e: gives a .*; expected a mapping from powers"):
        ask(replace(MOMENT, terms=lambda *_: found))


def test_the_alternative_is_checked_too() -> None:
    larger = get_hypothesis("millicharge-epa")
    wrong = replace(larger, alternative=lambda energy, *_: {2: np.full(energy.size, 1e-45)})
    with pytest.raises(
        ConfigError, match="hypothesis millicharge-epa: alternative of flavour e, power 2: has the"
    ):
        recoil_rates_at(wrong, "e", 1e-13, RECOIL, [PP], OPTIONS)


def test_a_function_may_do_what_it_likes_with_its_argument() -> None:
    def terms(energy: Array, flavor: Any, options: RateOptions) -> Mapping[int, Array]:
        found = MOMENT.terms(energy, flavor, options)
        energy *= 0
        return found

    energy = RECOIL.copy()
    found = ask(replace(MOMENT, terms=terms), energy)
    np.testing.assert_array_equal(energy, RECOIL)
    np.testing.assert_array_equal(found[2], ask(MOMENT)[2])


@given(shape=array_shapes(max_dims=3, max_side=5), data=st.data())
@settings(max_examples=30, deadline=None)
def test_energies_of_any_shape(shape: tuple[int, ...], data: st.DataObject) -> None:
    size = int(np.prod(shape))
    chosen = data.draw(st.lists(st.integers(0, 39), min_size=size, max_size=size))
    energy = RECOIL[chosen].reshape(shape)
    for name in ("magnetic-moment", "millicharge-fea", "millicharge-epa-only"):
        found = evaluate_terms(get_hypothesis(name), energy, "mu", OPTIONS)
        whole = evaluate_terms(get_hypothesis(name), RECOIL, "mu", OPTIONS)
        for power, values in found.items():
            assert values.shape == (4, *shape)
            np.testing.assert_allclose(values, whole[power][:, chosen].reshape(4, *shape), rtol=1e-12)


@given(
    place=st.integers(0, 159), value=st.sampled_from([np.nan, np.inf, -np.inf]), power=st.sampled_from([1, 2])
)
@settings(max_examples=30, deadline=None)
def test_one_number_among_many(place: int, value: float, power: int) -> None:
    def terms(energy: Array, flavor: Any, options: RateOptions) -> Mapping[int, Array]:
        found = dict(CHARGE.terms(energy, flavor, options))
        found[power] = at(place, value)(found[power], energy)
        return found

    with pytest.raises(ConfigError, match=f"power {power}: the coefficient of .* is {value} at T = "):
        ask(replace(CHARGE, terms=terms))


def test_a_negative_rate_is_named_with_its_coupling() -> None:
    # x I takes more away than S + x² Q gives, at x = -I / 2Q, if Q is a hundredth of what goes with I.
    def terms(energy: Array, flavor: Any, options: RateOptions) -> Mapping[int, Array]:
        found = CHARGE.terms(energy, flavor, options)
        return {1: found[1], 2: found[2] / 100}

    wrong = replace(CHARGE, terms=terms)
    with pytest.raises(ConfigError) as caught:
        ask(wrong)
    found = re.search(
        r"T = (\S+) keV is (-\S+) events .* for q_nu = (\S+) e_0; expected no", str(caught.value)
    )
    assert found is not None
    energy, rate, coupling = map(float, found.groups())
    rates = recoil_rates(CHARGE, "e", np.array([energy]), PP, OPTIONS)
    x = coupling / 1e-13
    assert -15 <= x <= 15
    # The message has three digits of the coupling, and the difference loses one.
    assert rate == pytest.approx(float(rates[0][0] + x * rates[1][0] + x**2 * rates[2][0] / 100), rel=0.05)
    # Where the bounds leave that coupling out there is nothing to say.
    ask(replace(wrong, flavor_ranges={}, bounds=(-12.0, 0.0) if x > 0 else (0.0, 12.0)))
    with pytest.raises(ConfigError, match=re.escape(f"q_nu = {coupling:.3g} e_0; expected no negative rate")):
        recoil_rates_at(wrong, "e", coupling, np.array([energy]), [PP], OPTIONS)


@pytest.mark.parametrize("hypothesis", HYPOTHESES.values(), ids=lambda hypothesis: hypothesis.name)
@pytest.mark.parametrize("atomic", ["step", "rrpa"])
def test_ours_are_in_order(hypothesis: Hypothesis, atomic: Atomic) -> None:
    # Those of nuclei alone are with others of nuclei in test_nuclear_catalogue.py.
    options = RateOptions(atomic=atomic, process=hypothesis.processes[0])
    for flavor in FLAVOR_CHOICES:
        recoil_rates(hypothesis, flavor, RECOIL, PP, options)
        for x in (-17.0, -1.0, 0.0, 0.3, 1.0, 17.0):
            if hypothesis.reference != 1 or x >= 0:
                recoil_rates_at(hypothesis, flavor, x * hypothesis.reference, RECOIL, [PP], options)


FIELDS: list[tuple[Hypothesis, dict[str, Any], str]] = [
    (MOMENT, {"reference": 0.0}, "reference is 0.0 mu_B; expected a positive number"),
    (MOMENT, {"reference": -1e-11}, "reference is -1e-11 mu_B; expected a positive number"),
    (MOMENT, {"reference": np.nan}, "reference is nan mu_B; expected a positive number"),
    (MOMENT, {"reference": np.inf}, "reference is inf mu_B; expected a positive number"),
    (MOMENT, {"reference": "1e-11"}, "reference is '1e-11' mu_B; expected a positive number"),
    (MOMENT, {"reference": True}, "reference is True mu_B; expected a positive number"),
    (MOMENT, {"power": 3}, "power is 3; expected 1 for a signed coupling, or an even number"),
    (MOMENT, {"power": 0}, "power is 0; expected 1 for a signed coupling, or an even number"),
    (MOMENT, {"power": -2}, "power is -2; expected 1 for a signed coupling, or an even number"),
    (MOMENT, {"amplitude": "FLIPS"}, "amplitude is 'FLIPS'; expected KEEPS, FLIPS or CHANGES of nuhist"),
    (MOMENT, {"amplitude": 7}, "amplitude is 7; expected KEEPS"),
    (MOMENT, {"amplitude": ["flip the helicity"]}, "expected KEEPS"),
    (MOMENT, {"amplitude": "turn the neutrino into a state of 5 keV"}, "expected KEEPS, FLIPS or CHANGES"),
    (MOMENT, {"rrpa": "no"}, "rrpa is 'no'; expected True or False"),
    (MOMENT, {"absorption": 1}, "absorption is 1; expected True or False"),
    (MOMENT, {"cited": None}, "cited is None; expected a text"),
    (MOMENT, {"nodes": (1.0, np.nan)}, "expected energies in keV, none below 0"),
    (MOMENT, {"nodes": 3.0}, "nodes are 3.0; expected energies in keV, none below 0"),
    (CHARGE, {"shift": "g_V"}, "shift is 'g_V'; expected a function"),
    (MOMENT, {"power": 2.0}, "power is 2.0; expected an integer"),
    (CHARGE, {"power": 2}, "power is 2; expected 1, as its dependence is POLYNOMIAL"),
    (MOMENT, {"scale": 0.0}, "scale is 0.0; expected a positive number"),
    (CHARGE, {"scale": -1e4}, "scale is -10000.0; expected a positive number"),
    (CHARGE, {"scale": np.nan}, "scale is nan; expected a positive number"),
    (CHARGE, {"scale": 1.0, "flavor_ranges": {}}, "expected a scale of at least 1200, so that"),
    (CHARGE, {"flavor_ranges": {"e": (100.0, (-15.0, 15.0))}}, "flavor_ranges of e: scale is 100"),
    (CHARGE, {"flavor_ranges": {"e": (2e4, 15.0)}}, "flavor_ranges of e: is (20000.0, 15.0); expected a"),
    (CHARGE, {"flavor_ranges": {"electron": (2e4, (-15, 15))}}, "expected keys of effective, e, mu, tau"),
    (MOMENT, {"bounds": (100.0, 0.0)}, "bounds are 100.0 and 0.0; expected two finite numbers, the lower"),
    (MOMENT, {"bounds": (1.0, 1.0)}, "bounds are 1.0 and 1.0; expected two finite numbers"),
    (MOMENT, {"bounds": (0.0, np.nan)}, "bounds are 0.0 and nan; expected two finite numbers"),
    (MOMENT, {"bounds": (0.0, np.inf)}, "bounds are 0.0 and inf; expected two finite numbers"),
    (MOMENT, {"bounds": (1.0, 100.0)}, "bounds are 1 and 100; expected 0 between them, which is the"),
    (MOMENT, {"bounds": (0.0, 1.0, 2.0)}, "expected a scale and two bounds"),
    (MOMENT, {"bounds": 100.0}, "expected a scale and two bounds"),
    (get_hypothesis("standard-model"), {"bounds": (2.0, 20.0)}, "expected 1 between them"),
    (MOMENT, {"dependence": "POWER"}, "dependence is 'POWER'; expected one of Dependence.POWER"),
    (MOMENT, {"alternative": CHARGE.terms}, "an alternative and the dependence POWER; expected GENERAL"),
    (get_hypothesis("millicharge-epa"), {"rrpa": True}, "the RRPA ratio of the larger of two is not known"),
    (MOMENT, {"terms": {2: 1.0}}, "terms is {2: 1.0}; expected a function"),
    (MOMENT, {"alternative": 1}, "alternative is 1; expected a function"),
    (MOMENT, {"name": ""}, "name is ''; expected a text"),
    (MOMENT, {"unit": None}, "unit is None; expected a text"),
    (MOMENT, {"parameter": "mu_{flavour}"}, "parameter is 'mu_{flavour}'; expected no braces but {flavor}"),
    (MOMENT, {"parameter": "mu_{flavor"}, "parameter is 'mu_{flavor'; expected no braces but {flavor}"),
]  # fmt: skip


@pytest.mark.parametrize(("hypothesis", "fields", "message"), FIELDS)
def test_fields_that_make_no_sense(hypothesis: Hypothesis, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        replace(hypothesis, **fields)
    assert str(caught.value).startswith("hypothesis ")


@given(
    low=st.floats(allow_nan=True, allow_infinity=True),
    high=st.floats(allow_nan=True, allow_infinity=True),
    scale=st.floats(allow_nan=True, allow_infinity=True),
)
@settings(max_examples=100, deadline=None)
def test_ranges_are_in_order_or_refused(low: float, high: float, scale: float) -> None:
    try:
        found = replace(CHARGE, bounds=(low, high), scale=scale, flavor_ranges={})
    except ConfigError:
        return
    assert -np.inf < low <= 0 <= high < np.inf
    assert low < high
    assert max(-low, high) <= 0.01 * scale < np.inf
    assert found.parameter_range("mu").bounds == (low, high)


@pytest.mark.parametrize("flavor", FLAVOR_CHOICES)
def test_other_powers_that_are_in_order(flavor: FlavorChoice) -> None:
    # A charge to the fourth power, as an exchange of a light boson would have it: x⁴ is the parameter.
    fourth = replace(with_powers(4), power=4, parameter="mu{flavor}_4")
    scale = fourth.parameter_of_interest(flavor)
    assert scale.to_parameter(2e-11) == pytest.approx(16.0)
    assert scale.to_coupling(16.0) == pytest.approx(2e-11)
    rates = recoil_rates(fourth, flavor, RECOIL, PP, OPTIONS)
    np.testing.assert_array_equal(rates[4], recoil_rates(MOMENT, flavor, RECOIL, PP, OPTIONS)[2])


def test_entries_under_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(HYPOTHESES, "mine", MOMENT)
    with pytest.raises(
        ConfigError, match=r"HYPOTHESES\['mine'\] has the name 'magnetic-moment'; expected its key"
    ):
        get_hypothesis("mine")
    monkeypatch.setitem(HYPOTHESES, "mine", MOMENT.terms)
    with pytest.raises(ConfigError, match=r"HYPOTHESES\['mine'\] is a function; expected a Hypothesis"):
        get_hypothesis("mine")


def test_powers_may_be_integers_of_numpy() -> None:
    number: Any = np.int64(2)
    plain, numpy = ask(MOMENT), ask(with_powers(number, hypothesis=replace(MOMENT, power=number)))
    assert all(type(power) is int for power in numpy)
    assert np.array_equal(plain[2], numpy[2])
    reference: Any = np.float32(MOMENT.reference)
    bounds: Any = (np.int64(0), np.float32(50))
    made = replace(MOMENT, power=number, reference=reference, bounds=bounds)
    assert type(made.power) is int
    assert [type(value) for value in (made.reference, *made.bounds)] == [float] * 3
