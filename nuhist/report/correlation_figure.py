"""Correlations of the fitted parameters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nuhist.inference.results import FitResult
from nuhist.report.figures import new_figure, save_figure
from nuhist.report.labels import data_title, literal, with_lifted
from nuhist.tables import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 30
_WITH_NUMBERS = 16  # parameters up to which the numbers can be read in the cells
_COLOURS = "PuOr"  # diverging, and told apart by the colour-blind
_CELL, _SMALL_CELL = 0.42, 0.24  # inches, with numbers and without
_NOTHING = 0.005  # would read as 0.00
_DARK = 0.6  # a correlation from which on black cannot be read


def correlated_parameters(result: FitResult, most: int = MOST) -> tuple[tuple[str, ...], Array]:
    """Parameters that the fit leaves free, in their order, and their correlation matrix.

    Of more than ``most`` those with the largest correlation to another one are kept.
    """
    matrix = np.array(result.correlations, dtype=np.float64).reshape(len(result.parameters), -1)
    free = np.flatnonzero(np.diag(matrix) > 0)
    if free.size > most:
        others = np.abs(matrix[np.ix_(free, free)] - np.eye(free.size)).max(axis=1)
        free = np.sort(free[np.argsort(-others, kind="stable")[:most]])
    return tuple(result.parameters[index].name for index in free), matrix[np.ix_(free, free)]


def correlation_figure(result: FitResult, *, most: int = MOST, bound_lifted: bool = False) -> Figure:
    """The correlation matrix of a fit; parameters that are fixed or on a bound are left out.

    ``bound_lifted`` says whether the fit is one with the bound of the parameter of interest lifted.

    Raises
    ------
    DataError
        If matplotlib is missing.
    """
    names, matrix = correlated_parameters(result, most)
    count = len(names)
    side = (_CELL if count <= _WITH_NUMBERS else _SMALL_CELL) * max(count, 4)
    figure = new_figure(3.6 + side, 2.2 + side)
    axes = figure.subplots()
    image = axes.imshow(matrix if count else np.zeros((1, 1)), vmin=-1, vmax=1, cmap=_COLOURS)
    labels = [literal(name, 36) for name in names]
    axes.set_xticks(range(count), labels, rotation=45, ha="right", rotation_mode="anchor", fontsize="small")
    axes.set_yticks(range(count), labels, fontsize="small")
    axes.tick_params(which="both", length=0)
    if count <= _WITH_NUMBERS:
        for (row, column), value in np.ndenumerate(matrix):
            if abs(value) < _NOTHING:
                continue
            axes.text(column, row, f"{value:.2f}".replace("-", "−"), ha="center", va="center",
                      fontsize="x-small", color="white" if abs(value) > _DARK else "black")  # fmt: skip
    free = int(np.sum(np.diag(np.array(result.correlations).reshape(len(result.parameters), -1)) > 0))
    title = f"the {count} most correlated of {free}" if count < free else ""
    title = with_lifted(title if count else "no free parameters", result.parameter if bound_lifted else None)
    axes.set_title(data_title(result.data_kind, title, result.conditional_on), fontsize="medium", loc="left")
    figure.colorbar(image, ax=axes, label="correlation", shrink=0.8)
    return figure


def draw_correlations(result: FitResult, output: Path) -> None:
    """Draw a correlation matrix; the file's ending chooses the format.

    Raises
    ------
    DataError
        If matplotlib is missing, the ending is unknown, or the file cannot be written.
    """
    save_figure(correlation_figure(result), output)
