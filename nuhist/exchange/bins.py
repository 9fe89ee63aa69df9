"""Edges of bins: whether two sets are the same, and how they are told of."""

from __future__ import annotations

import numpy as np

from nuhist.tables import Array


def same_edges(one: Array, other: Array) -> bool:
    """Whether two sets of edges are the same bins, to rounding.

    Equal bins may be stored as their number and two ends; what lies between depends on the program.
    """
    if one is other:
        return True
    return one.shape == other.shape and bool((np.abs(one - other) <= 1e-9 * np.min(np.diff(other))).all())


def describe_edges(edges: Array) -> str:
    """Number of bins and range, for messages."""
    return f"{len(edges) - 1} bins from {edges[0]:g} to {edges[-1]:g}"
