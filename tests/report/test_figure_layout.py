"""How figures look: nothing cut, nothing on top of another, names as they are, in every style."""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from nuhist import Workspace, contour, fit, load_experiment, ranking
from nuhist.errors import ConfigError, DataError
from nuhist.inference.spectrum import fitted_spectra, fitted_spectrum
from nuhist.report.cls_curve import cls_curve
from nuhist.report.cls_figure import cls_figure
from nuhist.report.contour_figure import contour_figure
from nuhist.report.correlation_figure import correlation_figure
from nuhist.report.detector import detector_response
from nuhist.report.detector_figure import efficiency_figure, response_figure
from nuhist.report.exclusion_figure import exclusion_figure
from nuhist.report.figures import PICTURES, STYLES, save_figure, style, to_svg
from nuhist.report.labels import axis_label, common_power, literal, quantity
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

Drawings = dict[str, Callable[[], Any]]

# What would be a formula, markup or the end of a comment if it were not taken as text.
NAMES = ("cost_in_$", "$x^2$", r"b\$c", r"\frac{1}{", "50 % of a_b^c", "<script>alert(1)</script>", "a --> b",
         "tab\tand\nline\x00", "long " * 30, "日本", "$$", "a & b", " ")  # fmt: skip


def foreign(
    bins: int = 20, names: tuple[str, ...] = ("signal", "background"), channel: str = "region"
) -> Workspace:
    """A workspace from elsewhere, without energies: a sample with a strength, others with norms."""
    across = np.arange(bins)
    samples = []
    for index, name in enumerate(names):
        centre = bins * (index + 1) / (len(names) + 1)
        counts = 20 + 30 * np.exp(-0.5 * ((across - centre) / (bins / 8 + 0.1)) ** 2)
        modifier: dict[str, Any] = {"name": "mu", "type": "normfactor", "data": None}
        if index:
            modifier = {"name": f"norm of {name}", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}
        samples.append({"name": name, "data": counts.tolist(), "modifiers": [modifier]})
    total = np.sum([sample["data"] for sample in samples], axis=0)
    observed = np.random.default_rng(1).poisson(total).astype(float).tolist()
    return Workspace(
        {
            "channels": [{"name": channel, "samples": samples}],
            "observations": [{"name": channel, "data": observed}],
            "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
            "version": "1.0.0",
        },
        origin=f"{channel}.json",
    )


