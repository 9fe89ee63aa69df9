"""Reactors, radioactive sources, the atmosphere, supernovae, tables: fluxes by hand, rates by quadrature."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log, pi, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nuhist.errors import NuhistError, OptionError
from nuhist.physics import scattering
from nuhist.physics.couplings import Couplings, radiative
from nuhist.physics.hypotheses import HYPOTHESES, RateOptions
from nuhist.physics.hypothesis import ELECTRON, Dependence, Hypothesis
from nuhist.physics.recoils import recoil_rates
from nuhist.physics.sources.registry import get_source, source_kind, source_names
from nuhist.physics.targets.registry import get_target
from tests.table_head import head_lines

Array = NDArray[np.float64]
TABLES = Path(scattering.__file__).parent / "sources" / "tables"

# CODATA 2018 and PDG 2020, typed in.
M_E, G_F, HBAR_C, ALPHA = 510.99895, 1.1663787e-17, 1.973269804e-8, 1 / 137.035999  # keV, keV⁻², keV cm
YEAR = 365.25 * 86400
GERMANIUM, XENON = get_target("germanium"), get_target("xenon")


def free_electron(t: float, e: Array | float, g_v: float, g_a: float) -> Any:
    """dσ/dT of ν on a free electron, cm²/keV: the textbook's formula."""
    strength = G_F**2 * M_E / (2 * pi) * HBAR_C**2
    shape = (g_v + g_a) ** 2 + (g_v - g_a) ** 2 * (1 - t / e) ** 2 - (g_v**2 - g_a**2) * M_E * t / e**2
    return strength * shape


def moment(t: float, e: Array | float) -> Any:
    """dσ/dT of a moment of 1 μ_B, cm²/keV."""
    return pi * ALPHA**2 / M_E**2 * HBAR_C**2 * (1 / t - 1 / e)


def lowest(t: float) -> float:
    """The kinematic limit in keV."""
    return (t + sqrt(t * t + 2 * M_E * t)) / 2


def rates(hypothesis: Hypothesis, source: str, t: float, options: RateOptions) -> dict[int, float]:
    """nuhist's rates at one recoil energy."""
    found = recoil_rates(hypothesis, "e", np.array([t]), get_source(source).components, options)
    return {power: float(values[0]) for power, values in found.items()}


def _columns(name: str) -> Any:
    """A table as it is, by columns."""
    path = TABLES / name
    return np.genfromtxt(path, delimiter=",", names=True, skip_header=head_lines(path))


def reactor_density() -> Callable[[Array], Array]:
    """Antineutrinos per keV and fission, from the tables as they are read here."""
    low = _columns("reactor_below_2MeV.csv")
    capture = _columns("reactor_capture.csv")
    path = TABLES / "reactor_isotopes.csv"
    isotopes = [line.split(",") for line in path.read_text().splitlines()[head_lines(path) + 1 :]]
    centres = np.concatenate([[1e-6], capture["E_MeV"], [1.2875]])
    both = np.concatenate([[0.0], capture["U239"] + capture["Np239"], [0.0]])
    area = np.trapezoid(both, centres)

    def density(energy: Array) -> Array:
        e = energy / 1e3
        total = 1.2 * np.interp(e, centres, both, right=0.0) / area
        for name, fraction, _, *powers in isotopes:
            nodes = np.concatenate([[0.0], low["E_MeV"]])
            below = np.interp(e, nodes, np.concatenate([[0.0], low[name]]))
            above = np.exp(sum(float(a) * e**index for index, a in enumerate(powers))) * (e <= 8)
            total = total + float(fraction) * np.where(e <= 2, below, above)
        return np.asarray(total / 1e3)

    return density


