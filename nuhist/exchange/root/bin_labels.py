"""Bins that have labels are the same where their labels are, in whatever order they stand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from nuhist.errors import ExchangeError
from nuhist.exchange.root.histograms import Histogram


def aligned(found: Histogram, reference: Histogram, where: str, other: str) -> Histogram:
    """A histogram with its bins in the order of another one's labels.

    Without labels on either there is nothing to do.

    Raises
    ------
    ExchangeError
        If only one of them has labels, they have different ones, or equal labels in different bins do not
        name one bin each.
    """
    if found.labels == reference.labels:
        return found
    if not found.labels or not reference.labels:
        if len(found.counts) == 1:
            return found
        what = (
            f"has labels on its bins and {other} none" if found.labels else f"has no labels and {other} has"
        )
        raise ExchangeError(f"{where}: {what}, so that their order is not known; label both or neither")
    if set(found.labels) != set(reference.labels):
        odd = min(set(found.labels) ^ set(reference.labels))
        raise ExchangeError(
            f"{where}: has other labels on its bins than {other}: only one of them has '{odd}'; use the same"
        )
    if "" in found.labels or any(
        len(set(labels)) < len(labels) for labels in (found.labels, reference.labels)
    ):
        raise ExchangeError(
            f"{where}: its bins stand in another order than those of {other}, and not each has a label of its"
            " own; label all bins"
        )
    order = [found.labels.index(label) for label in reference.labels]
    variances = None if found.variances is None else found.variances[order]
    return replace(found, counts=found.counts[order], variances=variances, labels=reference.labels)


def align_channel(
    paths: Iterable[str], histograms: dict[str, Histogram], origin: str, reference: str
) -> None:
    """Put the histograms of a channel, with common edges, into the order of one of them."""
    for path in paths:
        histograms[path] = aligned(histograms[path], histograms[reference], f"{origin}: {path}", reference)
