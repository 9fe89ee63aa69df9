"""The same model in another unit of its strength, or with wider bounds, must have the same limits."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nuhist import limit, scan
from nuhist.errors import NuhistError
from nuhist.histfactory.workspace import Workspace
from nuhist.inference.prepare import Engine
from tests.counting.models import counting_workspace
from tests.strategies import Limits, random_workspace

Array = NDArray[np.float64]
Answers = dict[str, float | str | None]

_LARGER = Limits(channels=2, bins=4, samples=3, causes=2)
_MODIFIED = {"shapesys", "staterror"}
_POINTS = 5  # of a scan
_CUT = 8.99  # Δχ² at its ends: it is 9 where it does not end in front of that
_EPSILON = 1e-12
_WIDE = 1e6  # of the bounds
_NOTHING = 1e-6  # of the interval's width


def units_workspace(seed: int, number: int) -> Workspace:
    """A random model: a small counting model, or every sixth time one with all types of modifier."""
    if number % 6:
        return counting_workspace([seed, number])
    for attempt in range(1000):
        workspace = random_workspace([seed, number, attempt], _LARGER)
        if not _shares_statistics(workspace):
            return workspace
    raise AssertionError("all models share a staterror with the strength")


def interest(workspace: Workspace) -> str:
    """Name of the parameter of interest."""
    return str(workspace.measurement()["config"]["poi"])


def bounds_of(workspace: Workspace) -> tuple[float, float]:
    """Bounds of the parameter of interest; pyhf's own where the document has none."""
    for block in workspace.measurement()["config"]["parameters"]:
        if block["name"] == interest(workspace) and "bounds" in block:
            low, high = block["bounds"][0]
            return float(low), float(high)
    return 0.0, 10.0


def is_factor(workspace: Workspace) -> bool:
    """Whether the parameter of interest is a factor, which has a unit, rather than a histosys."""
    samples = [sample for channel in workspace.spec["channels"] for sample in channel["samples"]]
    name = interest(workspace)
    return all(e["type"] == "normfactor" for s in samples for e in s["modifiers"] if e["name"] == name)


def in_units(workspace: Workspace, unit: float, bound: float = 1.0) -> Workspace:
    """The model with its strength given in units of 1/``unit``, and bounds so many times as wide.

    A bound of infinity stands for ±1e30.
    """
    spec, name = copy.deepcopy(dict(workspace.spec)), interest(workspace)
    for channel in spec["channels"]:
        for sample in channel["samples"]:
            if any(entry["name"] == name and entry["type"] == "normfactor" for entry in sample["modifiers"]):
                sample["data"] = [value / unit for value in sample["data"]]
                for entry in sample["modifiers"]:
                    entry["data"] = _scaled(entry, unit)
    parameters = spec["measurements"][0]["config"]["parameters"]
    blocks = [block for block in parameters if block["name"] == name]
    if not blocks:
        parameters.append({"name": name})
        blocks = parameters[-1:]
    low, high = bounds_of(workspace)
    blocks[0]["bounds"] = [[_widened(low * unit, bound), _widened(high * unit, bound)]]
    blocks[0]["inits"] = [blocks[0].get("inits", [1.0])[0] * unit]
    blocks[0].pop("fixed", None)
    return Workspace(spec, origin=workspace.origin)


def answers(workspace: Workspace, engine: Engine = "compiled") -> Answers:
    """All that methods say about a model: ends, CLs limits, and where a scan goes."""
    found: Answers = {}
    try:
        profile = limit(workspace, engine=engine)
        found |= {"best": profile.parameter_best_fit, "min_chi2": profile.min_chi2}
        found |= {"lower": profile.parameter_lower, "upper": profile.parameter_upper}
        curve = scan(workspace, points=_POINTS, engine=engine)
        span = curve.parameter_values[0], curve.parameter_values[-1]
        # Where Δχ² stays below 9, a scan goes to the bound, or as far as doubles tell values apart.
        heights = curve.delta_chi2[0], curve.delta_chi2[-1]
        nothing = _NOTHING * (span[1] - span[0])
        cut = [abs(value) > nothing and height < _CUT for value, height in zip(span, heights, strict=True)]
        found |= {"scan from": None if cut[0] else span[0], "scan to": None if cut[1] else span[1]}
        if not any(cut):
            found |= {f"scan {number}": height for number, height in enumerate(curve.delta_chi2)}
    except NuhistError as error:
        found["profile"] = type(error).__name__
    if bounds_of(workspace)[0] >= 0:
        try:
            cls = limit(workspace, method="cls", expected=True, engine=engine)
            found["cls"] = cls.parameter_upper
            found |= {f"cls {sigma}": value for sigma, value in (cls.expected or {}).items()}
        except NuhistError as error:
            found["cls"] = type(error).__name__
    return found


