"""What pyhf makes of the parameters of a workspace, and what it refuses or mistakes there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from nuhist.errors import ModelError

SCALARS = ("normfactor", "normsys", "histosys", "lumi")  # one number, others one per bin

# What a measurement may say of a parameter, beside "fixed", by the type of its modifier.
_OVERRIDES: Mapping[str, tuple[str, ...]] = {
    "normfactor": ("inits", "bounds"),
    "shapefactor": ("inits", "bounds"),
    "normsys": ("inits", "bounds", "auxdata"),
    "histosys": ("inits", "bounds", "auxdata"),
    "lumi": ("inits", "bounds", "auxdata", "sigmas"),
    "staterror": ("inits", "bounds", "auxdata", "sigmas"),
    "shapesys": ("inits", "bounds", "auxdata", "factors"),
}
# pyhf's start and bounds of the parameter of a modifier; it has none for a lumi.
DEFAULTS = {
    "normfactor": (1.0, 0.0, 10.0),
    "normsys": (0.0, -5.0, 5.0),
    "histosys": (0.0, -5.0, 5.0),
    "staterror": (1.0, 1e-10, 10.0),
    "shapesys": (1.0, 1e-10, 10.0),
    "shapefactor": (1.0, 0.0, 10.0),
}
_NUMBERS = ("inits", "bounds", "auxdata", "sigmas", "factors")
_TOGETHER = {"normsys", "histosys"}  # types that may have one name
_LUMI = '{"name": "lumi", "auxdata": [1.0], "sigmas": [0.02], "inits": [1.0], "bounds": [[0.9, 1.1]]}'


@dataclass(frozen=True)
class ParameterSet:
    """The parameter, or the parameters of bins, that modifiers of one name share.

    Attributes
    ----------
    kinds
        Types of its modifiers.
    holders
        By channel, its number of bins and the names of the samples that have it.
    """

    kinds: set[str] = field(default_factory=set)
    holders: dict[str, tuple[int, set[str]]] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Type of its modifiers; one of them where a normsys and a histosys share it."""
        return min(self.kinds)

    @property
    def size(self) -> int:
        """How many numbers it has in pyhf."""
        if self.kind in SCALARS:
            return 1
        bins = [self.holders[channel][0] for channel in sorted(self.holders)]
        return bins[0] if self.kind == "shapefactor" else sum(bins)


def each_modifier(spec: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]:
    """Every modifier of a workspace, after its channel and its sample."""
    for channel in spec["channels"]:
        for sample in channel["samples"]:
            for modifier in sample["modifiers"]:
                yield channel, sample, modifier


def parameter_sets(spec: Mapping[str, Any]) -> dict[str, ParameterSet]:
    """Parameters of a workspace, by name."""
    found: dict[str, ParameterSet] = {}
    for channel, sample, modifier in each_modifier(spec):
        entry = found.setdefault(modifier["name"], ParameterSet())
        entry.kinds.add(modifier["type"])
        holder = entry.holders.setdefault(channel["name"], (len(sample["data"]), set()))
        holder[1].add(sample["name"])
    return found


def parameter_range(kind: str, block: Mapping[str, Any]) -> tuple[float, float, float]:
    """Start and bounds of a parameter, with the overrides that a measurement has for it."""
    start, low, high = DEFAULTS.get(kind, (1.0, 0.0, 10.0))  # a lumi says itself
    if "inits" in block:
        start = float(block["inits"][0])
    if "bounds" in block:
        low, high = (float(bound) for bound in block["bounds"][0])
    return start, low, high


def check_parameters(spec: Mapping[str, Any], origin: str) -> None:
    """Refuse parameters of which pyhf cannot make a model, or makes another one than they say.

    Parameters
    ----------
    spec
        A workspace that its schema accepts.
    origin
        Where it came from, for the message.

    Raises
    ------
    ModelError
        With the parameter and what is wrong with it.
    """
    sets = parameter_sets(spec)
    for name, entry in sets.items():
        _check_set(name, entry, origin)
    for measurement in spec["measurements"]:
        _check_measurement(measurement["config"], sets, f"{origin}: measurement '{measurement['name']}'")


def several_numbers(spec: Mapping[str, Any], measurement: Mapping[str, Any]) -> str | None:
    """What is wrong with a parameter of interest of more than one number; None where it is one, or none.

    Other measurements of the file can be fitted, and this one with another parameter of interest.
    """
    poi = measurement["config"]["poi"]
    kind = next((entry["type"] for _, _, entry in each_modifier(spec) if entry["name"] == poi), None)
    if kind is None or kind in SCALARS or (size := parameter_sets(spec)[poi].size) == 1:
        return None
    where = f"measurement '{measurement['name']}'"
    return f"{where}: its parameter of interest '{poi}' is a {kind} of {size} numbers"


