"""What every figure can be told of its looks, and the axes that it draws into: its own, or a user's."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar

from nuhist.errors import ConfigError, OptionError, unknown_option
from nuhist.report.figures import new_figure
from nuhist.values import as_bounds, as_flag, as_pair, as_text, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Pair = tuple[float, float]
_LARGEST = 60  # inches: more is dots, and would take gigabytes
Draws = TypeVar("Draws", bound=Callable[..., Any])


class Look(TypedDict, total=False):
    """Keywords of every function that draws; :func:`with_look` describes them in its documentation."""

    ax: Any
    title: str | None
    size: Pair | None
    log: bool
    xlim: Pair | None
    ylim: Pair | None


_DESCRIBED = """Other Parameters
    ----------------
    ax
        Axes of matplotlib to draw into; a sequence of them where a figure has several, which it names.
    title
        The heading; what the figure says of its data stays below it.
    size
        Width and height in inches, of a figure of its own.
    log
        A logarithmic vertical axis, where the figure can have one.
    xlim, ylim
        Ends of the horizontal and the vertical axis, in the units that they show.

    """
_RAISES = """Raises
    ------
    DataError
        If matplotlib is missing.
    """


def with_look(draw: Draws) -> Draws:
    """The same function, whose signature and documentation have the keywords of :class:`Look`."""
    signature = inspect.signature(draw)
    kept = [each for each in signature.parameters.values() if each.name != "look"]
    others = [kept.pop()] if kept and kept[-1].kind is inspect.Parameter.VAR_KEYWORD else []
    keywords = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=name == "log" or None, annotation=kind
        )
        for name, kind in Look.__annotations__.items()
    ]
    function: Any = draw
    function.__signature__ = signature.replace(parameters=[*kept, *keywords, *others])
    before, raises, after = (draw.__doc__ or "").rstrip().partition("Raises\n")
    own = f"{raises}{after}\n    " if raises else _RAISES
    function.__doc__ = f"{before.rstrip()}\n\n    {_DESCRIBED}{own}"
    return draw


@dataclass(frozen=True)
class Canvas:
    """The looks that a user wants of one figure.

    Attributes
    ----------
    look
        Keywords of the function that draws.
    log
        Whether its vertical axis can be logarithmic.

    Raises
    ------
    ConfigError
        If a keyword has another name, or a value makes no sense.
    OptionError
        If a keyword does nothing here.
    """

    look: Look
    log: bool = False

    def __post_init__(self) -> None:
        for name in self.look:
            if name not in Look.__annotations__:
                raise unknown_option(name, "a figure", Look.__annotations__)
        if as_flag(self.look.get("log", False), "log") and not self.log:
            raise OptionError(
                "log=True: does nothing with this figure, whose vertical axis has a scale of its own"
            )
        if (title := self.look.get("title")) is not None:
            as_text(title, "title")
        size = self.look.get("size")
        if size is not None and self.look.get("ax") is not None:
            raise OptionError("size: does nothing with ax, whose figure has its own")
        if size is not None and not all(0 < side <= _LARGEST for side in as_pair(size, "size")):
            raise ConfigError(
                f"size {_shown(size)}: expected a width and a height in inches, at most {_LARGEST}; write 8:4"
            )
        for name, ends in (("xlim", self.look.get("xlim")), ("ylim", self.look.get("ylim"))):
            if ends is not None:
                as_bounds(ends, name)

    @property
    def logarithmic(self) -> bool:
        """Whether the vertical axis is."""
        return bool(self.look.get("log"))

    def given(self, *names: str) -> list[Any] | None:
        """The user's axes, one for each of these names; None if there are none.

        Raises
        ------
        ConfigError
            If there are more or fewer.
        """
        if (ax := self.look.get("ax")) is None:
            return None
        import numpy as np

        axes = list(np.ravel(np.array(ax, dtype=object)))
        wanted = f"{len(names)} axes ({', '.join(names)})" if len(names) > 1 else "one Axes"
        if not all(hasattr(each, "set_xlim") for each in axes):
            raise ConfigError(f"ax = {shown(ax)}: this figure draws into {wanted} of matplotlib")
        if len({*map(id, axes)}) != len(names):
            raise ConfigError(
                f"ax: this figure draws into {wanted} of matplotlib; {len({*map(id, axes)})} given"
            )
        if any(each.name != "rectilinear" for each in axes):
            raise ConfigError(
                "ax: this figure draws into rectilinear axes, not polar or three-dimensional ones"
            )
        return axes

    def new(self, width: float, height: float) -> Figure:
        """An empty figure of this size in inches, or of the user's."""
        size = self.look.get("size")
        return new_figure(*((width, height) if size is None else as_pair(size, "size")))

    def axes(self, width: float, height: float) -> Any:
        """The only axes of a figure: the user's, or those of a new figure."""
        return self.several(width, height, "axes")[0]

    def several(self, width: float, height: float, *names: str, **layout: Any) -> list[Any]:
        """Several axes: the user's, or those of a new figure with a layout."""
        found = self.given(*names)
        return found or list(self.new(width, height).subplots(squeeze=False, **layout).ravel())

    def title(self, axes: Any, said: str = "", heading: str = "", fontsize: str = "medium") -> None:
        """The user's title or the figure's own heading, and below it what the figure says of its data.

        Raises
        ------
        ConfigError
            If the user's title has a formula that matplotlib cannot read.
        """
        from matplotlib.cbook import is_math_text
        from matplotlib.mathtext import MathTextParser

        title = self.look.get("title") or ""
        try:
            for line in filter(is_math_text, title.split("\n")):
                MathTextParser("path").parse(line)
        except ValueError:
            raise ConfigError(f"title '{title}': has a formula that matplotlib cannot read") from None
        axes.set_title("\n".join(filter(None, (title or heading, said))), fontsize=fontsize, loc="left")

    def legend(self, axes: Any, ncols: int = 2, panel: Any = None, **options: Any) -> None:
        """A legend above the figure, or above a panel of it; in a user's axes among the curves."""
        chosen = {"fontsize": "small", **options}
        if self.look.get("ax") is not None:
            axes.legend(**chosen)
            return
        (axes.figure if panel is None else panel).legend(
            loc="outside upper left", ncols=ncols, frameon=False, **chosen
        )

    def vertical(self, axes: Any, low: float, high: float, least: float) -> None:
        """Ends of the vertical axis; a logarithmic one begins at ``least``."""
        if self.logarithmic:
            axes.set_yscale("log")
        axes.set_ylim(least if self.logarithmic else low, high)

    def finished(self, *axes: Any) -> Figure:
        """The figure, with the user's ends of these axes.

        Raises
        ------
        ConfigError
            If the ends are not positive on a logarithmic axis.
        """
        for side in ("xlim", "ylim"):
            self._limit(axes, side)
        figure: Figure = axes[0].figure.figure
        return figure

    def _limit(self, axes: Sequence[Any], side: Literal["xlim", "ylim"]) -> None:
        ends: Sequence[float] | None = self.look.get(side)
        if ends is None:
            return
        for each in axes:
            if getattr(each, f"get_{side[0]}scale")() == "log" and min(ends) <= 0:
                raise ConfigError(f"{side} {_shown(ends)}: a logarithmic axis has positive numbers only")
            getattr(each, f"set_{side}")(*ends)


def _shown(numbers: Sequence[float]) -> str:
    return ":".join(f"{number:g}" for number in numbers)
