"""Typical steps of parameters: how far one has to move before the data notice.

They come from the likelihood alone, so that answers do not depend on the units of a parameter or on the
width of its bounds.
"""

from __future__ import annotations

import numpy as np

from nuhist.inference.compiled import CompiledModel
from nuhist.inference.hessian import full_jacobian
from nuhist.inference.structure import Mask
from nuhist.tables import Array

_LARGEST = 1e100  # a step beyond which a parameter has no effect to speak of
_DOUBLINGS = 60
_ROUNDS = 2  # each finds the steps of what the steps found so far bring into effect
_NOTICED = 1.0  # squared change of the counts, in units of their errors


def typical_steps(model: CompiledModel, point: Array, data: Array) -> Array:
    """Typical step of each parameter, shape (parameters,): the inverse root of its Fisher information.

    The information is that of the counts, whose errors are √(n + 1), and of the parameter's own constraint.
    It is 1 for a parameter without any.

    Parameters
    ----------
    model
        Compiled likelihood.
    point, data
        Shapes (parameters,) and (bins + auxiliary,).
    """
    information = _information(model, point[None], data)[0]
    useful = _is_useful(information)
    for _ in range(_ROUNDS):
        if useful.all():
            break
        # What has no effect here may have one beside it: a factor of a template that a pull makes.
        moved = np.where(useful, 1 / np.sqrt(np.where(useful, information, 1.0)), 0.0)
        beside = np.max(_information(model, point + np.outer([1.0, -1.0], moved), data), axis=0)
        information = np.where(useful, information, beside)
        useful |= _is_useful(beside)
    return np.where(useful, 1 / np.sqrt(np.where(useful, information, 1.0)), 1.0)


def _is_useful(information: Array) -> Mask:
    return np.isfinite(information) & (information > 1 / _LARGEST**2)


def _information(model: CompiledModel, points: Array, data: Array) -> Array:
    """Fisher information of each parameter at points of shape (points, parameters)."""
    with np.errstate(over="ignore", invalid="ignore"):
        _, jacobian = full_jacobian(model, points)
        information: Array = np.sum(jacobian**2 / (data[: model.bins] + 1), axis=2)
    terms = model.constraints
    for row in information:
        np.add.at(row, terms.gaussian, 1 / terms.sigma**2)
        np.add.at(row, terms.poisson, terms.scale**2 / (data[terms.poisson_data] + 1))
    return information


def constraint_widths(model: CompiledModel, scale: Array) -> Array:
    """Width of each parameter's constraint, shape (parameters,); the typical step where it has none."""
    width = scale.copy()
    width[model.constraints.gaussian] = model.constraints.sigma
    return width


def noticed_at(
    model: CompiledModel, point: Array, index: int, step: float, data: Array, bound: float
) -> float:
    """Value of a parameter at which the counts have changed by one standard deviation.

    Parameters
    ----------
    model
        Compiled likelihood.
    point
        Where the others stay, shape (parameters,).
    index
        Index of the parameter.
    step
        First guess, with the sign of the direction.
    data
        Shape (bins + auxiliary,).
    bound
        Not beyond this value.
    """
    powers = 2.0 ** np.arange(-_DOUBLINGS // 2, _DOUBLINGS // 2)
    values = point[index] + step * powers
    values = np.clip(values, min(point[index], bound), max(point[index], bound))
    points = np.tile(point, (values.size, 1))
    points[:, index] = values
    with np.errstate(over="ignore", invalid="ignore"):
        change = model.expected(points) - model.expected(point[None])
        noticed = np.sum(change**2 / (data[: model.bins] + 1), axis=1) > _NOTICED
    return float(values[np.argmax(noticed)] if noticed.any() else values[-1])
