"""Figures of fits: what is drawn is the result, and the result is what theory, pyhf or cabinetry give."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from typing import Any

import numpy as np
import pyhf
import pytest

from nuhist import Workspace, build, build_patchset, fit, limit, ranking
from nuhist.errors import ConfigError, FitError
from nuhist.histfactory.interest import coupling_scale
from nuhist.inference.cabinetry_objects import to_fit_results
from nuhist.inference.spectrum import FittedSpectrum, fitted_spectra, fitted_spectrum
from nuhist.report.cls_curve import cls_curve
from nuhist.report.cls_figure import cls_figure
from nuhist.report.correlation_figure import correlated_parameters, correlation_figure, correlation_table
from nuhist.report.figures import SIGNAL_COLOUR
from nuhist.report.profile_figure import profile_figure
from nuhist.report.profiles import profile_lines
from nuhist.report.pulls import Pull, Pulls, pulls
from nuhist.report.pulls_figure import pulls_figure
from nuhist.report.ranking_figure import ranking_figure
from nuhist.report.spectrum_figure import spectrum_figure

# Two bins: the first without signal, the second with. The background's norm has an uncertainty.
B1, B2, SIGNAL, SIGMA = 100.0, 50.0, 20.0, 0.1
N1, N2 = 112.0, 71.0


def counting() -> Workspace:
    """The two bins; their fit has a closed form, see :func:`theta`."""
    background = {
        "name": "background",
        "data": [B1, B2],
        "modifiers": [
            {
                "name": "norm",
                "type": "histosys",
                "data": {
                    "hi_data": [B1 * (1 + SIGMA), B2 * (1 + SIGMA)],
                    "lo_data": [B1 * (1 - SIGMA), B2 * (1 - SIGMA)],
                },
            }
        ],
    }
    signal = {
        "name": "signal",
        "data": [0.0, SIGNAL],
        "modifiers": [{"name": "strength", "type": "normfactor", "data": None}],
    }
    return Workspace(
        {
            "channels": [{"name": "bins", "samples": [background, signal]}],
            "observations": [{"name": "bins", "data": [N1, N2]}],
            "measurements": [{"name": "m", "config": {"poi": "strength", "parameters": []}}],
            "version": "1.0.0",
        },
        origin="counting.json",
    )


def theta() -> float:
    """Fitted norm: the second bin fits exactly, so b σ (1 − n/(b (1 + σ θ))) + θ = 0 of the first."""
    quadratic, linear, constant = SIGMA, 1 + B1 * SIGMA**2, SIGMA * (B1 - N1)
    return (-linear + sqrt(linear**2 - 4 * quadratic * constant)) / (2 * quadratic)


def theta_error() -> float:
    """From the second derivative of −ln L along the norm, strength profiled: the first bin and θ²/2."""
    return 1 / sqrt(1 + N1 * SIGMA**2 / (1 + SIGMA * theta()) ** 2)


@pytest.fixture(scope="module")
def moment() -> Workspace:
    """LZ with all its components."""
    return build("lz_ws2022", hypothesis="magnetic-moment")


@pytest.fixture(scope="module")
def charge() -> Workspace:
    """A signed coupling."""
    return build("lz_ws2022", hypothesis="millicharge-fea", background="paper")


@pytest.fixture(scope="module")
def fitted(moment: Workspace) -> FittedSpectrum:
    """Of LZ."""
    return fitted_spectrum(moment)


def stock_model(workspace: Workspace) -> tuple[Any, Any]:
    """pyhf's own model and data."""
    document = pyhf.Workspace(dict(workspace.spec))
    model = document.model()
    return model, document.data(model)


def axes_of(figure: Any) -> Any:
    """Its axes, without matplotlib's types, which know artists by their base classes only."""
    return figure.axes


def stairs(axes: Any) -> Iterator[Any]:
    """What ``stairs`` has drawn, in order."""
    from matplotlib.patches import StepPatch

    return (patch for patch in axes.patches if isinstance(patch, StepPatch))


