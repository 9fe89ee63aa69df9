"""Two couplings that interfere: counts by pyhf at points of both, the product alone, contours, refusals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pyhf
import pytest
from numpy.typing import NDArray

import nuhist
from nuhist import Model, Workspace
from nuhist.errors import ConfigError
from nuhist.histfactory.several import normsys_factor
from nuhist.histfactory.templates import LINEAR_ENDS, LINEAR_SLOPE, NormSys
from nuhist.physics import processes
from nuhist.physics.couplings import Couplings, Flavor, radiative
from nuhist.physics.hypotheses import HYPOTHESES, get_hypothesis
from nuhist.physics.together import hypotheses_together

Array = NDArray[np.float64]
Build = Callable[..., Workspace]
COMMAND_LINE = {"histosys": {"interpcode": "code4p"}, "normsys": {"interpcode": "code4"}}
POINTS = [(0.3, 0.0), (0.0, -0.3), (0.3, 0.3), (-1.5, 0.9), (2.0, -3.0), (4.0, 4.0)]


def shifted(monkeypatch: pytest.MonkeyPatch, flavors: set[Flavor], vector: float, axial: float) -> Array:
    """Events of a Standard Model whose g_V and g_A are others for some flavours."""

    def couplings(flavor: Flavor) -> Couplings:
        g_v, g_a = radiative(flavor)
        return Couplings(g_v + vector, g_a + axial) if flavor in flavors else Couplings(g_v, g_a)

    with monkeypatch.context() as patched:
        patched.setattr(processes, "radiative", couplings)
        moment = nuhist.spectrum("xenonnt_sr0", hypothesis="magnetic-moment", coupling=0.0)
    return np.asarray(moment.standard_model)


def expected(workspace: Workspace, values: dict[str, float]) -> Array:
    """Events of neutrinos, by pyhf, at couplings by the name of their parameter."""
    model: Any = pyhf.Workspace(dict(workspace.spec)).model(modifier_settings=COMMAND_LINE)
    parameters = np.array(model.config.suggested_init())
    for name, value in values.items():
        parameters[model.config.par_slice(name)] = value
    rows = np.asarray(model.main_model.expected_data(parameters, return_by_sample=True))
    return np.asarray(rows[[name != "background" for name in model.config.samples]].sum(axis=0))


@pytest.mark.parametrize("flavor", ["e", pytest.param("effective", marks=pytest.mark.thorough)])
def test_left_and_right_together(built: Build, monkeypatch: pytest.MonkeyPatch, flavor: Any) -> None:
    workspace = built("xenonnt_sr0", hypothesis=("nsi-left", "nsi-right"), flavor=flavor)
    scales = [get_hypothesis(f"nsi-{hand}").parameter_of_interest(flavor) for hand in ("left", "right")]
    flavors: set[Flavor] = {"e"} if flavor == "e" else {"e", "mu", "tau"}
    alone = []
    for left, right in POINTS:
        values = {
            scale.name: scale.to_parameter(value) for scale, value in zip(scales, (left, right), strict=True)
        }
        found = expected(workspace, values)
        # g_V = g_L + g_R and g_A = g_L − g_R. Ten digits of templates, and 1e-6 of a polynomial's quadratic
        # part, of which interference with the Standard Model takes some away.
        np.testing.assert_allclose(
            found, shifted(monkeypatch, flavors, left + right, left - right), rtol=3e-6
        )
        alone.append(found)
    # The product itself is there: without it the counts at (4, 4) were others by some per cent.
    one, other = (expected(workspace, {scale.name: scale.to_parameter(4.0)}) for scale in scales)
    apart = alone[-1] - one - other + expected(workspace, {})
    assert np.abs(apart).sum() > 0.03 * alone[-1].sum()


@pytest.mark.thorough
def test_an_angle_and_one_hand(built: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    # The angle is of all flavours, the other coupling of two of them.
    names, flavors = ("weak-mixing-angle", "nsi-left"), ("effective", "mu")
    workspace = built("xenonnt_sr0", hypothesis=names, flavor=flavors)
    scales = [get_hypothesis(n).parameter_of_interest(f) for n, f in zip(names, flavors, strict=True)]  # type: ignore[arg-type]
    delta, epsilon = 0.1, -0.4
    found = expected(
        workspace,
        {scales[0].name: scales[0].to_parameter(delta), scales[1].name: scales[1].to_parameter(epsilon)},
    )
    vector = 2 * 1.00063 * delta

    def couplings(flavor: Flavor) -> Couplings:
        g_v, g_a = radiative(flavor)
        more = epsilon if flavor == "mu" else 0.0
        return Couplings(g_v + vector + more, g_a + more)

    monkeypatch.setattr(processes, "radiative", couplings)
    whole = nuhist.spectrum("xenonnt_sr0", hypothesis="magnetic-moment", coupling=0.0).standard_model
    np.testing.assert_allclose(found, whole, rtol=3e-6)


def test_a_normsys_that_is_linear() -> None:
    upper, lower = LINEAR_ENDS
    entry = NormSys("x", upper - 1, lower - 1)
    code: Any = pyhf.interpolators.code4
    factors = code([[[[lower], [1.0], [upper]]]])
    for value in (-2.0, -1.0, -0.4, -1.7e-3, 1e-3, 1.7e-3, 0.8, 1.0, 1.5):
        by_pyhf = float(np.asarray(factors(np.array([[value]]))).ravel()[0])
        assert normsys_factor(entry, value) == pytest.approx(by_pyhf, rel=1e-12)
        if abs(value) < 2e-3:
            assert normsys_factor(entry, value) - 1 == pytest.approx(LINEAR_SLOPE * value, rel=1e-7)


@pytest.mark.thorough
def test_a_contour_of_both(built: Build) -> None:
    workspace = built("xenonnt_sr0", hypothesis=("nsi-left", "nsi-right"), flavor="e")
    model = Model(workspace)
    found = model.contour("epsilon_left_nue", "epsilon_right_nue", levels=[0.9])
    (line,) = (np.array(points) for points in found.levels[0].lines)
    for place in (0.1, 0.4, 0.7):
        point = line[int(place * len(line))]
        held = dict(zip(("epsilon_left_nue", "epsilon_right_nue"), point, strict=True))  # couplings
        fitted = Model(workspace, fixed=held, engine="pyhf", poi="epsilon_left_nue")
        # 2NLL of pyhf's own fit with both held. Lines between points of a grid of 41 are up to 0.003 of the
        # half axes of 1.5 off, where 2NLL rises by 46 per unit.
        assert fitted.fit().min_chi2 - found.min_chi2 == pytest.approx(4.605, abs=0.21)


def test_what_does_not_fit() -> None:
    with pytest.raises(ConfigError, match="so that they interfere for flavour e"):
        hypotheses_together(["nsi-left", "charge-radius"], "e")  # whose shift nobody says
    wrong = replace(
        HYPOTHESES["nsi-left"], name="wrong", parameter="wrong{flavor}",
        shift=lambda energy, *_: (0.1 + 0 * energy, 0.1 + 0 * energy),
    )  # fmt: skip
    HYPOTHESES["wrong"] = wrong
    try:
        with pytest.raises(
            ConfigError, match="hypothesis wrong: its shift of g_V and g_A is another than that of"
        ):
            nuhist.build("xenonnt_sr0", hypothesis=["wrong", "nsi-right"], flavor="e")
    finally:
        del HYPOTHESES["wrong"]
