"""Curves that others have published, drawn beside ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nuhist.errors import ConfigError
from nuhist.report.figures import COLOURS, LINE_STYLES
from nuhist.report.labels import literal
from nuhist.tables import Array, read_table


@dataclass(frozen=True, eq=False)
class Curve:
    """A curve: its name, which is that of its file, and its points."""

    name: str
    x: Array
    y: Array


def read_curve(path: str | Path) -> Curve:
    """A curve of a CSV, whose first two columns are x and y; a ConfigError if it has fewer."""
    columns = list(read_table(Path(path)).values())
    if len(columns) < 2:
        raise ConfigError(f"{path}: a published curve has two columns, x and y")
    return Curve(literal(Path(path).stem), columns[0], columns[1])


def draw_published(axes: Any, curves: Sequence[Curve]) -> None:
    """Thin lines, each with its name."""
    for number, curve in enumerate(curves):
        axes.plot(curve.x, curve.y, color=COLOURS[(number + 5) % len(COLOURS)], linewidth=1.2,
                  linestyle=LINE_STYLES[(number + 2) % len(LINE_STYLES)], label=curve.name)  # fmt: skip