@pytest.mark.parametrize("t", [0.5, 3.1, 10.0, 40.0])
def test_reactor_on_germanium(t: float) -> None:
    # 3 GW at 14 m: 3e9 W over Σ f E = 206.2 MeV per fission, over 4π (1400 cm)². 1e-4: the polynomials are
    # cut into 600 straight lines, the constants have nine digits.
    energies = [202.36, 205.99, 211.12, 214.26]
    fractions = [0.563452, 0.07593, 0.304785, 0.055834]
    per_fission = sum(f * e for f, e in zip(fractions, energies, strict=True)) * 1.602176634e-13
    passing = 3e9 / per_fission / (4 * pi * 1400.0**2)
    density = reactor_density()
    nodes = _columns("reactor_below_2MeV.csv")["E_MeV"]
    capture = _columns("reactor_capture.csv")["E_MeV"]
    edges = np.unique(np.concatenate([[lowest(t)], 1e3 * nodes, 1e3 * capture, [1287.5, 2000.000001, 8000]]))
    edges = edges[edges >= lowest(t)]
    electrons = float(GERMANIUM.effective_charge(np.array(t)))
    g_v, g_a = radiative("e")

    points, weights = np.polynomial.legendre.leggauss(12)
    half = np.diff(edges)[:, None] / 2
    e = edges[:-1, None] + half * (points + 1)

    def folded(cross_section: Callable[[Array], Array]) -> float:
        total = float(np.sum(half * weights * density(e) * cross_section(e)))
        return total * passing * electrons * 6.02214076e29 / 72.63 * YEAR

    found = rates(
        HYPOTHESES["magnetic-moment"], "reactor:power=3GW,distance=14m", t, RateOptions(target=GERMANIUM)
    )
    # Antineutrinos: the axial coupling changes its sign.
    assert found[0] == pytest.approx(folded(lambda e: free_electron(t, e, g_v, -g_a)), rel=1e-4)
    assert found[2] == pytest.approx(1e-22 * folded(lambda e: moment(t, e)), rel=1e-4)


@pytest.mark.parametrize("t", [1.0, 5.2, 20.0])
def test_chromium_on_xenon(t: float) -> None:
    # 5 MCi = 1.85e17 decays per s at 2 m, on average over 100 d of a half-life of 27.704 d.
    lives = 100 / 27.704 * log(2)
    flux = 1.85e17 * (1 - exp(-lives)) / lives / (4 * pi * 200.0**2)
    lines = {
        746.985: 0.80333,
        751.823: 0.08348,
        752.384: 0.01388,
        426.902: 0.08848,
        431.74: 0.00928,
        432.3: 0.00155,
    }
    g_v, g_a = radiative("e")
    scale = flux * float(XENON.effective_charge(np.array(t))) * 6.02214076e29 / 131.293 * YEAR
    standard = scale * sum(share * free_electron(t, e, g_v, g_a) for e, share in lines.items())
    magnetic = scale * sum(share * moment(t, e) for e, share in lines.items())
    found = rates(
        HYPOTHESES["magnetic-moment"],
        "cr51:activity=5MCi,distance=2m,time=100d",
        t,
        RateOptions(target=XENON),
    )
    assert found[0] == pytest.approx(standard, rel=1e-6)  # closed: digits of the constants
    assert found[2] == pytest.approx(1e-22 * magnetic, rel=1e-6)


def test_total_fluxes() -> None:
    # Vogel-Engel below 2 MeV and Huber-Mueller above give 6.8 antineutrinos per fission with capture,
    # 2.55e13 per cm² and s at 13.9 m from 3 GW (by other code); GEMMA quotes 2.7e13.
    total = get_source("reactor:power=3GW,distance=13.9m").group("reactor").total
    assert total == pytest.approx(2.55e13, rel=5e-3)
    # The Daya Bay release has 1.96, 2.57, 1.49 and 1.88 above 1.8 MeV for its own Huber-Mueller table.
    assert get_source("reactor:flux=2.7e13").group("reactor").total == pytest.approx(2.7e13, rel=1e-12)
    # 10.7 per cm² and s is the total of the project that carries the atmospheric table, thinned out here.
    assert get_source("atmospheric").group("atmospheric").total == pytest.approx(10.7, rel=0.03)
    # Another evaluation of the same closed form: 13.9, 13.1, 9.18 per cm² and s, and at 10 MeV 0.7735.
    parts = {part.name: part for part in get_source("dsnb").components}
    assert parts["nu_e"].total == pytest.approx(13.9, rel=0.01)
    assert parts["antinu_e"].total == pytest.approx(13.1, rel=0.01)
    assert parts["nu_tau"].total == pytest.approx(9.18, rel=0.01)
    density = parts["nu_e"].density
    assert density is not None
    assert 1e3 * np.interp(1e4, parts["nu_e"].energy, density) == pytest.approx(0.7735, rel=0.01)
    # 100 PBq through 1/(4π) per m² in all: 1e17 × 0.0796 per m² = 7.96e11 per cm².
    assert get_source("ar37:activity=100PBq,distance=1m").group("ar37").total == pytest.approx(
        7.9577e11, rel=1e-4
    )


def test_units_of_activities_and_lengths() -> None:
    texts = (
        "5MCi,distance=1m",
        "5e6Ci,distance=100cm",
        "185PBq,geometry=0.07957747154594767",
        "1.85e17Bq,distance=1m",
    )
    totals = [get_source(f"cr51:activity={text}").group("cr51").total for text in texts]
    np.testing.assert_allclose(totals, totals[0], rtol=1e-12)
    assert (
        get_source("reactor:power=3000MW,distance=14m").name
        == get_source("reactor:power=3GW,distance=14m").name
    )


