"""Absorbed dark matter: rates by hand and by published formulas, lines in bins, limits, what is refused."""

from __future__ import annotations

from itertools import pairwise
from math import erf, sqrt
from pathlib import Path

import numpy as np
import periodictable
import pytest
from click.testing import CliRunner, Result

import nuhist
from nuhist.cli.main import main
from nuhist.errors import ConfigError, NuhistError, OptionError
from nuhist.physics.hypotheses import get_hypothesis
from nuhist.physics.hypothesis import Dependence, Hypothesis, no_terms
from nuhist.physics.targets.registry import get_target
from nuhist.physics.together import hypotheses_together
from nuhist.report import page_text
from nuhist.report.neutrinos import cross_sections
from nuhist.report.page import make_report
from tests.table_head import head_lines

MASSES = [1.0, 1.4, 2.2, 3.1, 4.6, 6.3, 9.9, 14.0, 22.0, 30.0]  # keV
GRAMS = {"xenon": 131.293, "germanium": 72.63}
SYMBOLS = {"xenon": "Xe", "germanium": "Ge"}


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def photoabsorption(symbol: str, energy: float) -> float:
    """2 r_e λ f₂ in cm²: a power law between the energies of the table, constants typed in."""
    table, _, f2 = periodictable.elements.symbol(symbol).xray.sftable
    sigma = 2 * 2.8179403e-13 * 1.23984198e-7 / table * f2
    return float(np.exp(np.interp(np.log(energy), np.log(table), np.log(sigma))))


@pytest.mark.parametrize("name", ["xenon", "germanium"])
@pytest.mark.parametrize("mass", MASSES)
def test_rates_by_hand(name: str, mass: float) -> None:
    # 0.3 GeV/cm³ of particles of M, with the speed that a cross section times v has in it.
    sigma = photoabsorption(SYMBOLS[name], mass)
    absorbed = 3e5 / mass * 2.99792458e10 * sigma * 6.02214076e29 / GRAMS[name] * 365.25 * 86400
    axion = 3 * mass**2 / (16 * np.pi * 7.2973525693e-3 * 510.99895**2)
    # Published, per kg and day: arXiv:2006.09721, eqs. (3) and (4), with two digits.
    published = {
        "dark-photon": 4.7e23 / GRAMS[name] / mass * sigma * 1e24 * 365.25e3,
        "axion-like-particle": 1.5e19 / GRAMS[name] * mass * sigma * 1e24 * 365.25e3,
    }
    for family, expected in (("dark-photon", absorbed), ("axion-like-particle", absorbed * axion)):
        hypothesis = get_hypothesis(f"{family}:mass={mass}keV")
        assert hypothesis.line is not None
        energy, events = hypothesis.line(get_target(name))
        assert energy == mass
        # 1e-5: of the constants; the molar masses have five digits.
        assert events / hypothesis.reference**2 == pytest.approx(expected, rel=1e-5)
        assert events / hypothesis.reference**2 == pytest.approx(published[family], rel=0.03)


# Chantler's evaluation (NIST FFAST), another one than the table's, as XrayDB 4.5.8 has it; cm² per atom.
CHANTLER = {33.0: 1.2968e-21, 34.6: 6.7694e-21, 40.0: 4.7943e-21, 60.0: 1.6079e-21, 100.0: 3.8632e-22,
            140.0: 1.4848e-22}  # fmt: skip


@pytest.mark.parametrize("energy", CHANTLER)
def test_absorption_above_30_kev(energy: float) -> None:
    # Both evaluations agree to 4 %; straight lines in logarithms are within 1 % of Elam's own interpolation.
    assert get_target("xenon").absorption(energy) == pytest.approx(CHANTLER[energy], rel=0.05, abs=0)


def test_absorption_at_the_ends() -> None:
    xenon = get_target("xenon")
    below = np.array([5.0, 30.0])
    assert [xenon.absorption(energy) for energy in below] == pytest.approx(
        xenon.photoabsorption(below), rel=1e-12, abs=0
    )
    assert xenon.absorption(34.561) == pytest.approx(
        7.0732e-21, rel=1e-6, abs=0
    )  # the K edge belongs to what is above
    assert xenon.absorption(34.5609) == pytest.approx(1.1810e-21, rel=1e-4, abs=0)
    assert xenon.absorption(150.0) == pytest.approx(1.2320e-22, rel=1e-9, abs=0)
    with pytest.raises(ConfigError, match="known up to 150 keV, and not at 151 keV"):
        xenon.absorption(151.0)


def test_lines_above_30_kev_are_seen() -> None:
    found = nuhist.limit(nuhist.build("xenonnt_sr0_high", hypothesis="axion-like-particle:mass=60keV"))
    assert found.upper is not None
    # Published: 1.0e-13 (read off arXiv:2207.11330 by AxionLimits), from events without bins; ours must be
    # near, and not the same.
    assert 0.6e-13 < found.upper < 1.7e-13


