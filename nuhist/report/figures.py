"""What all figures share: matplotlib, styles, colours, saving."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nuhist.errors import DataError, missing_extra, unknown_name
from nuhist.files import check_output, write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nuhist.showing import Table

# Okabe and Ito's palette, which colour-blind readers can tell apart.
YELLOW = "#F0E442"
COLOURS = ("#56B4E9", "#E69F00", "#009E73", YELLOW, "#0072B2", "#CC79A7", "#999999")
SIGNAL_COLOUR = "#D55E00"
LINE_COLOURS = ("black", *(colour for colour in COLOURS if colour != YELLOW))  # yellow is faint as a line
LINE_STYLES = ("-", "--", "-.", ":")

PICTURES = ("eps", "jpg", "pdf", "png", "ps", "svg", "tif", "webp")
PLAIN = "plain"
_COLLABORATIONS = {
    "alice": "ALICE",
    "atlas": "ATLAS2",
    "cms": "CMS",
    "dune": "DUNE1",
    "lhcb": "LHCb2",
    "root": "ROOT",
}
STYLES = (PLAIN, *_COLLABORATIONS)

_PLAIN_NUMBERS = 1e-3, 2e4  # from which to which numbers are easier to read without a power of ten
_RESOLUTION = 150  # dots per inch
_FALLBACK_FONT = "DejaVu Sans"  # comes with matplotlib and has every sign that nuhist writes
_SETTINGS: dict[str, Any] = {"text.usetex": False, "pdf.fonttype": 42, "svg.fonttype": "path"}
# What is taken of a collaboration's style. Its sizes are made for other figures.
_ADOPTED = re.compile(
    r"font\.(family|sans-serif|serif|monospace)|mathtext\..*|[xy]axis\.labellocation|legend\.frameon"
    r"|[xy]tick\.(direction|top|right|((major|minor)\.)?(top|bottom|left|right)|minor\.visible)"
)
_TICKS = {f"{axis}tick.{kind}.size": size for axis in "xy" for kind, size in (("major", 6), ("minor", 3))}


@dataclass(frozen=True)
class Drawn:
    """A figure, and its numbers as JSON and as a table."""

    figure: Figure
    numbers: dict[str, Any]
    table: Table


@contextmanager
def style(name: str = PLAIN) -> Iterator[None]:
    """Draw and save in a style: matplotlib's own, or a collaboration's from mplhep.

    Of mplhep's styles the fonts, the ticks and the places of the labels are taken; sizes stay, so
    that nothing overlaps, and colours, which the colour-blind can tell apart.

    Raises
    ------
    ConfigError
        If there is no such style.
    DataError
        If matplotlib or, for another style than the plain one, mplhep is not installed.
    """
    if name not in STYLES:
        raise unknown_name("style", name, STYLES)
    mpl = _matplotlib()
    settings = {**mpl.rcParamsDefault}
    settings.pop("backend", None)
    settings.update(_SETTINGS)
    if name != PLAIN:
        settings.update(_collaboration(_COLLABORATIONS[name]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mpl.MatplotlibDeprecationWarning)  # of some defaults
        context = mpl.rc_context(settings)
    with context:
        yield


def _matplotlib() -> Any:
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise missing_extra("plots", "matplotlib", "plot") from error
    return mpl


def _collaboration(name: str) -> dict[str, Any]:
    """What nuhist takes of one of mplhep's styles."""
    from matplotlib.font_manager import get_font_names

    try:
        import mplhep
    except ImportError as error:
        raise missing_extra("the collaborations' styles", "mplhep", "plot") from error
    taken = {key: value for key, value in getattr(mplhep.style, name).items() if _ADOPTED.fullmatch(key)}
    family = taken.get("font.family", "sans-serif")
    # matplotlib complains of every other font, letter by letter; it does not tell capitals apart.
    installed = {font.lower() for font in get_font_names()}
    fonts = [font for font in taken.get(f"font.{family}", []) if font.lower() in installed]
    return {**taken, **_TICKS, "font.family": [*fonts, _FALLBACK_FONT]}


def line_colour(index: int, shades: Sequence[str]) -> str:
    """Colour of one of several lines that cross bands of these shades, without black."""
    colours = [colour for colour in LINE_COLOURS[1:] if colour not in shades]
    return colours[index % len(colours)]


def plain_ticks(axes: Any) -> None:
    """Write the numbers at logarithmic axes of moderate numbers out, as 0.6 in place of 6 × 10⁻¹."""
    from matplotlib.ticker import LogFormatterSciNotation

    class Plain(LogFormatterSciNotation):
        def __call__(self, x: float, pos: int | None = None) -> str:
            text = str(super().__call__(x, pos))
            axis: Any = self.axis
            low, high = sorted(axis.get_view_interval())
            return f"{x:g}" if text and low >= _PLAIN_NUMBERS[0] and high <= _PLAIN_NUMBERS[1] else text

    for axis in (axes.xaxis, axes.yaxis):
        if axis.get_scale() == "log":
            axis.set_major_formatter(Plain())
            axis.set_minor_formatter(Plain(minor_thresholds=(1, 0.4)))


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches, that arranges its axes and legends itself.

    Raises
    ------
    DataError
        If matplotlib is not installed.
    """
    _matplotlib()
    from nuhist.report.notebook import NotebookFigure

    return NotebookFigure(figsize=(width, height), layout="constrained")


def check_picture(output: Path) -> str:
    """The format of a picture by its file's ending, before anything is computed for it.

    Raises
    ------
    DataError
        If the ending is unknown, the path is a folder or lies in none.
    """
    kind = output.suffix.lstrip(".").lower()
    if kind not in PICTURES:
        raise DataError(f"{output}: no picture format '{kind}'; use one of {', '.join(PICTURES)}")
    check_output(output)
    return kind


def save_figure(figure: Figure, output: Path) -> None:
    """Write a figure whole or not at all; the file's ending chooses the format.

    Raises
    ------
    DataError
        If the ending is unknown or the file cannot be written.
    """
    write_atomically(output, picture(figure, output))


def picture(figure: Figure, output: Path) -> bytes:
    """A figure as the content of a file; its ending chooses the format.

    Raises
    ------
    DataError
        If the ending is unknown, the path is a folder or lies in none.
    """
    return _rendered(figure, check_picture(output))


def to_svg(figure: Figure, name: str) -> str:
    """A figure as an ``<svg>`` element for a page; text becomes outlines, the same on every screen.

    Parameters
    ----------
    figure
        From a function of this package.
    name
        Put before every id, so that figures of one page do not share any. A figure made anew from
        the same numbers gives the same text.
    """
    text = _rendered(figure, "svg").decode()
    text = text.replace("*{stroke-linejoin", "#figure_1 *{stroke-linejoin")  # not of the whole page
    text = re.sub(r'\b(id=")([^"]+")', rf"\1{name}-\2", text[text.index("<svg") :])
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    return re.sub(r'(href="#|url\(#|">#)', rf"\g<1>{name}-", text)


def _rendered(figure: Figure, kind: str) -> bytes:
    mpl = _matplotlib()
    buffer = io.BytesIO()
    # No date inside and no random ids: the same figure gives the same file.
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
    with mpl.rc_context({**_SETTINGS, "svg.hashsalt": "nuhist"}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # names from files may hold any sign
        figure.savefig(buffer, format=kind, dpi=_RESOLUTION, metadata=metadata)
    return buffer.getvalue()