@pytest.mark.parametrize("t", [0.3, 2.0, 30.0])
def test_crossing_is_the_axial_coupling_of_antineutrinos(t: float) -> None:
    # For four fermions g_A changes its sign, in the interference with a charge, too; a moment does not care.
    recoil, couplings = np.array([t]), radiative("e")
    anti = Couplings(couplings.vector, -couplings.axial)
    pairs = [
        (scattering.standard_model(recoil, couplings, XENON), scattering.standard_model(recoil, anti, XENON)),
        (
            scattering.millicharge_fea_linear(recoil, couplings, XENON),
            scattering.millicharge_fea_linear(recoil, anti, XENON),
        ),
        (scattering.millicharge_fea_quadratic(recoil, XENON),) * 2,
        (scattering.magnetic_moment(recoil, XENON),) * 2,
        (scattering.millicharge_epa(recoil, XENON),) * 2,
    ]  # fmt: skip
    for neutrinos, expected in pairs:
        found = scattering.of_antineutrinos(neutrinos, recoil)
        scale = np.abs(expected).max(axis=1, keepdims=True)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12 * float(scale.max()))
        np.testing.assert_allclose(
            scattering.of_antineutrinos(found, recoil), neutrinos, rtol=1e-9, atol=1e-12 * scale.max()
        )


def test_every_kind_has_a_source(tmp_path: Path) -> None:
    (tmp_path / "FILE.csv").write_text("E_keV,nu_e\n100,1\n200,1\n", encoding="utf-8")
    for name in source_names():
        source = get_source(source_kind(name).example(name), tmp_path)
        assert source.groups, name
        for part in source.components:
            assert part.total > 0, part.name
            if part.density is not None:
                assert np.trapezoid(part.density, part.energy) == pytest.approx(part.total, rel=1e-9)
    assert {"sun", "reactor", "cr51", "ar37", "atmospheric", "dsnb", "table", "lines"} <= set(source_names())