def test_a_line_in_one_bin() -> None:
    # gemma_like sees all, without resolution, in bins of 1 keV from 3 keV on; 0.0020503 t yr.
    hypothesis = get_hypothesis("dark-photon:mass=7.5keV")
    found = nuhist.spectrum("gemma_like", hypothesis=hypothesis.name, coupling=2 * hypothesis.reference)
    assert hypothesis.line is not None
    _, events = hypothesis.line(get_target("germanium"))
    assert found.added[4] == pytest.approx(4 * events * 0.0020503, rel=1e-9)
    assert np.count_nonzero(found.added) == 1
    assert not found.added_rate.any()  # a line has no dR/dT


def test_a_line_with_a_resolution() -> None:
    # 0.258 √E + 0.0143 E, as its experiment.yaml says; then the efficiency of reconstructed energy.
    found = nuhist.spectrum("xenonnt_sr0", hypothesis="axion-like-particle:mass=12keV", coupling=1e-13)
    sigma = 0.258 * sqrt(12) + 0.0143 * 12

    def below(energy: float) -> float:
        return 0.5 * (1 + erf((energy - 12) / sigma / sqrt(2)))

    inside = np.array([below(high) - below(low) for low, high in pairwise(found.edges)])
    path = nuhist.load_experiment("xenonnt_sr0").folder / "er_efficiency.csv"
    table = np.loadtxt(path, delimiter=",", skiprows=head_lines(path) + 1)
    hypothesis = get_hypothesis("axion-like-particle:mass=12keV")
    assert hypothesis.line is not None
    events = 1.16 * hypothesis.line(get_target("xenon"))[1] * (1e-13 / hypothesis.reference) ** 2
    centres = (found.edges[:-1] + found.edges[1:]) / 2
    expected = events * inside * np.interp(centres, table[:, 0], table[:, 1])
    near = inside > 1e-3 * inside.max()
    # 0.3 %: the efficiency at the bin's centre stands for the bin, where it changes by a few per cent.
    np.testing.assert_allclose(found.added[near], expected[near], rtol=3e-3)


def test_workspaces_and_spectra_agree() -> None:
    for family in ("axion-like-particle", "dark-photon"):
        name = f"{family}:mass=5keV"
        hypothesis = get_hypothesis(name)
        workspace = nuhist.build("lz_ws2024", hypothesis=name)
        (channel,) = workspace.spec["channels"]
        poi = workspace.spec["measurements"][0]["config"]["poi"]
        (data,) = (
            np.array(sample["data"])
            for sample in channel["samples"]
            if poi in [modifier["name"] for modifier in sample["modifiers"]]
        )
        for factor in (0.3, 1.0, 7.0):
            found = nuhist.spectrum("lz_ws2024", hypothesis=name, coupling=factor * hypothesis.reference)
            np.testing.assert_allclose(factor**2 * data, found.added, rtol=1e-6)


