"""What is legal in a workspace, and hardly meant: named by ``nuhist validate``, refused by nobody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from nuhist.histfactory.parameter_sets import parameter_sets, several_numbers
from nuhist.histfactory.sample_names import whole_name

_ROUNDING = 1e-9  # of the largest count: what the sum of terms may lack of nothing


def suspicions(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """Remarks on a valid workspace, one line each, with the place.

    Parameters
    ----------
    spec
        A workspace that :func:`nuhist.histfactory.validation.validate` accepts.
    """
    return (*_counts(spec), *_errors(spec), *_names(spec), *_measurements(spec))


def _counts(spec: Mapping[str, Any]) -> Iterator[str]:
    """Samples that expect fewer than no events, in one line, but for terms of a sum that is positive."""
    said, further = "", 0
    for channel in spec["channels"]:
        sums: dict[str, Any] = {}
        for sample in channel["samples"]:
            name = whole_name(channel, sample)
            sums[name] = sums.get(name, 0.0) + np.asarray(sample["data"], dtype=np.float64)
        for name, total in sums.items():
            below = np.flatnonzero(total < -_ROUNDING * np.abs(total).max()).tolist()
            if below and said:
                further += 1
            elif below:
                more = f" and {len(below) - 1} more" if len(below) > 1 else ""
                said = (
                    f"channel '{channel['name']}': sample '{name}': bin {below[0]}{more} expects fewer than"
                    f" no events ({total[below[0]]:g}), as only interference or weights below 0 can"
                )
    if said:
        yield said + (f"; so do {further} more samples" if further else "")


def _errors(spec: Mapping[str, Any]) -> Iterator[str]:
    """Uncertainties that pyhf squares or leaves out."""
    for channel in spec["channels"]:
        totals: dict[str, list[Sequence[float]]] = {}
        wide: dict[str, list[Sequence[float]]] = {}
        for sample in channel["samples"]:
            for modifier in sample["modifiers"]:
                kind, name, data = modifier["type"], modifier["name"], modifier.get("data")
                if kind not in ("staterror", "shapesys"):
                    continue
                where = f"channel '{channel['name']}': sample '{sample['name']}': {kind} '{name}'"
                if min(data, default=0) < 0:
                    what = "takes its size" if kind == "staterror" else "leaves it out"
                    yield f"{where}: {min(data):g} is no uncertainty; pyhf {what}"
                if kind == "staterror":
                    totals.setdefault(name, []).append(sample["data"])
                    wide.setdefault(name, []).append(data)
                elif any(n <= 0 < error for n, error in zip(sample["data"], data, strict=True)):
                    yield f"{where}: pyhf leaves it out in bins where the sample expects nothing or less"
        for name, counts in totals.items():
            total, errors = np.sum(counts, axis=0), np.any(np.array(wide[name]) != 0, axis=0)
            if (errors & (total <= 0)).any():
                index = int(np.argmax(errors & (total <= 0)))
                yield (
                    f"channel '{channel['name']}': staterror '{name}': bin {index}: its samples expect"
                    f" {total[index]:g} together, and pyhf leaves the error out"
                )


def _names(spec: Mapping[str, Any]) -> Iterator[str]:
    known = {channel["name"] for channel in spec["channels"]}
    for entry in spec["observations"]:
        if entry["name"] not in known:
            yield f"observation '{entry['name']}' belongs to no channel and is left out"


def _measurements(spec: Mapping[str, Any]) -> Iterator[str]:
    sets = parameter_sets(spec)
    for measurement in spec["measurements"]:
        place, config = f"measurement '{measurement['name']}'", measurement["config"]
        if config["poi"] and config["poi"] not in sets:
            yield (
                f"{place}: its parameter of interest '{config['poi']}' is in no modifier: background only,"
                " unless a patch brings it"
            )
        problem = several_numbers(spec, measurement)
        if problem is not None:
            yield f"{problem}; a fit needs another one, by poi=..."
        for block in config["parameters"]:
            where = f"{place}: parameter '{block['name']}'"
            if block["name"] not in sets:
                yield f"{where}: is in no modifier and is left out"
            for start, (low, high) in zip(block.get("inits", ()), block.get("bounds", ()), strict=False):
                if not low <= start <= high:
                    yield f"{where}: its start {start:g} lies outside its bounds, {low:g} to {high:g}"
                if low == high:
                    yield f"{where}: its bounds leave it no room and hold it at {low:g}"
