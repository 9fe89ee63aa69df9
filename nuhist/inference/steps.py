"""Typical steps of parameters: how far one has to move before the data notice.

They come from the likelihood alone, so that answers do not depend on the units of a parameter or on the
width of its bounds.
"""

from __future__ import annotations

import numpy as np

from nuhist.inference.compiled import CompiledModel
from nuhist.inference.hessian import full_jacobian
from nuhist.tables import Array

_LARGEST = 1e100  # a step beyond which a parameter has no effect to speak of
_DOUBLINGS = 60
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
    with np.errstate(over="ignore", invalid="ignore"):
        _, jacobian = full_jacobian(model, point[None])
        information = np.sum(jacobian[0] ** 2 / (data[: model.bins] + 1), axis=1)
    terms = model.constraints
    np.add.at(information, terms.gaussian, 1 / terms.sigma**2)
    np.add.at(information, terms.poisson, terms.scale**2 / (data[terms.poisson_data] + 1))
    useful = np.isfinite(information) & (information > 1 / _LARGEST**2)
    return np.where(useful, 1 / np.sqrt(np.where(useful, information, 1.0)), 1.0)


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
        Of the parameter.
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