def variants(workspace: Workspace, seed: int, number: int) -> dict[str, tuple[Workspace, float]]:
    """The model in another unit, with wider bounds, and with both, and what its strength is multiplied by.

    All have bounds that are a million times as wide as the document's, or more, so that no bound ends an
    interval of one and not that of another.
    """
    rng = np.random.default_rng([seed, number, 1])
    unit = float(10 ** rng.uniform(-12, 12)) if is_factor(workspace) else 1.0
    bound = float(rng.choice([1e8, 1e12, np.inf]))
    found = {"base": (in_units(workspace, 1.0, _WIDE), 1.0), "bounds": (in_units(workspace, 1.0, bound), 1.0)}
    if unit != 1.0:
        found["unit"] = in_units(workspace, unit, _WIDE), unit
        found["both"] = in_units(workspace, unit, bound), unit
    return found


def differences(first: Answers, other: Answers, unit: float) -> dict[str, float]:
    """By how much answers differ: ends relative to their distance from the best fit, or to themselves.

    Those of a scan's heights are relative to 9; infinity stands for an end that is there in one only.
    """
    found = {}
    best = _number(first.get("best"))
    width = max((abs(_number(first.get(key), best) - best) for key in ("lower", "upper")), default=0.0)
    # 2NLL is flat at the best fit. An end there is that of the model, and what is left of it is rounding.
    ignored = {"best"}
    for pair in (("lower",), ("upper",), ("scan from", "scan 0"), ("scan to", f"scan {_POINTS - 1}")):
        values = [_number(first.get(pair[0]), best), _number(other.get(pair[0]), best * unit) / unit]
        if all(abs(value - best) <= _NOTHING * width for value in values):
            ignored |= set(pair)
    for key in sorted((first.keys() | other.keys()) - ignored):
        one, two = first.get(key), other.get(key)
        height = key == "min_chi2" or (key.startswith("scan ") and key not in ("scan from", "scan to"))
        scaled = two / unit if isinstance(two, float) and not height else two
        if isinstance(one, float) and isinstance(scaled, float):
            away = 9.0 if height else max(abs(one - best), abs(one))
            found[key] = abs(one - scaled) / max(away, _EPSILON)
        elif one == scaled:
            found[key] = 0.0
        else:  # an end at the best fit itself, where the model ends, is open or is there by rounding
            known = one if isinstance(one, float) else scaled
            at_best = isinstance(known, float) and abs(known - best) < _NOTHING * width
            found[key] = 0.0 if at_best else np.inf
    return found


def _number(value: float | str | None, default: float = 0.0) -> float:
    return value if isinstance(value, float) else default


def _scaled(entry: Mapping[str, Any], unit: float) -> Any:
    """A modifier's counts in another unit."""
    if entry["type"] in _MODIFIED:
        return [value / unit for value in entry["data"]]
    if entry["type"] == "histosys":
        return {side: [value / unit for value in counts] for side, counts in entry["data"].items()}
    return entry["data"]


def _widened(value: float, bound: float) -> float:
    if value == 0:
        return 0.0
    return float(np.copysign(1e30, value)) if np.isinf(bound) else value * bound


def _shares_statistics(workspace: Workspace) -> bool:
    """Whether a sample with the strength has a staterror: its size is that of several samples."""
    name = interest(workspace)
    samples = [sample for channel in workspace.spec["channels"] for sample in channel["samples"]]
    kinds: Sequence[set[str]] = [
        {entry["type"] for entry in sample["modifiers"]}
        for sample in samples
        if any(entry["name"] == name for entry in sample["modifiers"])
    ]
    return any("staterror" in kind for kind in kinds)
