"""What every figure can be told: axes to draw into, a title, a size, a logarithmic axis, ends of axes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from nuhist import Workspace, contour, fit, load_experiment, ranking
from nuhist.errors import ConfigError, OptionError
from nuhist.inference.spectrum import fitted_spectra
from nuhist.report.canvas import Look
from nuhist.report.cls_curve import cls_curve
from nuhist.report.cls_figure import cls_figure
from nuhist.report.contour_figure import contour_figure
from nuhist.report.correlation_figure import correlation_figure
from nuhist.report.detector import detector_response
from nuhist.report.detector_figure import efficiency_figure, response_figure
from nuhist.report.exclusion_figure import exclusion_figure
from nuhist.report.neutrino_figure import cross_section_figure, flux_figure
from nuhist.report.neutrinos import cross_sections, flux_curves
from nuhist.report.profile_figure import profile_figure
from nuhist.report.profiles import profile_lines
from nuhist.report.pulls import pulls
from nuhist.report.pulls_figure import pulls_figure
from nuhist.report.ranking_figure import ranking_figure
from nuhist.report.sensitivity_figure import sensitivity_figure
from nuhist.report.spectrum_figure import spectrum_figure
from nuhist.report.world_limits import world_limits
from nuhist.report.world_limits_figure import world_limits_figure
from tests.planes import forecast, plane

Draw = Callable[..., Any]
# How many axes each figure has; two channels are drawn.
AXES = {
    spectrum_figure: 4,
    profile_figure: 1,
    cls_figure: 1,
    pulls_figure: 1,
    ranking_figure: 2,
    correlation_figure: 1,
    response_figure: 1,
    efficiency_figure: 1,
    flux_figure: 1,
    cross_section_figure: 1,
    world_limits_figure: 2,
    contour_figure: 1,
    exclusion_figure: 1,
    sensitivity_figure: 2,
}
LOGARITHMIC = (spectrum_figure, profile_figure, cls_figure, efficiency_figure, exclusion_figure)


def workspace(*channels: str, observed: list[float]) -> Workspace:
    """A signal of 3.3 and 1.1 events over a background of 9 and 4, in each channel."""
    strength = {"name": "mu", "type": "normfactor", "data": None}
    norm = {"name": "norm", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}
    samples = [
        {"name": "signal", "data": [3.3, 1.1], "modifiers": [strength]},
        {"name": "other", "data": [9.0, 4.0], "modifiers": [norm]},
    ]
    return Workspace(
        {
            "channels": [{"name": name, "samples": samples} for name in channels],
            "observations": [{"name": name, "data": observed} for name in channels],
            "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
            "version": "1.0.0",
        }
    )


@pytest.fixture(scope="module")
def subjects() -> dict[Draw, tuple[Any, ...]]:
    """What each function draws."""
    model = workspace("one", "two", observed=[14.0, 5.0])
    detector = detector_response(load_experiment("xenonnt_sr0"))
    return {
        spectrum_figure: fitted_spectra(model),
        profile_figure: (profile_lines([model]),),
        cls_figure: (cls_curve(model),),
        pulls_figure: (pulls(model),),
        ranking_figure: (ranking(model),),
        correlation_figure: (fit(model),),
        response_figure: (detector,),
        efficiency_figure: ([detector],),
        flux_figure: (flux_curves(),),
        cross_section_figure: (cross_sections(),),
        world_limits_figure: (world_limits(),),
        contour_figure: (contour(workspace("one", observed=[14.0, 5.0]), "mu", "norm", levels=[0.5]),),
        exclusion_figure: ([plane()],),
        sensitivity_figure: (forecast(),),
    }


def made(count: int) -> tuple[Any, list[Any]]:
    """A figure of a user, with so many axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 7))
    return figure, list(figure.subplots(count, squeeze=False).ravel())


@pytest.mark.thorough(keep=3)
@pytest.mark.parametrize("draw", AXES)
def test_drawn_into_the_axes_of_a_user(subjects: dict[Draw, tuple[Any, ...]], draw: Draw) -> None:
    figure, axes = made(AXES[draw])
    found = draw(*subjects[draw], ax=axes if len(axes) > 1 else axes[0], title="mine")
    assert found is figure
    assert all(each.has_data() for each in axes)
    assert axes[0].get_title(loc="left").startswith("mine")
    assert tuple(figure.get_size_inches()) == (9, 7)
    assert figure.legends == []
    assert set(figure.axes[: len(axes)]) == set(axes)