def test_a_source_by_a_table_alone(tmp_path: Path) -> None:
    # A box of 1e10 per cm² s and 100 keV of ν_μ, from 300 to 400 keV: a rate by hand.
    (tmp_path / "Box of 400.csv").write_text("E_keV,nu_mu\n300,1e8\n400,1e8\n", encoding="utf-8")
    source = get_source("table:table=Box of 400.csv,uncertainty=0.07", tmp_path)
    (group,) = source.groups
    assert (group.name, group.total, group.uncertainty) == ("box_of_400", 1e10, 0.07)
    t = 4.0
    found = recoil_rates(HYPOTHESES["magnetic-moment"], "mu", np.array([t]), group.components, RateOptions())
    # ∫ (1/T − 1/E) dE = 100/T − ln(4/3); 44 electrons are free at 4 keV (Table II of arXiv:2207.05036).
    box = 1e8 * (100 / t - log(4 / 3)) * pi * ALPHA**2 / M_E**2 * HBAR_C**2
    expected = box * 44 * 6.02214076e29 / 131.293 * YEAR * 1e-22
    assert float(found[2][0]) == pytest.approx(expected, rel=1e-6)
    (tmp_path / "l.csv").write_text("E_keV,antinu_e\n862,2e9\n", encoding="utf-8")
    (line,) = get_source("lines:table=l.csv", tmp_path).components
    assert (line.name, line.total, line.antineutrinos, line.is_line) == ("antinu_e_862keV", 2e9, True, True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("reactor:power=3GW", "its distance is missing; write reactor:power=3GW,distance=14m"),
        ("reactor:flux=1e13,power=1GW", "power does nothing beside flux"),
        ("reactor:power=3GW,distance=5ly", "expected a number with a unit of m"),
        ("reactor:power=3GW,distance=500m", "distance = 500 m is outside its range, 1 to 100 m"),
        ("cr51:activity=-1MCi,distance=1m", "cr51: activity = -37 PBq is outside its range"),
        ("cr51:distance=1m", "source cr51: its activity is missing; write cr51:activity=100PBq,distance=1m"),
        ("cr51:activity=1MCi", "expected either its distance or its geometry"),
        ("cr51:activity=1MCi,distance=1m,geometry=1", "expected either its distance or its geometry"),
        ("cr51:activity=nan,distance=1m", "expected a number"),
        ("sun:model=mb22", "no model of sun called 'mb22'; known: agss09, gs98"),
        ("sun:survival=constant,delta_m2_21=7e-5", "delta_m2_21 does nothing with survival=constant"),
        ("sun:survival=vacuum,delta_m2_21=7e-5", "delta_m2_21 does nothing with survival=vacuum"),
        ("sun:model=gs98,model=gs98", "model is there twice"),
        ("sun:model", "expected NAME=VALUE with commas between, and none in a path; write sun"),
        ("sum", "no source called 'sum'; did you mean sun?"),
        ("table", "source table: its table is missing; write table:table=FILE.csv"),
        ("table:table=no.csv", "no.csv: cannot be read"),
    ],
)  # fmt: skip
def test_bad_sources(text: str, message: str) -> None:
    with pytest.raises(NuhistError) as caught:
        get_source(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "rows", "message"),
    [
        ("table", "E_keV,nu_e\n100,0\n200,0\n", "has no flux"),
        ("table", "E_keV,nu_x\n100,1\n200,1\n", "column 'nu_x': expected one of E_keV, nu_e"),
        ("table", "E_keV,nu_e\n100,1\n200,-1\n", "column 'nu_e', row 2: -1 is negative"),
        ("table", "E_keV,nu_e\n0,1\n200,1\n", "column 'E_keV', row 1: 0; expected more than 0"),
        ("table", "E_keV,nu_e\n200,1\n100,1\n", "is not above the row before it"),
        ("lines", "E_keV,nu_e\n100,0\n", "has no flux"),
        ("lines", "E_keV,nu_e\n-1,1\n", "column 'E_keV', row 1: -1; expected more than 0"),
        ("lines", "E_keV,nu_y\n100,1\n", "column 'nu_y': expected one of"),
        ("table", "E_keV,nu_e\n100,1\n", "has one row; expected two or more, or the source lines"),
        ("reactor", "E_keV,per_fission_keV\n100,0\n200,0\n", "has no flux"),
        ("reactor", "E_keV,per_fission_keV\n100,1\n", "has no flux; expected two rows, or more"),
        (
            "reactor",
            "E_keV,per_fission_keV,nu_e\n100,1,1\n200,1,1\n",
            "column 'nu_e': expected one of E_keV, p",
        ),
    ],
)
def test_bad_tables(tmp_path: Path, kind: str, rows: str, message: str) -> None:
    (tmp_path / "t.csv").write_text(rows, encoding="utf-8")
    text = "reactor:flux=1e13,spectrum=t.csv" if kind == "reactor" else f"{kind}:table=t.csv"
    with pytest.raises(NuhistError) as caught:
        get_source(text, tmp_path)
    assert message in str(caught.value)


def test_an_option_that_does_nothing_is_a_wrong_usage() -> None:
    with pytest.raises(OptionError):
        get_source("reactor:flux=1e13,power=1GW")


def test_a_spectrum_of_one_s_own_for_a_reactor(tmp_path: Path) -> None:
    # 6 antineutrinos per fission between 100 and 200 keV.
    (tmp_path / "s.csv").write_text("E_keV,per_fission_keV\n100,0.06\n200,0.06\n", encoding="utf-8")
    source = get_source("reactor:power=3GW,distance=14m,spectrum=s.csv", tmp_path)
    ours = get_source("reactor:power=3GW,distance=14m")
    fissions = ours.group("reactor").components[0].total  # scales with the power
    assert source.group("reactor").total > 0
    per_fission = source.group("reactor").total / 6.0
    # Fissions per cm² are those of the default spectrum: its total over its antineutrinos per fission.
    density = reactor_density()
    edges = np.concatenate([np.linspace(1, 2000, 4001), np.linspace(2000.001, 8000, 4001)])
    every = float(np.trapezoid(density(edges), edges))
    assert per_fission == pytest.approx(ours.group("reactor").total / every, rel=1e-3)
    assert fissions > 0


def test_hypotheses_know_the_target() -> None:
    for hypothesis in HYPOTHESES.values():
        electrons = ELECTRON in hypothesis.processes
        if hypothesis.dependence is Dependence.GENERAL or hypothesis.absorption or not electrons:
            continue
        one, other = (
            recoil_rates(
                hypothesis, "e", np.array([5.0]), get_source("sun").components, RateOptions(target=target)
            )
            for target in (XENON, GERMANIUM)
        )
        # Electrons per gram: 48 in 131.293 against 30 in 72.63 at 5 keV.
        ratio = 30 / 72.63 / (48 / 131.293)
        for power in one:
            np.testing.assert_allclose(other[power], ratio * one[power], rtol=1e-4)
