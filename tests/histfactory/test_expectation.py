"""Whether a workspace expects what the physics says, of users' hypotheses and of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyhf
import pytest

import nuhist
from nuhist import Workspace
from nuhist.errors import ConfigError
from nuhist.histfactory import neutrinos
from nuhist.histfactory.build import build
from nuhist.histfactory.interest import coupling_scale, interest_parameter
from nuhist.histfactory.polynomial import polynomial_modifier
from nuhist.physics.hypotheses import HYPOTHESES, Dependence, Hypothesis, get_hypothesis
from nuhist.tables import Array

PAPER = "sun:survival=constant"  # as the treatment "paper" has it
MOMENT, CHARGE = get_hypothesis("magnetic-moment"), get_hypothesis("millicharge-fea")


@pytest.fixture
def mine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Register a hypothesis called mine: one of ours with other fields."""

    def register(hypothesis: Hypothesis, **fields: Any) -> None:
        names = {"name": "mine", "parameter": "mine{flavor}", "coupling": "g_nu"}
        monkeypatch.setitem(HYPOTHESES, "mine", replace(hypothesis, **{**names, **fields}))

    return register


def expected(workspace: Workspace, value: float) -> Array:
    """pyhf's counts with the parameter of interest at a value and all others nominal."""
    model = pyhf.Workspace(dict(workspace.spec)).model(
        modifier_settings={"histosys": {"interpcode": "code4p"}}
    )
    parameters = np.array(model.config.suggested_init())
    parameters[model.config.poi_index] = value
    return np.asarray(model.expected_actualdata(parameters))


LISTED: dict[str, tuple[Hypothesis, dict[str, Any], float]] = {
    "square": (MOMENT, {}, 3e-11),
    "square over a scale": (MOMENT, {"scale": 4.0}, 3e-11),
    "square of another reference": (MOMENT, {"reference": 1e-12, "terms": lambda energy, flavor, options: {
        2: 1e-2 * MOMENT.terms(energy, flavor, options)[2]}, "bounds": (0.0, 1e4)}, 3e-11),
    "fourth power": (MOMENT, {"power": 4, "terms": lambda energy, flavor, options: {
        4: MOMENT.terms(energy, flavor, options)[2]}}, 2e-11),
    "one power": (MOMENT, {"power": 1, "terms": lambda energy, flavor, options: {
        1: MOMENT.terms(energy, flavor, options)[2]}}, 2e-11),
    "polynomial": (CHARGE, {}, -7e-13),
    "polynomial of one sign": (CHARGE, {"flavor_ranges": {}, "bounds": (0.0, 17.0)}, 7e-13),
}  # fmt: skip


@pytest.mark.parametrize("name", LISTED)
def test_what_is_built_is_what_spectrum_says(mine: Callable[..., None], name: str) -> None:
    hypothesis, fields, coupling = LISTED[name]
    mine(hypothesis, **fields)
    workspace = build("lz_ws2022", hypothesis="mine", background="paper")
    scale = coupling_scale(workspace, str(workspace.interest()))
    parameter = scale.to_parameter(coupling)
    spectrum = nuhist.spectrum(
        "lz_ws2022", hypothesis="mine", coupling=coupling, response="none", source=PAPER
    )
    found = expected(workspace, parameter) - expected(workspace, 0.0)
    # A polynomial is right to 1e-6 of its quadratic part, which is larger than what it adds in all.
    np.testing.assert_allclose(found, spectrum.added, rtol=0, atol=2e-6 * np.abs(spectrum.added).max())
    assert spectrum.added.any()


def test_the_limit_of_a_moment_by_another_name(mine: Callable[..., None]) -> None:
    # The cases of a slip in power, and of a shape that NumPy broadcasts: the right one is the moment's own.
    mine(MOMENT)
    limit = nuhist.limit(build("lz_ws2022", hypothesis="mine", background="paper"))
    assert limit.upper == pytest.approx(1.24e-11, rel=5e-3)
    mine(MOMENT, power=1)
    with pytest.raises(
        ConfigError, match="has the powers 2; expected 1, as its dependence POWER and power 1 says"
    ):
        build("lz_ws2022", hypothesis="mine", background="paper")
    mine(MOMENT, terms=lambda energy, flavor, options: {2: MOMENT.terms(energy, flavor, options)[2][0]})
    for ask in (build, lambda *names, **more: nuhist.spectrum(*names, coupling=1e-11, **more)):
        with pytest.raises(
            ConfigError, match=r"power 2: has the shape .* expected an array of 64-bit floats of shape"
        ):
            ask("lz_ws2022", hypothesis="mine")


