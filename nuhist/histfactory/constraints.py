"""What constrains the parameters of a workspace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from nuhist.histfactory.parameter_sets import each_modifier

Kind = Literal["free", "gaussian", "lumi", "per bin"]

_KINDS: dict[str, Kind] = {
    "normfactor": "free",
    "normsys": "gaussian",
    "histosys": "gaussian",
    "lumi": "lumi",
    "staterror": "per bin",
    "shapesys": "per bin",
    "shapefactor": "per bin",
}


@dataclass(frozen=True)
class Constraint:
    """How a parameter is constrained in one workspace.

    Attributes
    ----------
    kind
        ``"free"`` (normfactor), ``"gaussian"`` (normsys, histosys), ``"lumi"`` or ``"per bin"``.
    size
        In words, where it is one number for the whole workspace: a normsys that is the same on
        all its samples, a histosys that multiplies all its counts by one number, or a lumi; else None.
    data
        What ``size`` stands for, as JSON.
    effect
        In words: on how many samples it acts, and how.
    """

    kind: Kind
    size: str | None
    data: Mapping[str, Any]
    effect: str = ""

    @property
    def key(self) -> tuple[str, ...] | None:
        """What is equal for constraints of one size, to six digits; None where it is not one number."""
        return None if self.size is None else tuple(f"{value}" for value in _rounded(self.data))

    @property
    def words(self) -> str:
        """Its size, or what it acts on."""
        return self.size or self.effect

    def impose(self, spec: dict[str, Any], name: str) -> None:
        """Give a parameter of another workspace, of the same kind, this size."""
        if self.kind == "lumi":
            for block in spec["measurements"][0]["config"]["parameters"]:
                if block["name"] == name:
                    block.update(self.data)
            return
        for _, sample, modifier in each_modifier(spec):
            if modifier["name"] != name:
                continue
            if modifier["type"] == "normsys":
                modifier["data"] = dict(self.data)
            else:
                modifier["data"] = {
                    f"{key}_data": [self.data[key] * count for count in sample["data"]]
                    for key in ("hi", "lo")
                }


def modifiers_of(spec: Mapping[str, Any], name: str) -> Iterator[dict[str, Any]]:
    """All modifiers of one parameter."""
    return (modifier for _, _, modifier in each_modifier(spec) if modifier["name"] == name)


def constraints(spec: Mapping[str, Any]) -> dict[str, Constraint]:
    """Constraint of every parameter, by name, as the first measurement has it."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for _, sample, modifier in each_modifier(spec):
        found.setdefault(modifier["name"], []).append({**modifier, "nominal": sample["data"]})
    blocks = {block["name"]: block for block in spec["measurements"][0]["config"]["parameters"]}
    return {name: _constraint(entries, blocks.get(name, {})) for name, entries in found.items()}


def _constraint(entries: list[Mapping[str, Any]], block: Mapping[str, Any]) -> Constraint:
    kinds = {_KINDS[entry["type"]] for entry in entries}
    kind = min(kinds, key=["per bin", "lumi", "gaussian", "free"].index)
    if kind == "lumi":
        data = {key: block[key] for key in ("auxdata", "sigmas") if key in block}
        numbers = [float(data[key][0]) if data.get(key) else None for key in ("auxdata", "sigmas")]
        return Constraint(kind, f"auxdata {numbers[0]}, sigma {numbers[1]}", data)
    norms = [entry["data"] for entry in entries if entry["type"] == "normsys"]
    sizes = {(data["hi"], data["lo"]) for data in norms}
    if len(sizes) == 1 and len(norms) == len(entries):
        high, low = sizes.pop()
        return Constraint(kind, f"a normsys with hi {high:g}, lo {low:g}", {"hi": high, "lo": low})
    scales = {_scaled(entry) for entry in entries if entry["type"] == "histosys"}
    if len(scales | {(float(f"{hi:.6g}"), float(f"{lo:.6g}")) for hi, lo in sizes}) == 1:
        scaled = next(iter(scales))
        if scaled is not None:
            words = f"a histosys with counts times {scaled[0]:g} and {scaled[1]:g}"
            return Constraint(kind, words, {"hi": scaled[0], "lo": scaled[1]})
    effect = f"{' and '.join(sorted({entry['type'] for entry in entries}))} on {len(entries)} samples"
    if norms:
        largest = max(max(abs(data["hi"] - 1), abs(data["lo"] - 1)) for data in norms)
        effect += f", up to {largest:.2g}"
    return Constraint(kind, None, {}, effect)


def _scaled(histosys: Mapping[str, Any]) -> tuple[float, float] | None:
    """By which numbers a histosys multiplies the nominal counts, to six digits; None if they are several."""
    found: list[float | None] = []
    for key in ("hi_data", "lo_data"):
        ratios = {
            float(f"{varied / counts:.6g}") if counts else (1.0 if varied == counts else None)
            for counts, varied in zip(histosys["nominal"], histosys["data"][key], strict=True)
            if counts or varied
        }
        found += ratios if len(ratios) == 1 else [None]
    high, low = found
    return None if high is None or low is None else (high, low)


def _rounded(data: Any) -> list[Any]:
    """The numbers of a size, in order of their names, to six digits."""
    if isinstance(data, Mapping):
        return [value for name in sorted(data) for value in _rounded(data[name])]
    if isinstance(data, list):
        return [value for entry in data for value in _rounded(entry)]
    return [float(f"{data:.6g}")] if isinstance(data, int | float) else [data]