def refuse_several_numbers(
    spec: Mapping[str, Any],
    measurement: Mapping[str, Any],
    origin: str,
    remedy: str = "choose one that is a single number, by poi=...",
) -> None:
    """Refuse a measurement whose parameter of interest is more than one number.

    Raises
    ------
    ModelError
        With the parameter and what to do.
    """
    problem = several_numbers(spec, measurement)
    if problem is not None:
        raise ModelError(f"{origin}: {problem}; {remedy}")


def _check_set(name: str, entry: ParameterSet, origin: str) -> None:
    if len(entry.kinds) > 1 and not entry.kinds <= _TOGETHER:
        raise ModelError(
            f"{origin}: '{name}' is the name of modifiers of types {' and '.join(sorted(entry.kinds))}, which"
            " cannot share a parameter; rename one"
        )
    where = f"{origin}: {entry.kind} '{name}'"
    bins = {channel: entry.holders[channel][0] for channel in sorted(entry.holders)}
    if entry.kind == "shapesys" and sum(len(samples) for _, samples in entry.holders.values()) > 1:
        raise ModelError(f"{where}: is on several samples, which pyhf does not share; give each its own name")
    if entry.kind == "shapefactor" and max(bins.values()) > entry.size:
        first, largest = next(iter(bins)), max(bins, key=lambda channel: bins[channel])
        raise ModelError(
            f"{where}: channel '{first}' has {bins[first]} bins and '{largest}' {bins[largest]}, of which"
            " pyhf takes the last for other parameters; give each channel its own name"
        )
    if entry.kind == "staterror":
        if "/" in name:
            raise ModelError(f"{where}: pyhf cannot have a slash in the name of a staterror; rename it")
        _check_shared(entry, where)


def _check_shared(entry: ParameterSet, where: str) -> None:
    """Refuse a staterror on samples that are not in the same channels."""
    channels: dict[str, set[str]] = {}
    for channel, (_, samples) in entry.holders.items():
        for sample in samples:
            channels.setdefault(sample, set()).add(channel)
    for sample, found in channels.items():
        missing = entry.holders.keys() - found
        if missing:
            raise ModelError(
                f"{where}: sample '{sample}' has it in channel '{min(found)}' and not in '{min(missing)}',"
                " which pyhf cannot have; give each channel its own name"
            )


def _check_measurement(config: Mapping[str, Any], sets: Mapping[str, ParameterSet], place: str) -> None:
    blocks = {block["name"]: block for block in config["parameters"]}
    for name, entry in sets.items():
        if entry.kind == "lumi":
            missing = [key for key in _OVERRIDES["lumi"] if key not in blocks.get(name, {})]
            if missing:
                raise ModelError(
                    f"{place}: parameters: lumi has no {', '.join(missing)}, for which pyhf has no defaults;"
                    f" write something like {_LUMI}"
                )
    for name, block in blocks.items():
        _check_block(block, sets.get(name), f"{place}: parameter '{name}'")


def _check_block(block: Mapping[str, Any], entry: ParameterSet | None, where: str) -> None:
    """Overrides of a parameter: finite numbers, as many as it has, bounds in their order."""
    for key in _NUMBERS:
        if key not in block:
            continue
        if entry is not None:
            _check_override(key, len(block[key]), entry, where)
        for value in _flat(block[key]):
            if not is_finite(value):
                raise ModelError(f"{where}: {key}: {value} is no finite number")
            if key in ("sigmas", "factors") and value <= 0:
                raise ModelError(f"{where}: {key}: {value:g} is no width; it must be positive")
    for bounds in block.get("bounds", ()):
        if len(bounds) != 2 or bounds[0] > bounds[1]:
            raise ModelError(f"{where}: bounds: {bounds} are not a lower and a higher number")


def _check_override(key: str, length: int, entry: ParameterSet, where: str) -> None:
    if key not in _OVERRIDES[entry.kind]:
        raise ModelError(f"{where}: {key}: a {entry.kind} has none; take them out")
    if length != entry.size:
        needed = "one number; keep one" if entry.kind in SCALARS else f"{entry.size} bins; write one for each"
        raise ModelError(f"{where}: {key}: has {length} entries for {needed}")


def _flat(entries: Any) -> Iterator[float]:
    for entry in entries:
        yield from entry if isinstance(entry, list) else [entry]


def is_finite(value: float) -> bool:
    """Whether a number of a JSON document is finite; one of more than 308 digits is not."""
    try:
        return isfinite(value)
    except OverflowError:
        return False