def assert_readable(figure: Any) -> None:
    """Every text lies inside the figure; tick labels of an axis, titles and legends are apart."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    frame = figure.bbox
    hidden = _labels_out_of_view(figure)
    for text in figure.findobj(Text):
        if not text.get_visible() or not text.get_text().strip() or id(text) in hidden:
            continue
        box = text.get_window_extent(renderer)
        inside = box.x0 > -1 and box.y0 > -1 and box.x1 < frame.x1 + 1 and box.y1 < frame.y1 + 1
        assert inside, f"'{text.get_text()}' is cut: {box} in {frame}"
    panels = [figure, *figure.subfigs]
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            labels = [
                label for label in axis.get_ticklabels(which="both")
                if label.get_text().strip() and label.get_visible() and id(label) not in hidden
            ]  # fmt: skip
            boxes = [label.get_window_extent(renderer) for label in labels if label.get_rotation() == 0]
            assert_apart(boxes, f"tick labels of {axis.get_label_text()}")
        others = [axes.xaxis.label, axes.yaxis.label, axes.title, axes._left_title]
        shown = [text for text in others if text.get_text().strip()]
        legends = [legend.get_window_extent(renderer) for panel in panels for legend in panel.legends]
        assert_apart(
            [*(text.get_window_extent(renderer) for text in shown), *legends], "title, labels, legends"
        )


def _labels_out_of_view(figure: Any) -> set[int]:
    """Tick labels that matplotlib keeps but does not draw."""
    hidden = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            drawn = {id(tick) for tick in axis._update_ticks()}
            for tick in [*axis.majorTicks, *axis.minorTicks]:
                if id(tick) not in drawn:
                    hidden |= {id(tick.label1), id(tick.label2)}
    return hidden


def assert_apart(boxes: list[Any], what: str) -> None:
    """No two boxes share more than a pixel."""
    for index, first in enumerate(boxes):
        for second in boxes[index + 1 :]:
            width = min(first.x1, second.x1) - max(first.x0, second.x0)
            height = min(first.y1, second.y1) - max(first.y0, second.y0)
            assert width < 1 or height < 1, f"{what} overlap: {first}, {second}"


@pytest.fixture(scope="module")
def drawings() -> Drawings:
    """A function for each kind of figure: its numbers are ready, so that each style only draws."""
    model = foreign()
    ugly = foreign(20, NAMES, "SR_$1 ^ %")
    spectra = [*fitted_spectra(model), fitted_spectrum(ugly, prefit=True)]
    lines = profile_lines([model, model, ugly], ["a", "b", NAMES[8]])
    cls, found, ranks, fitted = cls_curve(model), pulls(ugly), ranking(ugly), fit(ugly)
    detectors = [detector_response(load_experiment(name)) for name in ("lz_ws2022", "xenonnt_sr0")]
    lines_of = contour(model, "mu", "norm of background", levels=[0.5])
    fluxes, sections, limits = flux_curves(), cross_sections(), world_limits()
    return {
        "spectrum": lambda: spectrum_figure(spectra[1]),
        "spectra": lambda: spectrum_figure(*spectra, spectra[0]),
        "scan": lambda: profile_figure(lines),
        "cls": lambda: cls_figure(cls),
        "pulls": lambda: pulls_figure(found),
        "ranking": lambda: ranking_figure(ranks),
        "correlations": lambda: correlation_figure(fitted),
        "response": lambda: response_figure(detectors[0]),
        "efficiency": lambda: efficiency_figure(detectors),
        "flux": lambda: flux_figure(fluxes),
        "cross-section": lambda: cross_section_figure(sections),
        "world-limits": lambda: world_limits_figure(limits),
        "contour": lambda: contour_figure(lines_of),
        "exclusion": lambda: exclusion_figure([plane(failed=1)], limits=True),
        "exclusion-line": lambda: exclusion_figure([plane(light=(100,))], palette="field"),
        "exclusions": lambda: exclusion_figure(
            [plane(), plane(failed=2)], labels=["one", NAMES[8]], log=True
        ),
        "sensitivity": lambda: sensitivity_figure(forecast("a", "b")),
        "sensitivity-column": lambda: sensitivity_figure(forecast(tested=None), size=(3.4, 3.2)),
        "exclusion-column": lambda: exclusion_figure([plane()], size=(3.4, 3.2)),
    }


CASES = [(kind, "plain") for kind in (
    "spectrum", "spectra", "scan", "cls", "pulls", "ranking", "correlations", "response", "efficiency",
    "flux", "cross-section", "world-limits", "contour", "exclusion", "exclusion-line", "exclusions",
    "exclusion-column", "sensitivity", "sensitivity-column",
)]  # fmt: skip
# Another font, ticks on all sides: those with most text.
CASES += [(kind, "lhcb") for kind in ("spectrum", "ranking", "flux", "cross-section", "world-limits")]


@pytest.mark.thorough(keep=1)
@pytest.mark.filterwarnings("ignore:Glyph .* missing from")  # no font for 日本: save_figure says nothing
@pytest.mark.parametrize(("kind", "name"), CASES)
def test_nothing_is_cut_or_covered(drawings: Drawings, kind: str, name: str) -> None:
    with style(name):
        assert_readable(drawings[kind]())


@pytest.mark.thorough(keep=1)
@pytest.mark.parametrize("bins", [1, 2, 300])
def test_few_and_many_bins(bins: int) -> None:
    result = fitted_spectrum(foreign(bins), prefit=True)
    assert_readable(spectrum_figure(result))
    bottom = spectrum_figure(result).subfigs[0].axes[1]
    assert bottom.get_xlim() == (0, bins)
    assert all(float(tick).is_integer() for tick in bottom.get_xticks())


@pytest.mark.thorough(keep=2)
@pytest.mark.parametrize("name", STYLES)
def test_styles_keep_sizes_and_leave_no_trace(drawings: Drawings, name: str, tmp_path: Path) -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    plain = drawings["cls"]()
    with style(name):
        figure = drawings["cls"]()
        save_figure(figure, tmp_path / "figure.png")
    assert dict(mpl.rcParams) == before
    assert tuple(figure.get_size_inches()) == tuple(plain.get_size_inches())
    assert figure.axes[0].xaxis.label.get_fontsize() == plain.axes[0].xaxis.label.get_fontsize()
    top = figure.axes[0].xaxis.get_major_ticks()[0].tick2line.get_visible()
    assert top == (name != "plain")


def test_names_are_no_formulas() -> None:
    from matplotlib.cbook import is_math_text

    for name in NAMES:
        shown = literal(name)
        assert not is_math_text(shown)
        assert len(shown.replace(r"\$", "$")) <= 44
        assert "\n" not in shown
    # Beside a formula of our own the name still counts as text: the dollars of the formula alone.
    assert literal("a$b$c").count("$") == literal("a$b$c").count(r"\$") == 2
    assert literal("x" * 100).startswith("xxx")
    assert "…" in literal("x" * 100)
    assert literal("") == "(no name)"


def test_names_from_files_reach_the_figure_as_they_are(drawings: Drawings) -> None:
    legend = drawings["spectrum"]().subfigs[0].legends[0]
    shown = [text.get_text().replace(r"\$", "$") for text in legend.get_texts()]
    for name in ("$x^2$", r"\frac{1}{", "<script>alert(1)</script>", "a --> b", "50 % of a_b^c"):
        assert any(text.startswith(f"{name}: ") for text in shown), name


@pytest.mark.thorough(keep=1)
@pytest.mark.parametrize("kind", ["spectrum", "response"])
def test_svg_for_a_page(drawings: Drawings, kind: str) -> None:
    texts = [to_svg(drawings[kind](), name) for name in ("one", "one", "two")]
    assert texts[0] == texts[1]
    root = ET.fromstring(texts[0])
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "<script" not in texts[0]
    assert "<!--" not in texts[0]
    ids = [set(re.findall(r'\bid="([^"]+)"', text)) for text in texts]
    assert ids[0]
    assert not ids[0] & ids[2]
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', texts[0]))
    assert used <= ids[0]
    # Rules for the figure alone, not for the page.
    assert re.findall(r">([^<{]*)\{", texts[0]) == ["#one-figure_1 *"]


@pytest.mark.thorough(keep=2)
@pytest.mark.parametrize("kind", PICTURES)
def test_every_format(drawings: Drawings, kind: str, tmp_path: Path) -> None:
    starts = {"eps": b"%!PS", "jpg": b"\xff\xd8", "pdf": b"%PDF", "png": b"\x89PNG", "ps": b"%!PS",
              "svg": b"<?xml", "tif": b"II*", "webp": b"RIFF"}  # fmt: skip
    save_figure(drawings["cls"](), tmp_path / f"one.{kind}")
    content = (tmp_path / f"one.{kind}").read_bytes()
    assert content.startswith(starts[kind])
    if kind in ("pdf", "png", "svg"):  # the same figure gives the same file
        save_figure(drawings["cls"](), tmp_path / f"two.{kind}")
        assert (tmp_path / f"two.{kind}").read_bytes() == content


def test_an_unknown_style() -> None:
    with pytest.raises(ConfigError, match="no style called 'belle'"), style("belle"):
        pass


def test_without_mplhep(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *arguments: Any, **keywords: Any) -> Any:
        if name.partition(".")[0] == "mplhep":
            raise ModuleNotFoundError("No module named 'mplhep'", name="mplhep")
        return real(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(DataError, match=r"styles need mplhep; pip install 'nuhist\[plot\]'"), style("cms"):
        pass
    with style("plain"):
        pass


@pytest.mark.parametrize(
    ("values", "power"),
    [([1.2e-11, 3e-12], -11), ([0.5, 90.0], 0), ([-2e5], 5), ([0.0], 0), ([np.inf, 0.001], -3), ([], 0)],
)
def test_powers_of_ten(values: list[float], power: int) -> None:
    assert common_power(values) == power


def test_quantities() -> None:
    assert (
        quantity("mu_nu", 6.36e-12, "mu_B")
        == r"$\mu_{\nu}$ = 6.36 $\times\,\mathrm{10^{-12}}$ $\mu_\mathrm{B}$"
    )
    assert quantity("strength", -0.5, "") == "strength = −0.5"
    assert axis_label("strength", "", 0) == "strength"
    assert axis_label("q_nue", "e_0", -13) == r"$q_{\nu_e}$ [$\mathrm{10^{-13}}$ $e_0$]"
