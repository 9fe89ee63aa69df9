"""Coherent scattering on nuclei, against a quadrature of its own and numbers from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import periodictable
import pytest

import nuhist
from nuhist.errors import ConfigError
from nuhist.experiments.response import quadrature
from nuhist.physics import coherent, sources
from nuhist.physics.form_factors import form_factor
from nuhist.physics.hypotheses import RateOptions, get_hypothesis
from nuhist.physics.recoils import breakpoints, recoil_rates
from nuhist.physics.scattering import cross_section, of_antineutrinos, recoil_range
from nuhist.physics.sources.flux import FluxComponent
from nuhist.physics.sources.registry import get_source
from nuhist.physics.targets.registry import get_target
from nuhist.tables import Array

# By hand, in MeV and fm: CODATA 2022, the low-energy mixing angle of arXiv:2207.05036.
FERMI, ALPHA, SIN2, MEV_FM, UNIT, ELECTRON = (
    1.1663787e-11,
    1 / 137.035999177,
    0.23857,
    197.3269804,
    931.49410372,
    0.51099895,
)
SECONDS, AVOGADRO = 365.25 * 86400, 6.02214076e23
XENON = RateOptions(process="nucleus")


def boron8(total: float) -> FluxComponent:
    (part,) = (part for part in get_source("sun").components if part.name == "8B")
    assert part.density is not None
    return replace(part, total=total, density=part.density * total / part.total)


def above(
    threshold: float, flux: list[FluxComponent], hypothesis: str = "standard-model", power: int = 1
) -> float:
    """Recoils per tonne year above an energy in keV, by nuhist."""
    tested = get_hypothesis(hypothesis)
    points = breakpoints(tested, XENON.target, flux, "nucleus")
    energy, weights = quadrature(np.union1d(points[points > threshold], [threshold]))
    return float(recoil_rates(tested, "effective", energy, flux, XENON)[power] @ weights)


def helm_by_hand(recoil: Array, mass: float, nucleons: int) -> Array:
    """Lewin and Smith 1996, T and M in MeV."""
    q = np.sqrt(2 * mass * recoil) / MEV_FM
    x = q * np.sqrt((1.23 * nucleons ** (1 / 3) - 0.6) ** 2 + 7 / 3 * np.pi**2 * 0.52**2 - 5 * 0.9**2)
    return np.asarray(3 * (np.sin(x) / x**2 - np.cos(x) / x) / x * np.exp(-((0.9 * q) ** 2) / 2))


def by_hand(threshold: float, total: float, section: Callable[..., Array]) -> float:
    """Recoils per tonne year above an energy in keV: Gauss-Legendre in T, and in E between rows."""
    path = Path(sources.__file__).parent / "tables" / "solar_flux_shape_8B.csv"
    table = np.genfromtxt([line for line in path.read_text().splitlines() if line[0] != "#"], delimiter=",")[
        1:
    ]
    rows, shape = table[:, 0], total * table[:, 1] / np.trapezoid(table[:, 1], table[:, 0])
    nodes, weights = np.polynomial.legendre.leggauss(4)
    found, xenon = 0.0, periodictable.Xe
    for number in xenon.isotopes:
        isotope = xenon[number]
        mass = isotope.mass * UNIT - 54 * ELECTRON
        limits = np.linspace(threshold / 1e3, 2 * rows[-1] ** 2 / (mass + 2 * rows[-1]), 50)
        recoil = (limits[:-1, None] + np.diff(limits)[:, None] * (nodes + 1) / 2).ravel()
        width = (np.diff(limits)[:, None] * weights / 2).ravel()
        least = (recoil + np.sqrt(recoil**2 + 2 * mass * recoil)) / 2
        left = np.maximum(rows[:-1], least[:, None])
        right = np.maximum(rows[1:], least[:, None])
        energy = left[..., None] + (right - left)[..., None] * (nodes + 1) / 2
        flux = np.interp(energy, rows, shape)
        values = flux * section(recoil[:, None, None], energy, mass, number)
        inner = np.einsum("tsn,n,ts->t", values, weights / 2, right - left)
        found += isotope.abundance / 100 * float(inner @ width)
    return float(found * AVOGADRO * 1e6 / xenon.mass * SECONDS * 1e-26)  # fm² in cm²


def weak_by_hand(recoil: Array, energy: Array, mass: float, nucleons: int) -> Array:
    charge = 54 * (1 - 4 * SIN2) - (nucleons - 54)
    size = FERMI**2 * mass / (4 * np.pi) * charge**2 * helm_by_hand(recoil, mass, nucleons) ** 2 * MEV_FM**2
    return size * (1 - recoil / energy - mass * recoil / (2 * energy**2))


def moment_by_hand(recoil: Array, energy: Array, mass: float, nucleons: int) -> Array:
    form = helm_by_hand(recoil, mass, nucleons)
    size = np.pi * ALPHA**2 / ELECTRON**2 * (54 * 1e-11 * form) ** 2 * MEV_FM**2
    return size * (1 / recoil - 1 / energy + recoil / (4 * energy**2))


@pytest.mark.parametrize(("threshold", "published"), [(0.5, 301.2), (1.0, 92.0)])
def test_recoils_of_boron_neutrinos(threshold: float, published: float) -> None:
    found = above(threshold, [boron8(5.25e6)])
    # A calculation of others, with the same flux, form factor and mixing angle; theirs rounds its inputs.
    assert found == pytest.approx(published, rel=5e-3)
    # The same formula summed otherwise: both are exact but for rounding and the quadratures, of 1e-7.
    assert found == pytest.approx(by_hand(threshold, 5.25e6, weak_by_hand), rel=1e-5)


def test_a_magnetic_moment_has_the_charge_squared() -> None:
    flux = [boron8(5.25e6)]
    found = above(0.5, flux, "magnetic-moment", 2)
    assert found == pytest.approx(by_hand(0.5, 5.25e6, moment_by_hand), rel=1e-5)


def test_the_release_of_2024_counts_nearly_as_many() -> None:
    # arXiv:2409.17868's recoil spectrum of 8B: 335.6 per tonne year from 0.45 keV. Its flux and form factor
    # are not said, so that a percent is what one can ask for.
    assert above(0.45, [boron8(5.25e6)]) == pytest.approx(335.6, rel=1e-2)


def test_form_factors_agree_for_small_momenta() -> None:
    nucleus = get_target("xenon").nuclei[4]
    energy = np.array([1e-9, 1e-3, 1.0, 5.0])
    helm, sphere, point = (form_factor(name, energy, nucleus) for name in ("helm", "klein-nystrand", "none"))
    assert point.tolist() == [1, 1, 1, 1]
    assert helm[0] == pytest.approx(1, abs=1e-9)
    assert sphere[0] == pytest.approx(1, abs=1e-9)
    # 1 − q² r²/6 with r² = 3/5 R² + 3 s² (Helm) or 3/5 R² + 6 a² (Klein and Nystrand); r is about 4.8 fm.
    momentum = 2 * nucleus.mass * 1e-3 / (MEV_FM * 1e3) ** 2
    radius = (
        3 / 5 * ((1.23 * nucleus.nucleons ** (1 / 3) - 0.6) ** 2 + 7 / 3 * np.pi**2 * 0.52**2 - 5 * 0.81)
        + 3 * 0.81
    )
    assert 1 - helm[1] == pytest.approx(momentum * radius / 6, rel=1e-3)
    assert 1 - sphere[1] == pytest.approx(
        momentum * (0.6 * (1.23 * nucleus.nucleons ** (1 / 3)) ** 2 + 6 * 0.49) / 6, rel=1e-3
    )


def test_neutrinos_and_antineutrinos_are_the_same() -> None:
    nucleus, energy = get_target("xenon").nuclei[0], np.array([0.5, 2.0])
    for coefficients in (
        coherent.standard_model(energy, nucleus, "helm"),
        coherent.magnetic_moment(energy, nucleus, "helm"),
        coherent.scalar(energy, nucleus, "helm", np.full(2, 1e-20)),
    ):
        # Crossing symmetry of a spinless nucleus; only rounding differs.
        crossed = of_antineutrinos(coefficients, energy)
        at = np.full(2, 1e4)
        expected = cross_section(coefficients, energy, at, nucleus.mass)
        np.testing.assert_allclose(cross_section(crossed, energy, at, nucleus.mass), expected, rtol=1e-12)


def test_terms_in_the_recoil_over_the_neutrino_energy() -> None:
    # At 100 GeV and without a form factor, so that T is no small part of E, as it is for real neutrinos.
    nucleus, neutrino = get_target("xenon").nuclei[4], 1e8
    limits = recoil_range(neutrino, 0.0, nucleus.mass)
    assert limits is not None
    recoil = np.array([0.1, 0.5, 0.9]) * limits[1]
    moment, weak = (
        cross_section(function(recoil, nucleus, "none"), recoil, np.full(3, neutrino), nucleus.mass)
        for function in (coherent.magnetic_moment, coherent.standard_model)
    )
    # Vogel and Engel 1989, a spinless nucleus: π α² Z²/m_e² (1 − T/(2 E))²/T, in keV and cm.
    size = np.pi * ALPHA**2 * (54 * MEV_FM / ELECTRON * 1e-13) ** 2
    # CODATA's constants are typed in to ten digits or so.
    np.testing.assert_allclose(moment, size * (1 - recoil / (2 * neutrino)) ** 2 / recoil, rtol=1e-8)
    # Freedman 1974: nothing goes straight back, at the largest T; what is left falls linearly to that.
    charge = 54 * (0.5 - 2 * SIN2) - (nucleus.nucleons - 54) / 2
    size = (FERMI * charge * MEV_FM * 1e-13) ** 2 * nucleus.mass * 1e-6 / np.pi
    np.testing.assert_allclose(weak, size * (1 - recoil / limits[1]), rtol=1e-8)


def test_isotopes_have_their_own_kinematic_limits() -> None:
    nuclei = {nucleus.nucleons: nucleus for nucleus in get_target("xenon").nuclei}
    assert set(nuclei) == {124, 126, 128, 129, 130, 131, 132, 134, 136}
    assert sum(nucleus.number for nucleus in nuclei.values()) == pytest.approx(1, abs=1e-6)
    # 2 E²/(M + 2 E) at 16 MeV, M = 135.907 u − 54 m_e (AME 2020).
    ranges = [recoil_range(1.6e4, 0.0, nuclei[number].mass) for number in (136, 126)]
    heavy, light = (each[1] for each in ranges if each is not None)
    mass = 135.907214 * 931494.10372 - 54 * 510.99895
    assert heavy == pytest.approx(2 * 1.6e4**2 / (mass + 3.2e4), rel=1e-7)
    # Between the limits of the lightest and the heaviest one, the lightest alone recoils.
    line = FluxComponent("line", np.array([1.6e4]), None, 1.0, 0.0, np.array([[1.0], [0.0], [0.0]]))
    between = np.array([light + 1e-3])
    rate = recoil_rates(get_hypothesis("standard-model"), "effective", between, [line], XENON)[1]
    number, least = nuclei[124].number, coherent.standard_model(between, nuclei[124], "helm")
    alone = (
        cross_section(least, between, line.energy, nuclei[124].mass)
        * number
        * get_target("xenon").per_tonne
        * 31557600
    )
    assert rate == pytest.approx(alone, rel=1e-9)


def test_compounds_have_the_nuclei_of_all_their_elements() -> None:
    nuclei = get_target("caesium_iodide").nuclei
    assert {(nucleus.symbol, nucleus.nucleons, nucleus.number) for nucleus in nuclei} == {
        ("Cs", 133, 1.0),
        ("I", 127, 1.0),
    }


def test_flavours_do_not_matter_in_the_standard_model() -> None:
    energy = np.array([0.7, 2.5])
    rates = [
        recoil_rates(
            get_hypothesis("standard-model"), "effective", energy, get_source(source).components, XENON
        )[1]
        for source in ("sun", "sun:survival=constant")
    ]
    np.testing.assert_allclose(rates[0], rates[1], rtol=1e-7)  # of cutting the flux into straight lines


def test_what_a_process_lacks_is_refused() -> None:
    energy = np.array([1.0])
    with pytest.raises(ConfigError, match=r"light-axial-vector.*process nucleus.*process electron"):
        recoil_rates(
            get_hypothesis("light-axial-vector:mass=1keV"), "effective", energy, [boron8(1.0)], XENON
        )


def test_a_folder_with_nuclear_recoils(tmp_path: Path) -> None:
    (tmp_path / "efficiency.csv").write_text("T_keV,value\n0.5,1\n6.0,1\n")
    (tmp_path / "experiment.yaml").write_text(
        "name: nr\ntitle: nuclear recoils\nsources: [none]\nprocess: nucleus\nexposure: 2.0\n"
        "binning: {low: 0.5, high: 6.0, bins: 11}\n"
        "response: {efficiency: {table: efficiency.csv, energy: T_keV, value: value}}\n"
        "default_background: flat\nbackgrounds:\n  flat:\n    response: none\n    flux: split\n"
        "    samples:\n      - {name: flat, events: 10, constraint: 0.1, shape: {flat: true}}\n"
    )
    found = nuhist.spectrum(tmp_path, hypothesis="standard-model", coupling=1.0)
    sun = [part for part in get_source("sun").components if part.name in ("8B", "hep")]
    assert found.added.sum() == pytest.approx(2 * above(0.5, sun), rel=1e-6)
    workspace = nuhist.build(tmp_path, hypothesis="standard-model")
    assert [sample["name"] for sample in workspace.spec["channels"][0]["samples"]] == ["b8", "flat"]
    with pytest.raises(ConfigError, match="light-axial-vector"):
        nuhist.build(tmp_path, hypothesis="light-axial-vector:mass=1keV")


def test_electrons_have_no_place_among_nuclei(tmp_path: Path) -> None:
    text = (
        "name: nr\ntitle: nuclear recoils\nsources: [none]\nprocess: nucleus\nexposure: 2.0\n"
        "binning: {low: 0.5, high: 6.0, bins: 11}\n"
        "response: {efficiency: {table: a.csv, energy: T, value: v}}\n"
        "default_background: flat\nbackgrounds:\n  flat:\n    response: none\n    flux: split\n"
        "    atomic_response: true\n    samples:\n      - {name: flat, events: 10, shape: {flat: true}}\n"
    )
    (tmp_path / "experiment.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"backgrounds\.flat\.atomic_response: is of electrons"):
        nuhist.load_experiment(tmp_path)