def test_a_polynomial_that_is_built_wrongly(
    mine: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A slip of ours would be found as well: the quadratic part without the 8/15 of the interpolation.
    def wrong(name: str, standard: Array, linear: Array, quadratic: Array, scale: float, reach: float) -> Any:
        return polynomial_modifier(name, standard, linear, quadratic * 15 / 8, scale, reach)

    mine(CHARGE)
    monkeypatch.setattr(neutrinos, "polynomial_modifier", wrong)
    with pytest.raises(ConfigError) as caught:
        build("lz_ws2022", hypothesis="mine", background="paper")
    message = str(caught.value)
    assert message.startswith("hypothesis mine: at g_nu = -1.2e-12 e_0 the workspace expects ")
    assert "events more than the Standard Model in channel 'lz_ws2022', bin " in message
    assert message.endswith(", as nuhist spectrum has it")


def test_a_coupling_that_changes_nothing(mine: Callable[..., None]) -> None:
    def terms(energy: Array, *_: Any) -> Mapping[int, Array]:
        return {2: np.zeros((4, *energy.shape))}

    mine(MOMENT, terms=terms)
    with pytest.raises(
        ConfigError, match="hypothesis mine: its coupling changes no expected count; expected terms"
    ):
        build("lz_ws2022", hypothesis="mine", background="paper")


@pytest.mark.parametrize("parameter", ["solar_nu_flux", "lz_ws2022_ar37_norm"])
def test_a_parameter_that_is_there_already(mine: Callable[..., None], parameter: str) -> None:
    mine(MOMENT, parameter=parameter)
    with pytest.raises(ConfigError, match=f"mine: its parameter '{parameter}' is a nuisance parameter, too"):
        build("lz_ws2022", hypothesis="mine", background="paper", ar37="flat")


@pytest.mark.parametrize(
    ("bounds", "start"), [((0.0, 0.05), 0.025), ((0.0, 100.0), 0.1), ((-3.0, 0.0), -1.5)]
)
def test_a_start_within_the_bounds(
    mine: Callable[..., None], bounds: tuple[float, float], start: float
) -> None:
    mine(CHARGE, flavor_ranges={}, bounds=bounds)
    parameter = interest_parameter(HYPOTHESES["mine"], "effective")
    assert parameter.init == pytest.approx(start / 1e4)
    assert parameter.bounds == pytest.approx([bound / 1e4 for bound in bounds])


def test_a_grid_of_terms_that_are_none(mine: Callable[..., None]) -> None:
    mine(get_hypothesis("millicharge-epa"), alternative=lambda *_: {2: 1.0})
    with pytest.raises(ConfigError, match="hypothesis mine: alternative of flavour e, power 2: is a float"):
        nuhist.build_patchset("lz_ws2022", hypothesis="mine", couplings=[-1e-13, 1e-13])


def test_any_powers_on_a_grid(mine: Callable[..., None]) -> None:
    def terms(energy: Array, flavor: Any, options: Any) -> Mapping[int, Array]:
        found = MOMENT.terms(energy, flavor, options)[2]
        return {2: found, 3: 0.1 * found, 6: found}

    mine(MOMENT, terms=terms, dependence=Dependence.GENERAL, power=1, rrpa=False)
    grid = nuhist.build_patchset("lz_ws2022", hypothesis="mine", couplings=[0.0, 2e-11], background="paper")
    found = expected(grid.workspace(grid.points[1]), 1.0) - expected(grid.workspace(grid.points[0]), 1.0)
    spectrum = nuhist.spectrum(
        "lz_ws2022", hypothesis="magnetic-moment", coupling=1e-11, response="none", source=PAPER
    )
    moment = spectrum.added
    np.testing.assert_allclose(found, (2**2 + 0.1 * 2**3 + 2**6) * moment, rtol=1e-9, atol=1e-12)