def test_limits_against_mass(tmp_path: Path) -> None:
    # The joint limit lies near the better one, and each point is that of a workspace alone.
    out = tmp_path / "e.json"
    found = run(
        "exclusion", "lz_ws2024", "xenonnt_sr0", "--hypothesis", "axion-like-particle",
        "--over", "mass=2:10:3:log", "-o", out,
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    alone = nuhist.limit(nuhist.build("xenonnt_sr0", hypothesis="axion-like-particle:mass=10keV")).upper
    assert alone is not None
    assert f"{alone:.4g}" in found.output


def test_refused() -> None:
    with pytest.raises(ConfigError, match="mass = 400 keV is outside its range, 1 to 150 keV"):
        get_hypothesis("axion-like-particle:mass=400keV")
    with pytest.raises(
        ConfigError, match="photoabsorption of germanium is known up to 30 keV, and not at 40"
    ):
        nuhist.build("gemma_like", hypothesis="axion-like-particle:mass=40keV")
    with pytest.raises(OptionError, match=r"flavor=...: does nothing with dark-photon:mass=5keV"):
        nuhist.build("lz_ws2024", hypothesis="dark-photon:mass=5keV", flavor="e")
    with pytest.raises(NuhistError, match="its coupling changes no expected count"):
        nuhist.build("lz_ws2022", hypothesis="dark-photon:mass=30keV")
    with pytest.raises(ConfigError, match="use nuhist build"):
        nuhist.build_patchset("lz_ws2024", couplings=[0, 1e-16], hypothesis="dark-photon:mass=5keV")
    with pytest.raises(ConfigError, match="is no neutrino's, so that neutrinos have no cross section"):
        cross_sections(couplings={"dark-photon:mass=5keV": 1e-16})


@pytest.mark.parametrize(
    "given",
    ["5.0, -1.0", "float('nan'), 1.0", "5.0, float('inf')", "-5.0, 1.0", "0.0, 1.0", "1.0", "None",
     "(5.0, 1.0, 1.0)", "('a', 1.0)", "([1.0, 2.0], 1.0)"],
)  # fmt: skip
def test_a_line_of_one_s_own_is_checked(tmp_path: Path, given: str) -> None:
    path = tmp_path / "my.py"
    path.write_text(
        "from nuhist.physics.hypothesis import Dependence, Hypothesis, no_terms\n"
        f"def line(target):\n    return {given}\n"
        "mine = Hypothesis('mine', 'mine', 'g', '1', 1.0, no_terms, Dependence.POWER, 'g', line=line)\n",
        encoding="utf-8",
    )
    with pytest.raises(ConfigError, match=r"line gives .* expected an energy in keV above 0, and events per"):
        nuhist.build("lz_ws2024", hypothesis=f"{path}:mine")


def test_a_line_takes_nothing_away() -> None:
    with pytest.raises(ConfigError, match="it has a line, and bounds from -10 on; expected none below 0"):
        Hypothesis(
            "mine", "mine", "g", "1", 1.0, no_terms, Dependence.POWER, "g", bounds=(-10.0, 100.0),
            line=lambda _: (5.0, 1.0),
        )  # fmt: skip


def test_no_command_takes_a_flavour() -> None:
    for arguments in (
        ["exclusion", "lz_ws2024", "--over", "mass=2:4:2"],
        ["sensitivity", "lz_ws2024", "--exposure", "1:2:2"],
    ):
        name = "dark-photon" if arguments[0] == "exclusion" else "dark-photon:mass=5keV"
        found = run(*arguments, "--hypothesis", name, "--flavor", "e")
        assert found.exit_code == 2, found.output
        assert "--flavor: does nothing with dark-photon:mass=" in found.stderr


def test_a_line_takes_the_place_of_rates() -> None:
    with pytest.raises(ConfigError, match="it has rates and a line; expected one of them"):
        Hypothesis(
            "mine", "mine", "g", "1", 1.0, no_terms, Dependence.POWER, "g",
            line=lambda _: (5.0, 1.0), rates=lambda energy, _: {1: energy},
        )  # fmt: skip


def test_absorption_belongs_to_cross_sections() -> None:
    for own in ({"line": lambda _: (5.0, 1.0)}, {"rates": lambda energy, _: {1: energy}}):
        with pytest.raises(
            ConfigError, match="it has absorption and rates, or a line, of its own; expected the"
        ):
            Hypothesis(
                "mine", "mine", "g", "1", 1.0, no_terms, Dependence.POWER, "g", absorption=True, **own
            )  # fmt: skip


def test_one_mass_in_two_units_is_there_twice() -> None:
    with pytest.raises(ConfigError) as caught:
        hypotheses_together(["dark-photon:mass=5keV", "dark-photon:mass=5000eV"], "effective")
    assert str(caught.value) == "dark-photon:mass=5keV: is there twice; leave one out"
    with pytest.raises(
        ConfigError, match="mass=5keV: is there twice; give them different flavours, or leave one"
    ):
        hypotheses_together(["light-vector:mass=5keV", "light-vector:mass=5000eV"], "e")


def test_nothing_speaks_of_flavours_of_a_line() -> None:
    workspace = nuhist.build("xenonnt_sr0", hypothesis="dark-photon:mass=5keV")
    assert "flavor" not in (workspace.sidecar or {})
    page = make_report([workspace]).html
    for words in ("all flavours share", "neutrino alone", "⁻¹⁷ 1<"):
        assert words not in page
    model = nuhist.Model(workspace)
    upper = model.limit().upper
    assert upper is not None
    assert page_text.statement(model.limit()) == f"kinetic_mixing &lt; {page_text.number(upper)}"


def test_a_small_exposure_above_a_large_background_has_a_limit() -> None:
    # gemma_like: 0.002 t yr, some 750 events per bin; a bound of the parameter must not end the search.
    for name in ("axion-like-particle:mass=5keV", "dark-photon:mass=6.3keV"):
        found = nuhist.limit(nuhist.build("gemma_like", hypothesis=name, asimov=True))
        assert found.upper is not None


def test_masses_that_are_not_seen_are_failed_points() -> None:
    # gemma_like begins at 3 keV: the first two masses are below, the last is seen.
    found = nuhist.exclusion("gemma_like", hypothesis="dark-photon", over="mass=1:4:4")
    failures = [point.failure for point in found.points]
    assert ["its coupling changes no expected count" in str(failure) for failure in failures[:2]] == [
        True
    ] * 2
    assert failures[3] is None
    with pytest.raises(NuhistError, match="its coupling changes no expected count"):
        nuhist.exclusion("gemma_like", hypothesis="dark-photon", over="mass=1:2:2")
