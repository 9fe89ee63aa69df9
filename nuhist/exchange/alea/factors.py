"""Which parameters of a workspace are linear factors of alea, and which interpolate templates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import isclose, isfinite
from typing import Any, Literal, get_args

import numpy as np

from nuhist.errors import ExchangeError, unknown_name
from nuhist.exchange.alea.groups import groups
from nuhist.histfactory.parameter_sets import parameter_range
from nuhist.histfactory.workspace import Workspace

NormsysForm = Literal["anchors", "linear"]
RATE = "_rate_multiplier"  # how alea's rates end
_ROUNDING = 1e-8  # of a factor: counts are written with ten digits, which leaves 1e-9
_PER_BIN = ("staterror", "shapesys", "shapefactor")


@dataclass(frozen=True)
class Factor:
    """A parameter p of the workspace in alea: the number offset + slope · p, constrained or not.

    Attributes
    ----------
    name, alea
        In the workspace, and in alea.
    form
        ``"rate"`` or ``"efficiency"``, which multiply samples, or ``"shape"``, which interpolates templates.
    start, low, high, centre
        In the workspace's units.
    sigma
        Sigma of the constraint, in alea's units; None without one.
    held
        Whether it is fixed.
    exact
        Whether counts are linear in it, so that alea has them as they are.
    scales
        Whether it multiplies whole samples, as a normsys does.
    """

    name: str
    alea: str
    form: Literal["rate", "efficiency", "shape"]
    start: float
    low: float
    high: float
    centre: float
    sigma: float | None = None
    offset: float = 0.0
    slope: float = 1.0
    held: bool = False
    exact: bool = True
    scales: bool = True

    def value(self, parameter: float) -> float:
        """The value in alea's units."""
        return self.offset + self.slope * parameter

    @property
    def limits(self) -> tuple[float, float]:
        """The limits in alea's units, which knows no factors below 0."""
        low, high = self.value(self.low), self.value(self.high)
        return (low, high) if self.form == "shape" else (max(low, 0.0), high)


@dataclass(frozen=True)
class _Use:
    """A modifier of a sample, in one of the groups of its channel."""

    channel: str
    group: int
    members: int
    nominal: list[float]
    modifier: Mapping[str, Any]


def factors(workspace: Workspace, measurement: str | None, normsys: NormsysForm) -> dict[str, Factor]:
    """What each parameter is in alea.

    Raises
    ------
    ConfigError
        If the form of normsys is unknown.
    ExchangeError
        If alea cannot hold a parameter.
    ModelError
        If there is no such measurement.
    """
    if normsys not in get_args(NormsysForm):
        raise unknown_name("form of normsys", normsys, get_args(NormsysForm))
    blocks = {block["name"]: block for block in workspace.measurement(measurement)["config"]["parameters"]}
    uses: dict[str, list[_Use]] = {}
    for use in _uses(workspace):
        uses.setdefault(use.modifier["name"], []).append(use)
    assigned = _Assigned()
    free = [name for name, found in uses.items() if found[0].modifier["type"] == "normfactor"]
    several = {name for name, found in uses.items() if _several(found)}
    found: dict[str, Factor] = {}
    for name in sorted(free, key=lambda name: name not in several):
        made = _linear(name, uses[name], blocks.get(name, {}), None)
        form = assigned.form(made, uses[name])
        if form is None:
            raise ExchangeError(
                f"{workspace.origin}: '{name}': alea multiplies a source with one rate and one efficiency;"
                " this factor is one too many, or goes below 0 or without end on several samples; hold it, or"
                " multiply it into the counts"
            )
        found[name] = _as(made, form)
    for name in (name for name in uses if name not in free):
        block = blocks.get(name, {})
        width = _width(uses[name], normsys)
        form = None
        if width is not None:
            made = _linear(name, uses[name], block, width)
            form = assigned.form(made, uses[name])
        exact = _whole(uses[name]) and all(_scales(use) is not None for use in uses[name])
        approximate = [use for use in uses[name] if use.modifier["type"] == "normsys"]
        found[name] = (
            _shape(name, uses[name], block, exact=exact)
            if form is None
            else _as(made, form, exact=not approximate)
        )
    return {name: found[name] for name in uses}


def _uses(workspace: Workspace) -> Iterator[_Use]:
    for channel in workspace.spec["channels"]:
        together = groups(channel)
        each = ((index, len(group), sample) for index, group in enumerate(together) for sample in group)
        for index, members, sample in each:
            where = f"{workspace.origin}: channel '{channel['name']}': sample '{sample['name']}'"
            for modifier in sample["modifiers"]:
                if modifier["type"] in _PER_BIN:
                    raise ExchangeError(
                        f"{where}: '{modifier['name']}' is a {modifier['type']}: alea has no factors of bins;"
                        " take it out, or make it a histosys"
                    )
                yield _Use(channel["name"], index, members, sample["data"], modifier)


