"""Parameters that are named by their couplings: values in the coupling's unit mean the same."""

from __future__ import annotations

import json
from typing import Any

import pyhf
import pytest
from click.testing import CliRunner

import nuhist
from nuhist.cli.main import main
from nuhist.errors import ConfigError

# The parameter is (q / 1e-13 e_0) / s, and (mu / 1e-11 mu_B)^2.
CHARGE = "q_nu_scaled"


@pytest.fixture(scope="module")
def charge() -> Any:
    return nuhist.build("lz_ws2022", hypothesis="millicharge-fea", background="paper")


def test_bounds_and_start_values(charge: Any) -> None:
    scale = charge.sidecar["poi"]["scale"]
    named = nuhist.Model(charge, bounds={"q_nu": (-1e-14, 1.1e-12)}, init={"q_nu": 1e-14})
    raw = nuhist.Model(charge, bounds={CHARGE: (-0.1 / scale, 11 / scale)}, init={CHARGE: 0.1 / scale})
    for what in ("init", "bounds"):
        assert getattr(named.changes, what)[CHARGE] == pytest.approx(getattr(raw.changes, what)[CHARGE])
    first, second = named.limit(), raw.limit()
    assert first.lower is None  # open: -1e-14 is still allowed
    assert second.lower is None
    assert first.upper == pytest.approx(second.upper, rel=1e-9)
    for found in (first, second):
        assert any("-1e-14 e_0 and 1.1e-12 e_0 of the coupling q_nu" in note for note in found.notes)


def test_a_value_to_hold(charge: Any) -> None:
    moment = nuhist.build("lz_ws2022", hypothesis=["magnetic-moment", "millicharge-fea"], flavor=["e", "mu"])
    assert moment.sidecar is not None
    scale = moment.sidecar["further"][0]["coupling"]["scale"]
    named = nuhist.limit(nuhist.Model(moment, fixed={"q_numu": 1e-13}))
    raw = nuhist.limit(nuhist.Model(moment, fixed={"q_numu_scaled": 1 / scale}))
    assert named.upper == raw.upper
    squared = nuhist.fit(nuhist.Model(moment, poi="q_numu", fixed={"mu_nue": 2e-11}))
    assert squared.parameter == "q_numu_scaled"
    (held,) = (each.value for each in squared.parameters if each.name == "mu_nue_squared")
    assert held == pytest.approx(4.0, rel=1e-12)  # (2e-11 / 1e-11)²
    with pytest.raises(ConfigError, match="q_numu_scaled is named twice, once by its coupling"):
        nuhist.Model(moment, fixed={"q_numu": 1e-13, "q_numu_scaled": 0.0})


def test_contours(charge: Any) -> None:
    moment = nuhist.build("lz_ws2022", hypothesis=["magnetic-moment", "millicharge-fea"], flavor=["e", "mu"])
    named = nuhist.contour(moment, "mu_nue", "q_numu", levels=[0.9])
    assert named == nuhist.contour(moment, "mu_nue_squared", "q_numu_scaled", levels=[0.9])


def test_the_coupling_of_several_parameters() -> None:
    two = nuhist.build("lz_ws2022", hypothesis=["light-vector:mass=1keV", "light-vector:mass=1MeV"],
                       flavor=["e", "mu"])  # fmt: skip
    nuhist.Model(two, fixed={"g2_nue": 0.0})
    masses = nuhist.build("lz_ws2022", hypothesis=["light-scalar:mass=1keV", "light-scalar:mass=1MeV"],
                          flavor=["e", "mu"])  # fmt: skip
    assert nuhist.Model(masses, poi="g2_scalar_numu").poi == "g2_scalar_numu_squared_mass1000keV"


def test_from_the_shell(charge: Any, tmp_path: Any) -> None:
    path = tmp_path / "charge.json"
    charge.save(path)
    result = CliRunner().invoke(main, ["ranking", str(path), "--bounds", "q_nu=-3e-13:3e-13", "--json"])
    assert result.exit_code == 0, result.output
    # Numbers of the parameter never stand under the name of the coupling.
    assert json.loads(result.stdout)["parameter"] == CHARGE


def test_a_meaning_that_a_pipe_loses_is_said(tmp_path: Any) -> None:
    # A catalogue's coupling is known again behind a pipe; that of a table is not.
    table = tmp_path / "own.csv"
    table.write_text("# coupling: g\n# reference: 1e-12\nT_keV,power_2\n1,5\n9,5\n", encoding="utf-8")
    built = CliRunner().invoke(main, ["build", "lz_ws2022", "--hypothesis", str(table)])
    assert "g_squared = (g / 1e-12)^2 is a plain number without the sidecar; write" in built.stderr
    for name in ("magnetic-moment", "millicharge-fea", "light-vector:mass=3keV"):
        assert not CliRunner().invoke(main, ["build", "lz_ws2022", "--hypothesis", name]).stderr


def test_bounds_of_a_coupling_whose_sign_cannot_be_seen() -> None:
    # -1e-11 would have been 1 of the parameter, as 1e-11 is: a lower bound, and the best fit at it.
    moment = nuhist.build("lz_ws2022", hypothesis="magnetic-moment", background="paper")
    with pytest.raises(
        ConfigError, match=r"mu_nu: bounds -1e-11 to 2e-11; expected numbers from 0 on, as its"
    ):
        nuhist.Model(moment, bounds={"mu_nu": (-1e-11, 2e-11)})
    named = nuhist.Model(moment, bounds={"mu_nu": (0.0, 3e-11)})
    assert named.changes.bounds["mu_nu_squared"] == pytest.approx((0.0, 9.0))


def test_the_strength_of_a_signal_point_is_no_coupling() -> None:
    # At 4e-13 e_0 the strength has a limit of 0.29: not 2.9e-14 e_0, as if 1 were the label's reference.
    grid = nuhist.build_patchset(
        "lz_ws2022", hypothesis="millicharge-epa", couplings=[0.0, 2e-13, 4e-13], background="paper"
    )
    point = grid.workspace(grid.points[-1])
    found = nuhist.limit(point)
    assert (found.parameter, found.coupling, found.unit) == ("mu", "mu", "")
    assert found.upper == found.parameter_upper
    # The counts of the point are so many times those of the coupling: by pyhf's own fits, 2.7055 above.
    model = pyhf.Workspace(dict(point.spec)).model()
    data = pyhf.Workspace(dict(point.spec)).data(model)
    lowest, end = (
        float(pyhf.infer.mle.fixed_poi_fit(value, data, model, return_fitted_val=True)[1])
        for value in (found.best_fit, found.upper)
    )
    assert end - lowest == pytest.approx(2.7055, abs=2e-3)  # to SciPy's tolerance
    with pytest.raises(ConfigError, match="no parameter called 'q_nu'"):
        nuhist.Model(point, fixed={"q_nu": 1e-13})
