"""Correlations of the fitted parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import numpy as np

from nuhist.inference.model import Model
from nuhist.inference.results import FitResult
from nuhist.report.canvas import Canvas, Look, with_look
from nuhist.report.figures import Drawn
from nuhist.report.labels import data_title, literal, with_lifted
from nuhist.showing import Table
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


@with_look
def correlation_figure(
    result: FitResult, *, most: int = MOST, bound_lifted: bool = False, **look: Unpack[Look]
) -> Figure:
    """The correlation matrix of a fit; parameters that are fixed or on a bound are left out.

    ``bound_lifted`` says whether the fit is one with the bound of the parameter of interest lifted.
    """
    names, matrix = correlated_parameters(result, most)
    count = len(names)
    side = (_CELL if count <= _WITH_NUMBERS else _SMALL_CELL) * max(count, 4)
    canvas = Canvas(look)
    axes = canvas.axes(3.6 + side, 2.2 + side)
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
    canvas.title(axes, data_title(result.data_kind, title, result.conditional_on))
    axes.figure.colorbar(image, ax=axes, label="correlation", shrink=0.8)
    return canvas.finished(axes)


def correlation_table(result: FitResult) -> Table:
    """A matrix with the parameters' names; its corner says what the data are, unless observed."""
    names = [entry.name for entry in result.parameters]
    pairs = zip(names, result.correlations, strict=True)
    return Table(
        (data_title(result.data_kind, "parameter"), *names), tuple((name, *row) for name, row in pairs)
    )


@with_look
def draw_correlations(model: Model, *, most: int = MOST, **look: Unpack[Look]) -> Drawn:
    """Correlations of a model's parameters, with the bound lifted at which the coupling lies."""
    made = model.lifted()
    result, lifted = made.fit(), bool(made.lifted_from)
    numbers = {
        "parameters": [entry.name for entry in result.parameters],
        "correlations": [list(row) for row in result.correlations],
        "bound_lifted": lifted,
        "conditional_on": list(result.conditional_on),
        "data_kind": result.data_kind,
        "workspace_digest": result.workspace_digest,
        "nuhist_version": result.nuhist_version,
    }
    figure = correlation_figure(result, most=most, bound_lifted=lifted, **look)
    return Drawn(figure, numbers, correlation_table(result))