def test_the_spectrum_is_pyhfs(moment: Workspace, fitted: FittedSpectrum) -> None:
    model, data = stock_model(moment)
    best = pyhf.infer.mle.fit(data, model)
    # SLSQP of pyhf stops within 1e-3 of a standard deviation of ours.
    np.testing.assert_allclose(fitted.total, model.expected_actualdata(best), rtol=2e-3, atol=1e-3)
    np.testing.assert_allclose(fitted.observed, data[: len(fitted.observed)])
    before = fitted_spectrum(moment, prefit=True)
    np.testing.assert_allclose(
        before.total, model.expected_actualdata(model.config.suggested_init()), rtol=1e-12
    )
    assert before.stage == "before the fit"


@pytest.mark.parametrize("prefit", [True, False])
def test_the_band_is_cabinetrys(prefit: bool) -> None:
    from cabinetry import model_utils

    # The Standard Model's strength is fitted away from its bounds, so that both have covariances.
    workspace = build("lz_ws2022", hypothesis="standard-model", background="paper")
    model, _ = stock_model(workspace)
    result = None if prefit else to_fit_results(fit(workspace))
    theirs = model_utils.prediction(model, fit_results=result).total_stdev_model_bins[0][-1]
    ours = np.array(fitted_spectrum(workspace, prefit=prefit).uncertainty)
    total = np.array(fitted_spectrum(workspace, prefit=prefit).total)
    # cabinetry takes half the difference at ± 1σ, nuhist the derivative; before the fit cabinetry gives
    # free parameters no uncertainty either. A normsys of 13 % bends by some per cent.
    np.testing.assert_allclose(ours, theirs, rtol=0.03, atol=1e-3 * total.max())
    assert ours.max() > 0.01 * total.max()


def test_prefit_at_a_coupling(moment: Workspace) -> None:
    model, _ = stock_model(moment)
    parameters = np.array(model.config.suggested_init())
    parameters[model.config.poi_index] = 4.0  # (2e-11 μ_B / 1e-11 μ_B)²
    shown = fitted_spectrum(moment, coupling=2e-11, prefit=True)
    np.testing.assert_allclose(shown.total, model.expected_actualdata(parameters), rtol=1e-12)
    assert shown.value == pytest.approx(2e-11, rel=1e-12)


def test_the_drawn_spectrum_is_the_result(fitted: FittedSpectrum) -> None:
    figure = spectrum_figure(fitted)
    top, bottom = axes_of(figure.subfigs[0])
    drawn = list(stairs(top))
    tops = [np.array(patch.get_data().values) for patch in drawn]
    stacked = np.cumsum([entry.events for entry in fitted.components], axis=0)
    for index, values in enumerate(stacked):
        np.testing.assert_allclose(tops[index], values, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(drawn[index].get_data().edges, fitted.edges)
    band, total = drawn[len(stacked)].get_data(), tops[len(stacked) + 1]
    np.testing.assert_allclose(total, fitted.total)
    np.testing.assert_allclose((band.values - np.array(band.baseline)) / 2, fitted.uncertainty, rtol=1e-9)
    points = top.containers[0].lines[0]
    np.testing.assert_allclose(points.get_ydata(), fitted.observed)
    low, high = np.array(fitted.edges[:-1]), np.array(fitted.edges[1:])
    np.testing.assert_allclose(points.get_xdata(), (low + high) / 2)
    observed, expected = np.array(fitted.observed), np.array(fitted.total)
    some = expected > 0
    width = np.sqrt(expected + np.array(fitted.uncertainty) ** 2)[some]
    drawn_residuals = np.array(bottom.lines[-1].get_ydata())[some]
    np.testing.assert_allclose(drawn_residuals, (observed - expected)[some] / width, rtol=1e-12)
    assert bottom.get_xlabel() == "reconstructed energy [keVee]"
    assert top.get_ylabel() == "events / 0.333 keV"
    signal = drawn[len(fitted.components) - 1]
    assert signal.get_facecolor()[:3] == pytest.approx(_rgb(SIGNAL_COLOUR))


def _rgb(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))


def test_a_destructive_interference_is_a_line_below_zero(charge: Workspace) -> None:
    result = fitted_spectrum(charge, coupling=3e-13)  # takes electron neutrinos away at high energy
    (added,) = [entry for entry in result.components if entry.signal]
    assert min(added.events) < -0.01
    top = axes_of(spectrum_figure(result).subfigs[0])[0]
    assert top.get_ylim()[0] < min(added.events)
    line = next(patch for patch in stairs(top) if np.allclose(patch.get_data().values, added.events))
    assert not line.get_fill()


