"""What alea makes of one template: events in all, and the bins' shares of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nuhist.errors import ExchangeError, unknown_name
from nuhist.exchange.alea.model import Slice, Source, Term
from nuhist.exchange.bins import describe_edges
from nuhist.exchange.inference_interface.files import Axis
from nuhist.tables import Array

_CLOSE = 0.005  # alea compares edges to two decimals


def total_and_shares(
    source: Source, term: Term, counts: Array, axes: Sequence[Axis], where: str
) -> tuple[float, Array]:
    """Events of a template, and the bins' shares of them, shape (bins,), in alea's order of steps.

    Its product is what alea expects. Shares do not sum to 1 for templates per unit of their axes, which alea
    multiplies by the bins' volumes once for the total and once more for the shares, nor for uniform ones, of
    which each bin gets the total.

    Parameters
    ----------
    source, term
        To which it belongs.
    counts, axes
        As in the file.
    where
        For messages.

    Raises
    ------
    ConfigError
        If a slice names an axis that is not there.
    ExchangeError
        If a slice has no bins, or the bins are not the term's.

    References
    ----------
    alea-inference 0.3.5, ``TemplateSource``; multihist 0.6.5, ``slice``.
    """
    if source.normalised and counts.sum() > 0:
        counts = counts / counts.sum()
    if not source.per_bin:
        counts = counts * _volumes(axes)
    kept = list(axes)
    for each in source.slices:
        counts, kept = _sliced(counts, kept, each, where)
    kept = [
        Axis(10**axis.edges, axis.name) if number in source.logarithmic else axis
        for number, axis in enumerate(kept)
    ]
    _check_axes(kept, term, where)
    total = float(counts.sum())
    shares = counts / total if total > 0 else np.zeros_like(counts)
    if not source.per_bin:
        shares = shares * _volumes(kept)
    if source.uniform:
        shares = np.ones_like(counts)
    return total * source.scale, shares.ravel()


def remarks(source: Source) -> list[str]:
    """What alea makes of a source that its settings do not tell."""
    said = []
    if not source.per_bin:
        said.append(
            "in_events_per_bin is false: alea 0.3.5 multiplies by the bins' volumes twice, as is done here"
        )
    if source.uniform:
        said.append("convert_to_uniform: alea 0.3.5 expects the source's total in each bin, as is done here")
    return said


def _volumes(axes: Sequence[Axis]) -> Array:
    volumes = np.ones(())
    for axis in axes:
        volumes = np.multiply.outer(volumes, np.diff(axis.edges))
    return np.asarray(volumes)


def _sliced(counts: Array, axes: list[Axis], chosen: Slice, where: str) -> tuple[Array, list[Axis]]:
    """The bins from that which holds one limit to that which holds the other, as multihist slices."""
    names = [axis.name for axis in axes]
    if names.count(chosen.axis) != 1:
        raise unknown_name(f"axis in {where}", chosen.axis, names)
    number = names.index(chosen.axis)
    edges = axes[number].edges
    limits = chosen.limits or (edges[0], edges[-1])
    # An edge belongs to the bin above it, the last one to the last bin.
    first, last = (int(np.searchsorted(edges, limit, side="right")) - 1 for limit in limits)
    bins = edges.size - 1
    first = bins - 1 if limits[0] == edges[-1] else first
    last = min(last, bins - 1)
    if not 0 <= first <= last:
        raise ExchangeError(
            f"{where}: slice_axis_limits {limits[0]:g} and {limits[1]:g} lie outside of '{chosen.axis}',"
            f" which has {describe_edges(edges)}"
        )
    kept = np.take(counts, range(first, last + 1), axis=number)
    if chosen.summed:
        return kept.sum(axis=number), [*axes[:number], *axes[number + 1 :]]
    return kept, [*axes[:number], Axis(edges[first : last + 2], chosen.axis), *axes[number + 1 :]]


def _check_axes(axes: Sequence[Axis], term: Term, where: str) -> None:
    if len(axes) != len(term.axes):
        raise ExchangeError(
            f"{where}: has {len(axes)} axes, the analysis_space of {term.name} {len(term.axes)}"
        )
    for number, (found, wanted) in enumerate(zip(axes, term.axes, strict=True)):
        if found.name not in ("", f"axis{number}", wanted.name):  # the second: without a name
            raise ExchangeError(
                f"{where}: axis {number} is '{found.name}', in the analysis_space '{wanted.name}'"
            )
        same = found.edges.shape == wanted.edges.shape
        if not same or (np.abs(found.edges - wanted.edges) > _CLOSE).any():
            raise ExchangeError(
                f"{where}: axis {number} has {describe_edges(found.edges)}, in the analysis_space of"
                f" {term.name} '{wanted.name}' {describe_edges(wanted.edges)}; the edges must agree"
            )
