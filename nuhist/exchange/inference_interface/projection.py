"""Templates of several axes as counts per bin of a channel: which axes are kept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nuhist.errors import ConfigError, ExchangeError, unknown_name
from nuhist.exchange.bins import same_edges
from nuhist.exchange.inference_interface.files import Axis, TemplateFile
from nuhist.tables import Array

KEV = "keV"


def kept_axes(file: TemplateFile, names: Sequence[str]) -> tuple[Axis, ...]:
    """The axes with these names, in the file's order; without names the only one."""
    known = [axis.name for axis in file.axes]
    if not names and len(known) > 1:
        raise ConfigError(
            f"{file.origin}: templates have the axes {', '.join(known)}; say which to keep with"
            " axes=['NAME'], again for each of several"
        )
    for name in names:
        if name not in known:
            raise unknown_name(f"axis in {file.origin}", name, known)
        if known.count(name) > 1:
            raise ConfigError(f"{file.origin}: has {known.count(name)} axes called '{name}'; rename one")
    return tuple(axis for axis in file.axes if not names or axis.name in names)


def projected(template: Array, file: TemplateFile, names: Sequence[str], *, density: bool) -> Array:
    """Counts in the bins of the axes that remain, summed over the others, shape (bins,).

    Several axes are unrolled, the last one fastest. With ``density`` the template is per unit of all its
    axes, and multiplied with the bins' volumes.
    """
    kept = kept_axes(file, names)
    if density:
        for index, axis in enumerate(file.axes):
            template = np.moveaxis(np.moveaxis(template, index, -1) * np.diff(axis.edges), -1, index)
    others = tuple(index for index, axis in enumerate(file.axes) if not any(axis is one for one in kept))
    return np.asarray(template.sum(axis=others), dtype=np.float64).ravel()


def energy_edges(axes: Sequence[Axis]) -> Array | None:
    """Edges in keV, if the bins are of one axis and this is an energy in keV.

    By its unit, as nuhist writes it, or by what XENON calls it: ``ces`` is the corrected energy scale.
    """
    if len(axes) != 1:
        return None
    (axis,) = axes
    named = axis.name.lower() == "ces" or KEV.lower() in axis.name.lower()
    return axis.edges if axis.unit == KEV or (axis.unit is None and named) else None


def check_same_bins(file: TemplateFile, other: TemplateFile, names: Sequence[str]) -> None:
    """Refuse files whose templates cannot be samples of one channel: the kept axes differ."""
    ours, theirs = kept_axes(file, names), kept_axes(other, names)
    for one, two in zip(ours, theirs, strict=True):
        if one.name != two.name or not same_edges(one.edges, two.edges):
            raise ExchangeError(
                f"{file.origin} has {_range(one)}, {other.origin} {_range(two)}; templates of a channel need"
                " the same bins"
            )


def _range(axis: Axis) -> str:
    return f"{axis.edges.size - 1} bins of '{axis.name}' from {axis.edges[0]:g} to {axis.edges[-1]:g}"
