"""Observed counts as events that alea reads: one in the middle of its bin for each count."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from io import BytesIO

import numpy as np

from nuhist.exchange.inference_interface.files import Axis
from nuhist.tables import Array

DATA = "data.h5"
_SOURCE = -1  # of an event, which nobody knows


def events_file(
    terms: Mapping[str, tuple[Sequence[Axis], Sequence[float]]], ancillary: Mapping[str, float]
) -> bytes:
    """An HDF5 file as ``inference_interface`` writes toys: events by term, then calibrations.

    Parameters
    ----------
    terms
        Axes and whole counts of each.
    ancillary
        Central values of the constraints, by alea's names.
    """
    import h5py  # the templates, which are written first, say if it is not installed

    stream = BytesIO()
    with h5py.File(stream, "w") as target:
        target.attrs["n_datasets"] = json.dumps(1)
        target.attrs["dataset_names"] = json.dumps([*terms, "ancillary"])
        for name, (axes, counts) in terms.items():
            target.create_dataset(f"0/{name}", data=_events(axes, counts))
        types = [(name, np.float64) for name in sorted(ancillary)] or [("empty", np.float64)]
        values = [tuple(ancillary[name] for name in sorted(ancillary))] if ancillary else []
        target.create_dataset("0/ancillary", data=np.array(values, dtype=types))
    return stream.getvalue()


def _events(axes: Sequence[Axis], counts: Sequence[float]) -> Array:
    """Events at the centres of their bins; of several axes the last one is fastest."""
    shape = [axis.edges.size - 1 for axis in axes]
    bins = np.repeat(np.arange(len(counts)), np.array(counts, dtype=int))
    found = np.zeros(bins.size, dtype=[*((axis.name, np.float64) for axis in axes), ("source", np.int64)])
    for axis, index in zip(axes, np.unravel_index(bins, shape), strict=True):
        found[axis.name] = ((axis.edges[1:] + axis.edges[:-1]) / 2)[index]
    found["source"] = _SOURCE
    return found