@pytest.mark.parametrize("draw", AXES)
def test_the_same_with_axes_of_its_own(subjects: dict[Draw, tuple[Any, ...]], draw: Draw) -> None:
    figure = draw(*subjects[draw], title="mine\nalone", size=(11, 5), xlim=(1.5, 2.5))
    assert tuple(figure.get_size_inches()) == (11, 5)
    (axes,) = [each for each in figure.axes if each.get_title(loc="left").startswith("mine")][:1]
    assert axes.get_xlim() == (1.5, 2.5)


@pytest.mark.parametrize("draw", AXES)
def test_logarithmic_axes(subjects: dict[Draw, tuple[Any, ...]], draw: Draw) -> None:
    if draw not in LOGARITHMIC:
        with pytest.raises(OptionError, match="log=True: does nothing with this figure"):
            draw(*subjects[draw], log=True)
        return
    axes = draw(*subjects[draw], log=True, ylim=(0.5, 20)).axes[0]
    assert (axes.get_yscale(), axes.get_ylim()) == ("log", (0.5, 20))
    low, high = draw(*subjects[draw], log=True).axes[0].get_ylim()
    assert 0 < low < high
    with pytest.raises(ConfigError, match="ylim 0:1: a logarithmic axis has positive numbers only"):
        draw(*subjects[draw], log=True, ylim=(0, 1))


@pytest.mark.parametrize("draw", AXES)
def test_help_shows_every_keyword(draw: Draw) -> None:
    known = inspect.signature(draw).parameters
    assert set(Look.__annotations__) <= set(known)
    assert all(each.kind is not each.VAR_KEYWORD for each in known.values())
    assert "Other Parameters" in (draw.__doc__ or "")
    assert "takes a sequence" not in (draw.__doc__ or "")


@pytest.mark.parametrize(
    ("look", "message"),
    [
        ({"titel": "x"}, "titel is no option of a figure; did you mean title"),
        ({"ax": [1, 2]}, r"ax = \[1, 2\]: this figure draws into one Axes of matplotlib"),
        ({"ax": "x"}, "ax = 'x': this figure draws into one Axes of matplotlib"),
        ({"size": (0, 4)}, "size 0:4: expected a width and a height in inches"),
        ({"xlim": (1, 1)}, "xlim 1 to 1; expected two numbers, the first below the second"),
        ({"title": r"$\nothing{$"}, "has a formula that matplotlib cannot read"),
    ],
)
def test_what_makes_no_sense(
    subjects: dict[Draw, tuple[Any, ...]], look: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        cls_figure(*subjects[cls_figure], **look)


def test_rows_of_a_ranking_stand_beside_their_pulls(subjects: dict[Draw, tuple[Any, ...]]) -> None:
    _, axes = made(2)
    ranking_figure(*subjects[ranking_figure], ax=axes)
    assert axes[0].get_ylim() == axes[1].get_ylim()


def test_several_axes_are_named(subjects: dict[Draw, tuple[Any, ...]]) -> None:
    _, axes = made(3)
    with pytest.raises(ConfigError, match=r"draws into 2 axes \(impacts, pulls\) of matplotlib; 3 given"):
        ranking_figure(*subjects[ranking_figure], ax=axes)
    with pytest.raises(OptionError, match="size: does nothing with ax"):
        ranking_figure(*subjects[ranking_figure], ax=axes[:2], size=(4, 4))
    with pytest.raises(ConfigError, match="of matplotlib; 1 given"):
        ranking_figure(*subjects[ranking_figure], ax=[axes[0], axes[0]])
    polar = Figure().add_subplot(projection="polar")
    with pytest.raises(ConfigError, match="rectilinear axes, not polar"):
        cls_figure(*subjects[cls_figure], ax=polar)


def test_a_size_may_be_an_array(subjects: dict[Draw, tuple[Any, ...]]) -> None:
    size: Any = np.array([5.0, 4.0])
    figure = cls_figure(*subjects[cls_figure], size=size)
    assert figure.get_size_inches().tolist() == [5.0, 4.0]


def test_what_a_figure_says_of_its_data_stays() -> None:
    model = workspace("one", observed=[12.3, 5.1])
    figure = profile_figure(profile_lines([model]), title="a curve")
    assert figure.axes[0].get_title(loc="left") == "a curve\ndata: expected, Asimov"