def _several(uses: list[_Use]) -> bool:
    """Whether it multiplies several sources of one channel, as an efficiency does and no rate."""
    return len({use.channel for use in uses}) < len({(use.channel, use.group) for use in uses})


def _whole(uses: list[_Use]) -> bool:
    """Whether it acts on all samples of each source."""
    counts = Counter((use.channel, use.group) for use in uses)
    return all(counts[use.channel, use.group] == use.members for use in uses)


def _scales(use: _Use) -> float | None:
    """By how much the counts grow for each unit, where they grow in one straight line; None otherwise."""
    kind, data = use.modifier["type"], use.modifier["data"]
    if kind == "lumi":
        return 1.0
    if kind != "histosys":
        return None
    widths: list[float] = []
    for nominal, high, low in zip(use.nominal, data["hi_data"], data["lo_data"], strict=True):
        if nominal == 0:
            if high or low:
                return None
            continue
        width = high / nominal - 1
        if not isclose(low / nominal, 1 - width, abs_tol=_ROUNDING):
            return None
        widths.append(width)
    if not widths or max(widths) - min(widths) > _ROUNDING:
        return None
    return float(np.mean(widths))


def _width(uses: list[_Use], normsys: NormsysForm) -> float | None:
    """Relative width of a constrained factor that is one number times all its samples; None if it is not."""
    widths: list[float | None] = [] if _whole(uses) else [None]
    for use in uses:
        kind, data = use.modifier["type"], use.modifier["data"]
        if kind == "normsys":
            if normsys == "anchors" or not isclose(data["hi"] + data["lo"], 2, abs_tol=_ROUNDING):
                return None
            widths.append(data["hi"] - 1)
        else:
            widths.append(_scales(use))
    numbers: list[float] = [width for width in widths if width is not None]
    if len(numbers) < len(widths) or max(numbers) - min(numbers) > _ROUNDING or numbers[0] <= 0:
        return None
    return numbers[0]


def _linear(name: str, uses: list[_Use], block: Mapping[str, Any], width: float | None) -> Factor:
    kind = uses[0].modifier["type"]
    start, low, high = parameter_range(kind, block)
    held = block.get("fixed", False)
    if kind == "normfactor":
        return Factor(name, name, "rate", start, low, high, start, held=held)
    if kind == "lumi":
        sigma = block["sigmas"][0]
        return Factor(name, name, "rate", start, low, high, block["auxdata"][0], sigma, held=held)
    centre = block.get("auxdata", [0.0])[0]
    return Factor(name, name, "rate", start, low, high, centre, width, 1.0, width or 0.0, held=held)


def _shape(name: str, uses: list[_Use], block: Mapping[str, Any], *, exact: bool) -> Factor:
    kind = uses[0].modifier["type"]
    start, low, high = parameter_range(kind, block)
    centre, sigma = block.get("auxdata", [0.0])[0], block.get("sigmas", [1.0])[0]
    held = block.get("fixed", False)
    multiplied = (use.modifier["type"] == "normsys" or _scales(use) is not None for use in uses)
    scales = _whole(uses) and all(multiplied)
    return Factor(
        name, _no_rate(name), "shape", start, low, high, centre, sigma, held=held, exact=exact, scales=scales
    )


def _as(factor: Factor, form: Literal["rate", "efficiency"], *, exact: bool = True) -> Factor:
    name = factor.name
    alea = f"{name.removesuffix(RATE)}{RATE}" if form == "rate" else _no_rate(name)
    return replace(factor, form=form, alea=alea, exact=exact)


def _no_rate(name: str) -> str:
    """A name that alea does not take for a rate's."""
    return f"{name.removesuffix(RATE)}_factor" if name.endswith(RATE) else name


class _Assigned:
    """Which sources have their rate and their efficiency already."""

    def __init__(self) -> None:
        self.taken: dict[str, set[tuple[str, int]]] = {"rate": set(), "efficiency": set()}

    def form(self, factor: Factor, uses: list[_Use]) -> Literal["rate", "efficiency"] | None:
        """What a factor can still be."""
        sources = {(use.channel, use.group) for use in uses}
        possible: list[Literal["rate", "efficiency"]] = [] if _several(uses) else ["rate"]
        if isfinite(factor.value(factor.high)) and factor.value(factor.low) >= 0:
            possible.append("efficiency")
        for form in possible:
            if not sources & self.taken[form]:
                self.taken[form] |= sources
                return form
        return None