def test_all_channels_come_from_one_fit() -> None:
    spec = counting().spec
    for name, events in (("second", 60.0), ("third", 75.0)):
        spec["channels"].append({**spec["channels"][0], "name": name})
        spec["observations"].append({"name": name, "data": [105.0, events]})
    joint = Workspace(spec)
    spectra = fitted_spectra(joint)
    assert [entry.channel for entry in spectra] == ["bins", "second", "third"]
    assert fitted_spectra(joint, channels=["third"]) == spectra[2:]
    assert len({entry.value for entry in spectra}) == 1
    model, data = stock_model(joint)
    expected = model.expected_actualdata(pyhf.infer.mle.fit(data, model))
    np.testing.assert_allclose(np.concatenate([entry.total for entry in spectra]), expected, rtol=1e-3)
    panels = spectrum_figure(*spectra).subfigs
    assert [panel.axes[0].get_title(loc="left").split("\n")[0] for panel in panels[:3]] == [
        "bins", "second", "third"
    ]  # fmt: skip
    assert panels[0].axes[1].get_xlabel() == "bin number (no energies known)"
    nuclei = build("xenonnt_cevns_sr0", hypothesis="standard-model")
    label = spectrum_figure(*fitted_spectra(nuclei)).axes[1].get_xlabel()
    assert label == "bin of cS2 [PE], quantile of S2pre/dt, S1 BDT score, S2 BDT score"
    observed = [row[4] for each in spectra for row in each.table().rows if row[3] == "observed"]
    assert observed == [N1, N2, 105.0, 60.0, 105.0, 75.0]
    with pytest.raises(ConfigError, match="no channel 'x'; it has bins, second, third"):
        fitted_spectra(joint, channels=["x"])


def test_samples_whose_names_have_commas_stay_apart() -> None:
    spec = counting().spec
    spec["channels"][0]["samples"][0]["name"] = "a, b"
    spec["channels"][0]["samples"][1]["name"] = "a, c"
    titles = [entry.title for entry in fitted_spectrum(Workspace(spec)).components]
    assert sorted(titles) == ["a, b", "a, c"]


def test_the_drawn_curve_and_its_levels() -> None:
    from scipy.stats import chi2

    workspace = counting()
    (line,) = profile_lines([workspace], ["a curve"])
    axes = axes_of(profile_figure([line]))[0]
    curve, *levels = axes.lines
    np.testing.assert_allclose(curve.get_xdata(), line.values)  # of order 1: no power taken out
    np.testing.assert_allclose(curve.get_ydata(), line.delta_chi2)
    assert [level.get_ydata()[0] for level in levels] == pytest.approx([1, chi2.ppf(0.90, 1), 4], abs=5e-5)
    model, data = stock_model(workspace)
    middle = line.values[40]
    _, fixed = pyhf.infer.mle.fixed_poi_fit(middle, data, model, return_fitted_val=True)
    _, free = pyhf.infer.mle.fit(data, model, return_fitted_val=True)
    assert line.delta_chi2[40] == pytest.approx(float(fixed - free), abs=2e-3)


def test_a_magnetic_moments_axis_has_its_unit(moment: Workspace) -> None:
    (line,) = profile_lines([moment], ["LZ"])
    axes = axes_of(profile_figure([line]))[0]
    assert axes.get_xlabel() == r"$\mu_{\nu}$ [$\mathrm{10^{-11}}$ $\mu_\mathrm{B}$]"
    np.testing.assert_allclose(axes.lines[0].get_xdata(), np.array(line.values) / 1e-11)


