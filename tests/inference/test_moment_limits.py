"""Limits on matrices of moments: formulas by hand, phases near a source, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import sqrt
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import nuhist
from nuhist import Workspace, build, limit
from nuhist.cli.main import main
from nuhist.errors import ConfigError, ModelError
from nuhist.physics.moments import effective_moment, element_limits, incoming, read_matrix
from nuhist.physics.sources.registry import get_source

Build = Callable[..., Workspace]
ENERGY = np.linspace(1.0, 30.0, 30)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_the_paper_s_composition(built: Build) -> None:
    # arXiv:2207.05036, below eq. (4): 0.5266, 0.2145, 0.2590 at all energies.
    found = nuhist.moments(built("lz_ws2022", hypothesis="magnetic-moment", background="paper"))
    assert found.flavors == pytest.approx({"e": 0.52655, "mu": 0.21447, "tau": 0.25898}, abs=1e-5)
    assert found.masses == pytest.approx({"1": 0.616, "2": 0.362, "3": 0.022}, abs=1e-3)
    upper = found.effective
    assert upper == limit(built("lz_ws2022", hypothesis="magnetic-moment", background="paper")).upper
    assert upper is not None
    assert found.limits["dirac"]["flavor"]["mu-mu"] == pytest.approx(upper / sqrt(0.2144728), rel=1e-6)
    assert found.limits["majorana"]["flavor"]["e-tau"] == pytest.approx(
        upper / sqrt(0.5265502 + 0.2589770), rel=1e-6
    )
    assert "e-e" not in found.limits["majorana"]["flavor"]


def test_msw_gives_more_electron_neutrinos(built: Build) -> None:
    workspace = built("lz_ws2022", hypothesis="magnetic-moment")
    found = nuhist.moments(workspace)
    # pp and ⁷Be with 0.544 and 0.527 (the design's), mostly pp.
    assert 0.540 < found.flavors["e"] < 0.546
    one = limit(built("lz_ws2022", hypothesis="magnetic-moment", flavor="e")).upper
    # The limit on ν_e's own moment by its own fit: the mixing is a parameter there.
    assert found.limits["dirac"]["flavor"]["e-e"] == pytest.approx(one, rel=2e-3)


def test_near_a_source_phases_count() -> None:
    # ν_e is Σ U_ek ν_k: two elements of one row may cancel or add, as |U_e1 m_1 + U_e2 m_2|.
    near = incoming(get_source("cr51:activity=5MCi,distance=1m"), ENERGY)
    assert near.coherent
    assert near.flavors["e"] == 1
    first, second = sqrt(0.693 * 0.978), sqrt(0.307 * 0.978)
    assert near.masses == pytest.approx({"1": first**2, "2": second**2, "3": 0.022}, rel=1e-9)
    for phase in (1, -1, 1j):
        matrix = np.zeros((3, 3), dtype=np.complex128)
        matrix[2, 0], matrix[2, 1] = 1e-11, phase * 1e-11
        expected = 1e-11 * abs(first + phase * second)
        assert effective_moment(matrix, "mass", near) == pytest.approx(expected, rel=1e-9)
        # The Sun's mass states are out of phase.
        sun = incoming(get_source("sun"), ENERGY)
        assert sun.masses is not None
        apart = 1e-11 * sqrt(sun.masses["1"] + sun.masses["2"])
        assert effective_moment(matrix, "mass", sun) == pytest.approx(apart, rel=1e-9)
    only = element_limits(1e-11, "majorana", "flavor", near)
    assert set(only) == {"e-mu", "e-tau"}  # μτ does not matter to ν_e


def test_mass_states_of_a_flux_of_one_s_own(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text("E_keV,nu_mu\n300,1e10\n400,1e10\n", encoding="utf-8")
    arriving = incoming(get_source("table:table=b.csv", tmp_path), ENERGY)
    assert arriving.flavors == {"e": 0, "mu": 1, "tau": 0}
    with pytest.raises(ConfigError, match="mass states of this source are not known; use basis='flavor'"):
        effective_moment(np.eye(3, dtype=np.complex128), "mass", arriving)
    assert set(element_limits(1.0, "dirac", "flavor", arriving)) == {"mu-mu", "e-mu", "mu-tau"}


def test_a_matrix_from_a_file(built: Build, tmp_path: Path) -> None:
    path = tmp_path / "lz.json"
    built("lz_ws2022", hypothesis="magnetic-moment", background="paper").save(path)
    matrix = tmp_path / "m.csv"
    matrix.write_text("# in mu_B\n0, 1e-11, 0\n-1e-11, 0, 2e-12j\n0, -2e-12j, 0\n", encoding="utf-8")
    found = json.loads(run("moments", path, "--matrix", matrix, "--nature", "majorana", "--json").stdout)
    # By hand: e: |μ_μe|², μ: |μ_eμ|² + |μ_τμ|², τ: |μ_μτ|², times the fractions.
    square = 1e-22 * (0.5265502 + 0.2144728) + 4e-24 * (0.2144728 + 0.2589770)
    assert found["matrix_moment"] == pytest.approx(sqrt(square), rel=1e-6)
    assert found["matrix_ratio"] == pytest.approx(sqrt(square) / found["effective"], rel=1e-6)
    text = run("moments", path, "--matrix", matrix)
    assert "times the limit" in text.output
    assert run("moments", path, "--matrix", matrix, "--nature", "dirac").exit_code == 1
    assert run("moments", path, "--basis", "mass").exit_code == 2
    assert run("moments", path, "--method", "cls").exit_code == 0


@pytest.mark.parametrize("rows", [[["1", "2", "3"]], [["1", "2", "x"]] * 3, [["1", "2"]] * 3])
def test_bad_matrices(rows: list[list[str]]) -> None:
    with pytest.raises(ConfigError, match="a matrix of moments has"):
        read_matrix(rows)


def test_other_workspaces_are_refused(built: Build) -> None:
    with pytest.raises(ModelError, match="expected the effective moment mu_nu"):
        nuhist.moments(built("lz_ws2022", hypothesis="magnetic-moment", flavor="e"))
    with pytest.raises(ModelError, match="expected the effective moment mu_nu"):
        nuhist.moments(built("lz_ws2022", hypothesis="charge-radius"))
    bare = Workspace(built("lz_ws2022", hypothesis="magnetic-moment").spec)
    with pytest.raises(ModelError, match="has no sidecar, so that its source of neutrinos is not known"):
        nuhist.moments(bare)


def test_channels_of_different_neutrinos_are_refused() -> None:
    workspace = build("xenonnt_sr0", "cr51_xenon", hypothesis="magnetic-moment", asimov=True)
    with pytest.raises(
        ModelError, match="channels 'xenonnt_sr0' and 'cr51_xenon' have neutrinos of other flav"
    ):
        nuhist.moments(workspace)
