"""Lines of a signal over the stack of a spectrum, and panels of several channels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nuhist
from nuhist import Model, Workspace
from nuhist.errors import ConfigError, FitError, OptionError
from nuhist.inference.spectrum import fitted_spectra, fitted_spectrum
from nuhist.report.page_chart import make_chart
from nuhist.report.signal_choice import signal_values
from nuhist.report.spectrum_figure import draw_spectrum, spectrum_figure

SIGNAL, BACKGROUND, SEEN = np.array([3.0, 1.0]), np.array([9.0, 4.0]), [14.0, 5.0]


def counting(*channels: str, poi: str = "mu") -> Workspace:
    """Two bins in each channel; the background is exact, the signal free."""
    strength = {"name": "mu", "type": "normfactor", "data": None}
    samples = [
        {"name": "signal", "data": SIGNAL.tolist(), "modifiers": [strength]},
        {"name": "background", "data": BACKGROUND.tolist(), "modifiers": []},
    ]
    return Workspace(
        {
            "channels": [{"name": name, "samples": samples} for name in channels],
            "observations": [{"name": name, "data": SEEN} for name in channels],
            "measurements": [{"name": "m", "config": {"poi": poi, "parameters": []}}],
            "version": "1.0.0",
        }
    )


def lines(figure: Any) -> list[Any]:
    """Steps that are no area, in order: the total, then the signals; as their heights."""
    from matplotlib.patches import StepPatch

    found = [each for each in figure.axes[0].patches if isinstance(each, StepPatch) and not each.get_fill()]
    return [each.get_data()[0] for each in found]  # a named tuple of values, edges and baseline


def test_a_line_is_the_sum_with_another_coupling() -> None:
    (line,) = fitted_spectrum(counting("one"), signals={"twice": 2.0}).signals
    np.testing.assert_allclose(line.events, BACKGROUND + 2 * SIGNAL)  # by hand
    assert (line.title, line.value) == ("twice", 2.0)
    assert line.added == pytest.approx(2 * SIGNAL.sum())


def test_other_parameters_stay_where_the_fit_has_them() -> None:
    workspace = nuhist.build("lz_ws2022", hypothesis="magnetic-moment", background="paper")
    shown = fitted_spectrum(workspace, signals={"x": 2e-11})
    # 3 is what one event counts there; the moment's power is two, so events go with its square.
    (signal,) = (each for each in shown.components if each.signal)
    by_hand = np.array(shown.total) + np.array(signal.events) * ((2e-11 / (shown.value or 1)) ** 2 - 1)
    np.testing.assert_allclose(shown.signals[0].events, by_hand, rtol=1e-9)


def test_the_limit_is_drawn_by_default() -> None:
    model = Model(counting("one"))
    upper = nuhist.limit(model).upper
    assert upper is not None
    drawn = draw_spectrum(model)
    total, at_limit = lines(drawn.figure)
    np.testing.assert_allclose(at_limit, BACKGROUND + upper * SIGNAL)
    assert np.all(at_limit > total)
    (line,) = drawn.numbers["signals"]
    assert line["title"] == "upper limit, 90 % CL"
    assert line["value"] == pytest.approx(upper)
    texts = [text.get_text() for text in drawn.figure.subfigs[0].legends[0].get_texts()]
    assert any("upper limit, 90 % CL" in text and f"{upper * SIGNAL.sum():+.1f}" in text for text in texts)
    assert drawn.figure.axes[0].get_ylim()[1] > at_limit.max()  # it is seen
    components = {row[3] for row in drawn.table.rows}
    assert "expected, upper limit, 90 % CL" in components


@pytest.mark.parametrize("choice", [{"signal": "none"}, {"prefit": True}, {"coupling": 0.5}])
def test_no_line_where_none_is_wanted(choice: dict[str, Any]) -> None:
    assert draw_spectrum(Model(counting("one")), **choice).numbers["signals"] == []


def test_choices_of_a_signal() -> None:
    model = Model(counting("one"))
    # By hand: 3 * 14 / (9 + 3 mu) + 5 / (4 + mu) = 4, that is 12 mu² + 27 mu - 69 = 0.
    roots = np.roots([12, 27, -69])
    ((title, best),) = signal_values(model, "fit").items()
    assert title == "best fit"
    assert best == pytest.approx(max(roots), rel=1e-4)  # to which ends of intervals are found
    assert signal_values(model, "1.5") == signal_values(model, 1.5) == {"as given": 1.5}
    ((title, wider),) = signal_values(model, "limit", 0.95).items()
    assert title == "upper limit, 95 % CL"
    assert wider > signal_values(model, "limit")["upper limit, 90 % CL"]


@pytest.mark.parametrize(
    ("signal", "level", "error", "message"),
    [
        ("both", None, ConfigError, "signal='both': expected limit, fit, none or a coupling"),
        ("nan", None, ConfigError, "signal='nan': expected"),
        ("fit", 0.9, OptionError, "confidence_level=...: does nothing with signal='fit'"),
        ("limit", 90, ConfigError, "confidence level 90"),
    ],
)
def test_signals_that_make_no_sense(
    signal: str, level: float | None, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        signal_values(Model(counting("one")), signal, level)


def test_without_a_parameter_of_interest() -> None:
    model = Model(counting("one", poi=""))
    assert draw_spectrum(model).numbers["signals"] == []
    for signal in ("limit", "fit", 2.0):
        with pytest.raises(OptionError, match=r"does nothing, since .* has no parameter of interest"):
            signal_values(model, signal)
    with pytest.raises(OptionError, match=r"does nothing, since .* has no parameter of interest"):
        fitted_spectra(model, signals={"x": 1.0})


def test_a_limit_that_cannot_be_found_is_an_error_only_if_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise FitError("no limit")

    monkeypatch.setattr(Model, "limit", fails)
    model = Model(counting("one"))
    assert signal_values(model, None) == {}
    with pytest.raises(FitError, match="no limit"):
        signal_values(model, "limit")


def test_a_grid_draws_the_nearest_signal_point() -> None:
    couplings = [value * 1e-13 for value in (-3.4, -2.55, -1.7, -0.85, 0, 0.85, 1.7, 2.55, 3.4)]
    grid = nuhist.build_patchset(
        "lz_ws2022", hypothesis="millicharge-epa", background="paper", couplings=couplings
    )
    found = fitted_spectrum(grid, coupling=1.7e-13, signals={"x": 2.5e-13})
    (line,) = found.signals
    assert line.value == pytest.approx(2.55e-13)
    # The same nuisance parameters, since both are the fit without the coupling.
    np.testing.assert_allclose(line.events, fitted_spectrum(grid, coupling=2.55e-13).total, rtol=1e-9)
    titles = signal_values(Model(grid), None)
    assert set(titles) == {f"signal point nearest to the {end} limit, 90 % CL" for end in ("lower", "upper")}


def test_a_joint_likelihood_has_a_panel_for_each_channel() -> None:
    figure = nuhist.plot("spectrum", counting("one", "two", "three"))
    panels = [panel for panel in figure.subfigs if panel.axes]
    assert [panel.axes[0].get_title(loc="left").split("\n")[0] for panel in panels] == ["one", "two", "three"]
    assert [panel.axes[0].get_title(loc="left").split("\n")[0] for panel in nuhist.plot(
        "spectrum", counting("one", "two", "three"), channels=["two"]
    ).subfigs] == ["two"]  # fmt: skip


def test_many_channels() -> None:
    (one,) = fitted_spectra(counting("one"))
    width, height = spectrum_figure(*[one] * 48).get_size_inches()
    assert max(width, height) <= 60  # what a figure can be told, too
    with pytest.raises(ConfigError, match=r"49 channels: more than a figure holds; name up to 48"):
        spectrum_figure(*[one] * 49)


def test_the_page_has_the_line() -> None:
    (line,) = fitted_spectrum(counting("one"), signals={"upper limit": 2.0}).signals
    chart = make_chart(fitted_spectrum(counting("one"), signals={"upper limit": 2.0}))
    (shape,) = chart.lines
    # Steps from the left edge of the first bin to the right edge of the last; events downwards.
    assert shape.path == "M0 -15V-15H1V-6H2"
    assert shape.events == line.added
    assert chart.numbers["components"][-1] == ["sum, upper limit", [15.0, 6.0]]
    assert -float(chart.main.view.split()[1]) > 15