def test_cls_is_pyhfs() -> None:
    workspace = counting()
    curve = cls_curve(workspace, confidence_level=0.95)
    model, data = stock_model(workspace)
    for index in (15, 40):
        observed, band = pyhf.infer.hypotest(
            curve.parameter_values[index], data, model, test_stat="qtilde", return_expected_set=True
        )
        # pyhf's fits end within some 1e-4 of a minimum in 2NLL.
        assert curve.observed[index] == pytest.approx(float(observed), rel=2e-3)
        ours = [curve.expected[sigma][index] for sigma in ("-2", "-1", "0", "+1", "+2")]
        assert ours == pytest.approx([float(value) for value in band], rel=2e-3)
    interval = limit(workspace, method="cls", confidence_level=0.95, expected=True)
    assert curve.upper == interval.upper
    assert curve.expected_upper == interval.expected
    # The curve falls from 1 and goes beyond every limit.
    assert curve.observed[0] == 1
    assert curve.values[-1] > max(value for value in curve.expected_upper.values() if value is not None)


def test_the_drawn_cls() -> None:
    curve = cls_curve(counting())
    axes = axes_of(cls_figure(curve))[0]
    expected, observed, level, *limits = axes.lines
    np.testing.assert_allclose(expected.get_ydata(), curve.expected["0"])
    np.testing.assert_allclose(observed.get_ydata(), curve.observed)
    assert level.get_ydata()[0] == pytest.approx(0.10)
    assert [entry.get_xdata()[0] for entry in limits] == [curve.upper, curve.expected_upper["0"]]
    outer, inner = (collection.get_paths()[0].get_extents() for collection in axes.collections)
    assert outer.y1 >= inner.y1
    for collection, low, high in zip(axes.collections, ("-2", "-1"), ("+2", "+1"), strict=True):
        corners = collection.get_paths()[0].vertices
        for sigma in (low, high):
            at = np.array([curve.values[30], curve.expected[sigma][30]])
            assert np.min(np.abs(corners - at).sum(axis=1)) < 1e-12
    assert axes.get_ylim()[0] == 0


def test_cls_of_what_has_none(charge: Workspace) -> None:
    with pytest.raises(FitError, match="is signed"):
        cls_curve(charge)
    grid = build_patchset(
        "lz_ws2022", couplings=[-1e-13, 0.0, 1e-13], hypothesis="millicharge-epa", background="paper"
    )
    with pytest.raises(ConfigError, match="CLs needs a workspace"):
        cls_curve(grid)
    with pytest.raises(ConfigError, match="must lie between 0 and 1"):
        cls_curve(counting(), confidence_level=90)


def test_pulls_have_a_closed_form() -> None:
    result = pulls(counting())
    (norm,) = result.pulls
    # Minuit's HESSE and our fits are good to some 1e-4 of an error.
    assert norm.pull == pytest.approx(theta(), abs=1e-3)
    assert norm.pull_error == pytest.approx(theta_error(), rel=1e-3)
    assert (norm.parameter, norm.centre, norm.width) == ("norm", 0.0, 1.0)
    (bars,) = axes_of(pulls_figure(result))[0].containers
    assert bars.lines[0].get_xdata()[0] == norm.pull
    assert norm.pull_error is not None
    ends = bars.lines[2][0].get_segments()[0][:, 0]
    np.testing.assert_allclose(ends, [norm.pull - norm.pull_error, norm.pull + norm.pull_error])


def test_pulls_of_poisson_and_gaussian_gammas() -> None:
    # shapesys: τ = (100/10)² = 100 events aside, so a relative width of 1/√100; staterror: 5/100.
    spec = {
        "channels": [
            {
                "name": "c",
                "samples": [
                    {
                        "name": "b",
                        "data": [100.0],
                        "modifiers": [
                            {"name": "poisson", "type": "shapesys", "data": [10.0]},
                            {"name": "gauss", "type": "staterror", "data": [5.0]},
                        ],
                    }
                ],
            }
        ],
        "observations": [{"name": "c", "data": [110.0]}],
        "measurements": [{"name": "m", "config": {"poi": "", "parameters": []}}],
        "version": "1.0.0",
    }
    found = {entry.parameter: entry for entry in pulls(Workspace(spec)).pulls}
    assert {name: entry.width for name, entry in found.items()} == pytest.approx(
        {"poisson[0]": 0.1, "gauss[0]": 0.05}
    )
    assert all(entry.centre == pytest.approx(1.0) for entry in found.values())
    assert 0 < found["gauss[0]"].pull < found["poisson[0]"].pull < 1


def test_a_parameter_of_interest_is_not_pulled_by_its_construction(charge: Workspace) -> None:
    assert "q_nu_scaled" not in {entry.parameter for entry in pulls(charge).pulls}


