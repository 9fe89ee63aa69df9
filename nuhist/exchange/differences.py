"""What ROOT evaluates otherwise than pyhf, though the file says the same: told of at the export."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import erfc, log, log1p, sqrt
from typing import Any

import numpy as np

from nuhist.histfactory.parameter_sets import each_modifier
from nuhist.histfactory.workspace import Workspace
from nuhist.tables import Array

WIDE = 0.15  # statistical errors from here on change 2NLL by 1e-6 or more within 1.5 standard deviations
LARGE = 1e8  # events of a shapesys from which on its constraint is rounded to 1e-6 or worse
_REACH = 1.5
_PLACES = np.linspace(0, 1, 41)[:, None]  # in the range of a parameter


def root_differences(workspace: Workspace) -> tuple[str, ...]:
    """Where the likelihood that ROOT's HistFactory makes of XML is not pyhf's, one line each.

    ROOT takes a sample that expects fewer than no events for none where a histosys acts on it. HistFactory
    normalises the Gaussian constraint of a statistical error over positive values, RooFit does not where it
    reads HS3.
    """
    return (*below_zero(workspace), *_wide_errors(workspace), *large_counts(workspace))


def below_zero(workspace: Workspace) -> Iterator[str]:
    """Samples that expect fewer than no events, or would within one standard deviation and their bounds."""
    nominal, one, together = [], [], []
    bounds = _bounds(workspace.spec)
    for channel in workspace.spec["channels"]:
        for sample in channel["samples"]:
            counts = np.array(sample["data"], dtype=np.float64)
            drops = _drops_of(sample, bounds)
            place = f"'{sample['name']}' of {channel['name']}"
            nominal += [place] * int((counts < 0).sum())
            if drops.size:
                one += [place] * int((counts + drops.min(axis=0) < 0).sum())
                together += [place] * int((counts + drops.sum(axis=0) < 0).sum())
    if nominal:
        yield (
            f"{workspace.origin}: {_places(nominal)} expect fewer than no events; ROOT and RooFit take none"
            " there where a histosys acts, pyhf does not"
        )
    if together:
        alone = f" ({len(one)} by one parameter alone)" if one else ""
        yield (
            f"{workspace.origin}: {_places(together)} can fall below zero within 1 standard deviation of"
            f" their histosys{alone}; there ROOT and RooFit take zero, pyhf does not, and 2NLL differs"
        )


def _bounds(spec: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """Bounds that measurements state of parameters of one number, the widest ones."""
    found: dict[str, tuple[float, float]] = {}
    for measurement in spec["measurements"]:
        for entry in measurement["config"]["parameters"]:
            (low, high), *others = entry.get("bounds") or [(-1.0, 1.0)]
            if not others:
                known = found.get(entry["name"], (low, high))
                found[entry["name"]] = min(low, known[0]), max(high, known[1])
    return found


def _drops_of(sample: Mapping[str, Any], bounds: Mapping[str, tuple[float, float]]) -> Array:
    """How far each histosys of a sample lowers its counts within one standard deviation, by bin.

    Between its ends, too: an empty bin that gets 1 on one side dips below nothing on the other, and one of a
    signed coupling does very near to the origin.
    """
    counts = np.array(sample["data"], dtype=np.float64)
    found = []
    for entry in sample["modifiers"]:
        if entry["type"] == "histosys":
            up, down = (np.array(entry["data"][key]) - counts for key in ("hi_data", "lo_data"))
            low, high = np.clip(bounds.get(entry["name"], (-1.0, 1.0)), -1.0, 1.0)
            odd, even = (up - down) / 2, up + down
            turn = np.divide(-8 * odd, 15 * even, out=np.zeros_like(odd), where=even != 0)  # of a parabola
            places = np.vstack([low + (high - low) * _PLACES * np.ones_like(odd), np.clip(turn, low, high)])
            bent = places**2 * (15 + places**2 * (3 * places**2 - 10)) / 16  # code 4p
            found.append((odd * places + even * bent).min(axis=0))
    return np.minimum(found, 0.0) if found else np.zeros((0, counts.size))


def _wide_errors(workspace: Workspace) -> Iterator[str]:
    wide = [
        (error, f"{channel['name']}, bin {index}")
        for channel in workspace.spec["channels"]
        for index, error in enumerate(relative_errors(channel))
        if error > WIDE
    ]
    if not wide:
        return
    size, place = max(wide)
    change = sum(2 * (_log_positive(1 / error) - _log_positive(1 / error - _REACH)) for error, _ in wide)
    plural = "s have statistical errors" if len(wide) > 1 else " has a statistical error"
    yield (
        f"{workspace.origin}: {len(wide)} bin{plural} above {100 * WIDE:.0f} % ({100 * size:.3g} % in"
        f" {place});"
        " HistFactory normalises their constraints over positive values, which changes 2NLL by up to"
        f" {change:.2g} within {_REACH} standard deviations"
    )


def large_counts(workspace: Workspace) -> Iterator[str]:
    """Constraints of a shapesys whose Poisson terms are too large for the digits that a number has."""
    large = [
        ((count / error) ** 2, f"'{entry['name']}' of {channel['name']}, bin {index}")
        for channel, sample, entry in each_modifier(workspace.spec)
        if entry["type"] == "shapesys"
        for index, (count, error) in enumerate(zip(sample["data"], entry["data"], strict=True))
        if error > 0 and count / error > sqrt(LARGE)
    ]
    if large:
        count, place = max(large)
        lost = 2 * np.finfo(float).eps * count * log(count)
        yield (
            f"{workspace.origin}: {len(large)} bin{'s' * (len(large) > 1)} of shapesys with more than"
            f" {LARGE:.0e} events behind them ({count:.2g} for {place}): such a Poisson term is rounded to"
            f" some {lost:.1g} of 2NLL, in ROOT and in pyhf"
        )


def relative_errors(channel: Mapping[str, Any]) -> Array:
    """Relative statistical error of each bin of a channel, as its staterror has it; 0 without one."""
    counts = np.zeros(len(channel["samples"][0]["data"]))
    squares = np.zeros_like(counts)
    for sample in channel["samples"]:
        for entry in sample["modifiers"]:
            if entry["type"] == "staterror":
                counts += sample["data"]
                squares += np.square(entry["data"])
    errors: Array = np.divide(np.sqrt(squares), counts, out=np.zeros_like(counts), where=counts > 0)
    return errors


def _log_positive(place: float) -> float:
    """Logarithm of the part of a normal distribution that is positive, centred at this many widths."""
    return log1p(-erfc(place / sqrt(2)) / 2)


def _places(places: list[str]) -> str:
    """How many bins, of how many samples, and which are the first."""
    samples = list(dict.fromkeys(places))
    more = f" and {len(samples) - 2} more" if len(samples) > 2 else ""
    bins = f"{len(places)} bin{'s' if len(places) > 1 else ''}"
    return (
        f"{bins} of {len(samples)} sample{'s' if len(samples) > 1 else ''} ({', '.join(samples[:2])}{more})"
    )
