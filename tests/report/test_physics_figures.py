"""Figures of detectors, fluxes, cross sections and limits: drawn numbers and where they come from."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.integrate import trapezoid

import nuhist
from nuhist import Workspace, build, limit, load_experiment
from nuhist.errors import ConfigError
from nuhist.physics.hypotheses import RateOptions
from nuhist.report.detector import detector_response
from nuhist.report.detector_figure import efficiency_figure, response_figure
from nuhist.report.neutrino_figure import cross_section_figure, flux_figure
from nuhist.report.neutrinos import CrossSectionCurve, cross_sections, flux_curves
from nuhist.report.world_limits import published_limits, world_limits
from nuhist.report.world_limits_figure import world_limits_figure
from nuhist.tables import Array

PACKAGE = Path(nuhist.__file__).parent


def axes_of(figure: Any) -> Any:
    """Its axes, without matplotlib's types, which know artists by their base classes only."""
    return figure.axes


def rows(path: Path) -> list[list[str]]:
    """Rows of a table, its comments and its header left out."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return list(csv.reader(lines))[1:]


def numbers(path: Path) -> Array:
    """The first two columns of a table."""
    return np.array([[float(cell) for cell in row[:2]] for row in rows(path)])


def test_the_response_matrix_is_the_table() -> None:
    result = detector_response(load_experiment("lz_ws2022"))
    assert result.kind == "matrix"
    probability = np.array(result.probability)
    table = rows(PACKAGE / "experiments" / "lz_ws2022" / "er_response.csv")
    cells = {round(float(row[0]), 3): [float(cell) for cell in row[1:]] for row in table}
    edges = np.array(result.true_edges)
    for index in (12, 57, 140):
        centre = round((edges[index] + edges[index + 1]) / 2, 3)
        np.testing.assert_allclose(probability[:, index], cells[centre], rtol=1e-12)
    np.testing.assert_allclose(result.efficiency, probability.sum(axis=0))
    mesh = axes_of(response_figure(result))[0].collections[0]
    drawn = np.ma.filled(mesh.get_array(), 0.0).reshape(probability.shape)
    np.testing.assert_allclose(np.nan_to_num(drawn), probability)
    np.testing.assert_allclose(mesh.get_coordinates()[0, :, 0], edges)
    np.testing.assert_allclose(mesh.get_coordinates()[:, 0, 1], result.edges)


def test_a_gaussian_response() -> None:
    from scipy.stats import norm

    experiment = load_experiment("xenonnt_sr0")
    result = detector_response(experiment, "gaussian")
    index = int(np.searchsorted(result.true_edges, 15.0))
    energy = (result.true_edges[index] + result.true_edges[index + 1]) / 2
    terms = experiment.response["resolution"]
    sigma = terms.get("sqrt", 0.0) * energy**0.5 + terms.get("linear", 0.0) * energy
    within = np.diff(norm.cdf(result.edges, energy, sigma))
    # The efficiency of reconstructed energy is flat to a few per mille around 15 keV.
    ratio = np.array(result.probability)[:, index][within > 0.01] / within[within > 0.01]
    table = numbers(experiment.folder / "er_efficiency.csv")
    assert ratio == pytest.approx(np.interp(energy, *table.T), rel=5e-3)


def test_an_efficiency_without_resolution_is_the_published_one() -> None:
    experiment = load_experiment("lz_ws2024")
    result = detector_response(experiment, "none")
    table = numbers(experiment.folder / "er_efficiency.csv")
    centres = (np.array(result.true_edges[:-1]) + result.true_edges[1:]) / 2
    inside = (centres > result.edges[0] + 1e-6) & (centres < result.edges[-1] - 1e-6)
    outside = (centres < result.edges[0] - 1e-6) | (centres > result.edges[-1] + 1e-6)
    np.testing.assert_allclose(np.array(result.efficiency)[inside], np.interp(centres[inside], *table.T))
    assert not np.array(result.efficiency)[outside].any()
    other = detector_response(load_experiment("xenonnt_sr0"))
    axes = axes_of(efficiency_figure([result, other]))[0]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), result.efficiency)
    np.testing.assert_allclose(axes.lines[0].get_xdata(), centres)
    np.testing.assert_allclose(axes.lines[1].get_ydata(), other.efficiency)
    assert axes.get_xlim()[1] == other.true_edges[-1]


def test_an_experiment_without_a_matrix() -> None:
    with pytest.raises(ConfigError, match="has no response matrix; use response='gaussian' or 'none'"):
        detector_response(load_experiment("xenonnt_sr0"), "matrix")
    with pytest.raises(ConfigError, match="no response called 'sharp'"):
        detector_response(load_experiment("xenonnt_sr0"), "sharp")  # type: ignore[arg-type]


def test_fluxes_are_the_solar_models() -> None:
    curves = {curve.component: curve for curve in flux_curves()}
    # Vinyoles et al., arXiv:1611.09867, solar model GS98: pp 5.98 (1 ± 0.006), ⁷Be 4.93 (1 ± 0.06), ...
    published = {"pp": 5.98e10, "pep": 1.44e8, "hep": 7.98e3, "8B": 5.46e6, "13N": 2.78e8, "15O": 2.05e8,
                 "17F": 5.29e6}  # fmt: skip
    assert {name: curves[name].total for name in published} == pytest.approx(published)
    lines = curves["7Be_384keV"].total + curves["7Be_861keV"].total
    assert lines == pytest.approx(4.93e9, rel=1e-3)
    assert curves["pp"].uncertainty == 0.006
    for curve in curves.values():
        if curve.densities is not None:
            area = float(trapezoid(curve.densities, curve.energies))
            assert area == pytest.approx(curve.total, rel=1e-9)
    axes = axes_of(flux_figure(tuple(curves.values())))[0]
    drawn = {line.get_label().split(":")[0]: line for line in axes.lines}
    np.testing.assert_allclose(drawn["pp"].get_ydata(), np.array(curves["pp"].densities))
    np.testing.assert_allclose(drawn["pp"].get_xdata(), curves["pp"].energies)
    # A line ends at its flux.
    assert max(drawn["$^7$Be 861 keV"].get_ydata()) == curves["7Be_861keV"].total
    assert len(axes.lines) == len(curves) == 9


def curve_of(curves: tuple[CrossSectionCurve, ...], name: str) -> CrossSectionCurve:
    """By hypothesis."""
    return next(curve for curve in curves if curve.hypothesis == name)


def at(curve: CrossSectionCurve, energy: float) -> float:
    """The value at the nearest recoil energy, on a grid whose steps are below 2 %."""
    return float(np.interp(energy, curve.energies, curve.values))


ELECTRON_RADIUS = 2.8179403e-13  # cm, CODATA: π α²/m_e² is π r_e²


def test_a_magnetic_moments_cross_section() -> None:
    result = cross_sections(neutrino_energy=300.0, couplings={"magnetic-moment": 2e-11})
    curve = curve_of(result.curves, "magnetic-moment")
    for recoil, charge in ((10.0, 52), (4.0, 44), (0.3, 26)):  # Table II of the paper
        expected = np.pi * ELECTRON_RADIUS**2 * (1 / recoil - 1 / 300) * charge * 4e-22
        assert at(curve, recoil) == pytest.approx(expected, rel=1e-3)
    # Above 2E²/(m_e + 2E) = 162 keV a neutrino of 300 keV gives nothing.
    beyond = np.array(curve.energies) > 162.1
    assert not np.array(curve.values)[beyond].any()
    assert at(curve, 160.0) > 0


def test_the_average_over_the_flux() -> None:
    result = cross_sections()
    total = weighted = 0.0
    for part in flux_curves():
        energies, recoil = np.array(part.energies), 10.0
        lowest = (recoil + np.sqrt(recoil**2 + 2 * 510.999 * recoil)) / 2
        each = np.where(energies > lowest, 1 / recoil - 1 / energies, 0.0)
        total += part.total
        densities = part.densities
        weighted += (
            part.total * each[0] if densities is None else float(np.trapezoid(densities * each, energies))
        )
    expected = np.pi * ELECTRON_RADIUS**2 * 52 * 1e-22 * weighted / total
    # The trapezoids take a part of the segment in which the kinematic limit lies too much or too little.
    assert at(curve_of(result.curves, "magnetic-moment"), 10.0) == pytest.approx(expected, rel=2e-3)


def test_electromagnetic_properties_are_drawn_with_the_standard_model_first() -> None:
    result = cross_sections(flavor="e", neutrino_energy=300.0)
    names = [curve.hypothesis for curve in result.curves]
    assert names[0] == "standard-model"
    assert len(names) == len(set(names)) == 7
    # Others come to them where they are named.
    more = cross_sections(
        flavor="e", neutrino_energy=300.0, couplings={"nsi-left": 0.5, "magnetic-moment": 1e-12}
    )
    assert [curve.hypothesis for curve in more.curves] == [*names, "nsi-left"]
    assert curve_of(more.curves, "nsi-left").value == 0.5
    # Which flavour has the coupling does not matter to the Standard Model.
    same = cross_sections(flavor="tau", neutrino_energy=300.0)
    assert result.curves[0].values == same.curves[0].values
    assert curve_of(result.curves, "millicharge-fea").coupling == "q_nue"
    axes = axes_of(cross_section_figure(result))[0]
    charge = curve_of(result.curves, "millicharge-fea")
    values = np.array(charge.values)
    assert (values < 0).any()  # a positive charge of ν_e interferes destructively
    taken = next(line for line in axes.lines if line.get_linestyle() == "--")
    np.testing.assert_allclose(np.nan_to_num(taken.get_ydata()), np.where(values < 0, -values, 0.0))
    given = next(line for line in axes.lines if line.get_label().startswith("millicharge-fea"))
    np.testing.assert_allclose(np.nan_to_num(given.get_ydata()), np.where(values > 0, values, 0.0))
    assert axes.get_ylabel().endswith("per atom of xenon [cm$^2$/keV]")


def test_rrpa_lowers_the_standard_model() -> None:
    rrpa = cross_sections(options=RateOptions(atomic="rrpa")).curves[0]
    step = cross_sections().curves[0]
    assert 0.6 < at(rrpa, 3.0) / at(step, 3.0) < 1.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"neutrino_energy": 0.0}, "neutrino energy 0 keV: must be positive"),
        ({"couplings": {"magnetic": 1.0}}, "no hypothesis called 'magnetic'"),
        ({"couplings": {"standard-model": 2.0}}, "is drawn at strength 1"),
        ({"flavor": "x"}, "no flavor called 'x'"),
        ({"couplings": {"magnetic-moment": float("nan")}}, "expected a number"),
    ],
)
def test_bad_cross_sections(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        cross_sections(**arguments)


def test_published_limits_are_the_papers() -> None:
    limits = {(entry.quantity, entry.flavor, entry.source): entry for entry in published_limits()}
    # The other table of the package, typed in for another purpose.
    table = [
        row
        for row in rows(PACKAGE / "report" / "tables" / "arxiv_2207_05036.csv")
        if row[0].startswith("Table I")
    ]
    checked = 0
    for where, hypothesis, flavor, _, end, value in table:
        quantity, unit = ("mu_nu", 1e-11) if hypothesis == "magnetic-moment" else ("q_nu", 1e-13)
        found = [
            entry
            for entry in published_limits()
            if (entry.quantity, entry.flavor, entry.source) == (quantity, flavor, "arXiv:2207.05036 Table I")
            and (quantity == "mu_nu" or hypothesis.removeprefix("millicharge-").upper() in entry.experiment)
        ]
        if where.startswith("Table I") and end in ("lower", "upper"):
            (entry,) = found
            assert getattr(entry, end) == pytest.approx(float(value) * unit)
            checked += 1
    assert checked == 4 + 8 + 8
    # Sec. VI of the paper, and the abstracts of the sources.
    assert limits["mu_nu", "effective", "arXiv:2207.11330"].upper == 6.4e-12
    assert limits["mu_nu", "effective", "arXiv:1707.09355"].upper == 2.8e-11
    assert limits["q_nu", "e", "arXiv:1405.7168"].upper == 1.0e-12
    assert all(entry.source and not entry.ours for entry in limits.values())


@pytest.fixture(scope="module")
def ours() -> tuple[Workspace, Workspace]:
    """One of each quantity."""
    return (
        build("lz_ws2022", hypothesis="magnetic-moment", flavor="e", background="paper"),
        build("lz_ws2022", hypothesis="millicharge-fea", background="paper"),
    )


def test_our_limits_among_the_worlds(ours: tuple[Workspace, Workspace]) -> None:
    result = world_limits(ours, ["moment", "charge"])
    moment, charge = result.limits[-2:]
    interval = limit(ours[1])
    assert interval.lower is not None
    assert (charge.lower, charge.upper) == (interval.lower, interval.upper)
    assert charge.modulus == max(-interval.lower, interval.upper or 0.0)
    assert (moment.quantity, moment.flavor, moment.lower) == ("mu_nu", "e", None)
    assert moment.upper == limit(ours[0]).upper
    assert moment.ours
    assert ours[0].digest[:12] in moment.source
    panels = axes_of(world_limits_figure(result))
    for axes, quantity in zip(panels, ("mu_nu", "q_nu"), strict=True):
        drawn = sorted(float(line.get_xdata()[0]) for line in axes.lines)
        assert drawn == sorted(entry.modulus for entry in result.limits if entry.quantity == quantity)
    assert panels[0].lines[-1].get_marker() == "o"  # ν_e, as in Fig. 5
    assert panels[0].get_yticklabels()[-1].get_text().startswith("moment\nnuhist, profile")


def test_limits_that_do_not_belong(ours: tuple[Workspace, Workspace]) -> None:
    with pytest.raises(ConfigError, match="1 labels for 2 workspaces"):
        world_limits(ours, ["one"])
    radius = build("lz_ws2022", hypothesis="charge-radius", background="paper")
    with pytest.raises(ConfigError, match=r"radius: its coupling is r2_nu in cm\^2; the table has mu_nu"):
        world_limits([radius], ["radius"])


def test_efficiencies_say_what_recoils() -> None:
    def drawn(*names: str) -> tuple[str, list[str]]:
        axes = nuhist.plot("efficiency", list(names)).axes[0]
        legend = axes.get_legend() or axes.figure.legends[0]
        return axes.get_xlabel(), [text.get_text() for text in legend.get_texts()]

    label, _ = drawn("xenonnt_cevns_sr0")
    assert label == "true nuclear recoil energy [keV]"
    label, names = drawn("xenonnt_cevns_sr0", "lz_ws2022")
    assert label == "true recoil energy [keV]"
    assert ["nuclear recoils, " in names[0], "electron recoils, " in names[1]] == [True, True]
    assert drawn("lz_ws2022")[1] == ["lz_ws2022 (simulated matrix)"]