def test_most_pulls_are_the_largest() -> None:
    values = [0.1, -3.0, 0.2, 2.0]
    entries = [Pull(f"p{i}", None, value, 1.0, 0.0, 1.0, value, 1.0) for i, value in enumerate(values)]
    many = Pulls(tuple(entries), (), "observed", "", "")
    axes = axes_of(pulls_figure(many, most=2))[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["p1", "p3"]
    assert axes.get_title(loc="left") == "the 2 largest of 4"
    assert axes.get_xlim()[0] < -4  # the error bar too


def test_impacts_have_a_closed_form() -> None:
    workspace = counting()
    result = ranking(workspace)
    (norm,) = result.impacts
    # Held off by one error, the second bin still fits exactly: strength = (n2 − b2 (1 + σ θ)) / s.
    shift = -B2 * SIGMA * theta_error() / SIGNAL
    assert (norm.impact_up, norm.impact_down) == pytest.approx((shift, -shift), rel=2e-3)
    impacts, points = axes_of(ranking_figure(result, coupling_scale(workspace, "strength")))
    assert [bar.get_width() for bar in impacts.patches] == [norm.impact_up, norm.impact_down]
    assert points.containers[0].lines[0].get_xdata()[0] == norm.pull
    assert impacts.get_xlabel() == "shift of strength"


def test_impacts_in_physical_units(moment: Workspace, charge: Workspace) -> None:
    result = ranking(moment)
    axes = axes_of(ranking_figure(result, coupling_scale(moment, result.parameter)))[0]
    # The parameter is (μ/1e-11 μ_B)², its shift some 0.9: 9e-23 μ_B².
    assert axes.get_xlabel() == r"shift of $\mu_{\nu}$$^2$ [$\mathrm{10^{-23}}$ $\mu_\mathrm{B}$$^2$]"
    assert axes.patches[0].get_width() == pytest.approx(10 * result.impacts[0].impact_up)
    signed = ranking(charge)
    axes = axes_of(ranking_figure(signed, coupling_scale(charge, "q_nu_scaled")))[0]
    assert axes.get_xlabel() == r"shift of $q_{\nu}$ [$\mathrm{10^{-13}}$ $e_0$]"
    # The parameter is q over 1e-13 e_0 and over its scale of 1e4.
    assert axes.patches[0].get_width() == pytest.approx(1e4 * signed.impacts[0].impact_up)


def test_correlations_have_a_closed_form() -> None:
    result = fit(counting())
    names, matrix = correlated_parameters(result)
    # Fisher's matrix of (strength, norm): the second bin is fitted exactly.
    lambda1 = B1 * (1 + SIGMA * theta())
    weight = N1 / lambda1**2 * (B1 * SIGMA) ** 2 + 1 + (B2 * SIGMA) ** 2 / N2
    information = np.array([[SIGNAL**2 / N2, SIGNAL * B2 * SIGMA / N2], [SIGNAL * B2 * SIGMA / N2, weight]])
    covariance = np.linalg.inv(information)
    expected = covariance[0, 1] / sqrt(covariance[0, 0] * covariance[1, 1])
    assert set(names) == {"strength", "norm"}
    assert matrix[0, 1] == pytest.approx(expected, abs=1e-3)
    axes = axes_of(correlation_figure(result))[0]
    np.testing.assert_array_equal(axes.images[0].get_array(), matrix)
    assert {text.get_text() for text in axes.texts} == {"1.00", f"{expected:.2f}".replace("-", "−")}
    table = correlation_table(result)
    assert table.header == ("parameter", *(entry.name for entry in result.parameters))


def test_most_correlations_are_the_largest(moment: Workspace) -> None:
    result = fit(moment)
    names, matrix = correlated_parameters(result, most=3)
    everything = np.abs(np.array(result.correlations) - np.eye(len(result.parameters)))
    strongest = np.unravel_index(np.argmax(everything), everything.shape)
    assert {result.parameters[int(index)].name for index in strongest} <= set(names)
    assert matrix.shape == (3, 3)
    title = axes_of(correlation_figure(result, most=3))[0].get_title(loc="left")
    assert title.startswith("the 3 most correlated of ")
