"""A signal computed elsewhere: its events by hand, its limit by pyhf, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyhf
import pytest
from click.testing import CliRunner, Result

import nuhist
from nuhist.cli.main import main
from nuhist.errors import NuhistError, OptionError
from nuhist.histfactory.workspace import load_workspace
from nuhist.physics.hypotheses import get_hypothesis

# 5 events per t yr keV between 3 and 7 keV for g = 1e-12, with the square of g.
TEXT = """# title: a box
# coupling: g_ae
# unit: 1
# reference: 1e-12
# cited: nobody
T_keV,power_2
3,5
7,5
"""


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def box(tmp_path: Path) -> Path:
    path = tmp_path / "Box of mine.csv"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_events_by_hand(box: Path) -> None:
    found = nuhist.spectrum("gemma_like", hypothesis=str(box), coupling=2e-12)
    # gemma_like sees all between 3 and 43 keV in bins of 1 keV: 4 × 5 × 0.0020503 t yr in each of four.
    np.testing.assert_allclose(found.added[:4], 4 * 5 * 0.0020503, rtol=1e-9)
    np.testing.assert_allclose(found.added[4:], 0, atol=1e-15)
    assert (found.standard_model > 0).all()


def test_a_workspace(box: Path, tmp_path: Path) -> None:
    out = tmp_path / "w.json"
    assert run("build", "xenonnt_sr0", "--hypothesis", box, "-o", out).exit_code == 0
    workspace = load_workspace(out)
    assert workspace.sidecar is not None
    assert workspace.sidecar["poi"]["meaning"] == "(g_ae / 1e-12)^2"
    (channel,) = workspace.spec["channels"]
    (sample,) = (entry for entry in channel["samples"] if entry["name"] == "box_of_mine")
    # No flux, no mixing, no atom changes it.
    assert [entry["name"] for entry in sample["modifiers"]] == ["g_ae_squared"]
    spectrum = nuhist.spectrum("xenonnt_sr0", hypothesis=str(box), coupling=1e-12)
    np.testing.assert_allclose(sample["data"], spectrum.added, rtol=1e-9)
    # Resolution and efficiency: fewer than 4 × 5 × 1.16, more than half.
    assert 0.5 * 23.2 < sum(sample["data"]) < 23.2
    model: Any = pyhf.Workspace(dict(workspace.spec)).model(
        modifier_settings={"histosys": {"interpcode": "code4p"}, "normsys": {"interpcode": "code4"}}
    )
    found = nuhist.limit(workspace)
    assert found.upper is not None
    assert found.parameter_upper == pytest.approx((found.upper / 1e-12) ** 2, rel=1e-9)
    data = pyhf.Workspace(dict(workspace.spec)).data(model)
    pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-3))
    try:
        heights = [
            float(pyhf.infer.mle.fixed_poi_fit(value, data, model, return_fitted_val=True)[1])
            for value in (found.parameter_best_fit, found.parameter_upper)
        ]
    finally:
        pyhf.set_backend("numpy")
    # 2.7055 by another minimiser, to its tolerance.
    assert heights[1] - heights[0] == pytest.approx(2.7055, abs=2e-3)


def test_several_experiments_and_another_coupling(box: Path) -> None:
    joint = nuhist.build("lz_ws2024", "xenonnt_sr0", hypothesis=[str(box), "magnetic-moment"])
    assert {"g_ae_squared", "mu_nu_squared"} <= set(joint.sidecar["parameters"])  # type: ignore[index]
    assert nuhist.limit(joint).upper is not None


def test_names_and_powers(tmp_path: Path) -> None:
    path = tmp_path / "alp.csv"
    for power, name in ((1, "strength_alp"), (2, "strength_alp_squared"), (4, "strength_alp_power4")):
        path.write_text(f"T_keV,power_{power}\n1,1\n9,0\n", encoding="utf-8")
        hypothesis = get_hypothesis(str(path))
        assert (hypothesis.name, hypothesis.power) == ("alp", power)
        assert hypothesis.parameter_of_interest("effective").name == name
    assert "alp" in run("hypotheses", path).output


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("T_keV,power_3\n1,1\n2,1\n", "power is 3; expected 1 for a signed coupling, or an even number"),
        ("T_keV,rate\n1,1\n2,1\n", "expected T_keV and one of power_1"),
        ("T_keV,power_1,power_2\n1,1,1\n2,1,1\n", "expected T_keV and one of power_1"),
        ("T_keV,power_2\n2,1\n1,1\n", "is not above the row before it"),
        ("T_keV,power_2\n1,1\n2,-1\n", "is negative"),
        ("T_keV,power_2\n1,1\n2,nan\n", "is not a finite number"),
        ("# reference: much\nT_keV,power_2\n1,1\n2,1\n", "reference: 'much' is no number"),
        ("# reference: -1\nT_keV,power_2\n1,1\n2,1\n", "expected a positive number"),
        ("# coupling: g ae\nT_keV,power_2\n1,1\n2,1\n", "coupling: 'g ae'; expected letters"),
        ("T_keV,power_2\n1000,1\n2000,1\n", "its coupling changes no expected count"),
    ],
)
def test_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(NuhistError) as caught:
        nuhist.build("xenonnt_sr0", hypothesis=str(path))
    assert message in str(caught.value)
    assert (
        run(
            "build", "xenonnt_sr0", "--hypothesis", tmp_path / "none.csv", "-o", tmp_path / "w.json"
        ).exit_code
        == 1
    )


def test_it_has_no_flavour_and_needs_no_grid(box: Path, tmp_path: Path) -> None:
    with pytest.raises(
        OptionError, match=r"flavor=...: does nothing with box-of-mine, which is no neutrino's"
    ):
        nuhist.build("xenonnt_sr0", hypothesis=str(box), flavor="e")
    with pytest.raises(NuhistError, match="is one power of its coupling; use nuhist build"):
        nuhist.build_patchset("xenonnt_sr0", hypothesis=str(box), couplings=[0.0, 1e-12])
    named = tmp_path / "magnetic-moment.csv"
    named.write_text(TEXT, encoding="utf-8")
    with pytest.raises(NuhistError, match="is one of nuhist's own; rename the file"):
        get_hypothesis(str(named))
