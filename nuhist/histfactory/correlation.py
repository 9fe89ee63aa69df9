"""One parameter shared between workspaces, wholly or in part."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Any

from nuhist.errors import ConfigError, ModelError
from nuhist.histfactory.constraints import Constraint, constraints
from nuhist.histfactory.workspace import Workspace

OWN = "own"  # each workspace keeps its size of a shared parameter
FIRST = "first"  # all take that of the first workspace which has it


@dataclass
class Part:
    """A workspace on its way into a combination: a private copy, and what it is called."""

    name: str
    origin: str
    spec: dict[str, Any]
    sidecar: dict[str, Any]
    source: Workspace
    config: dict[str, Any] = field(default_factory=dict)


Held = Mapping[str, Mapping[str, Constraint]]
"""Constraints by the name of the parameter and that of the part."""


def held(parts: Sequence[Part]) -> dict[str, dict[str, Constraint]]:
    """Constraint of every parameter in each of the parts that have it."""
    found: dict[str, dict[str, Constraint]] = {}
    for part in parts:
        for name, constraint in constraints(part.spec).items():
            found.setdefault(name, {})[part.name] = constraint
    return found


def correlate_all(
    parts: Sequence[Part], shared: Mapping[str, float], found: Held, prefer: Mapping[str, str]
) -> None:
    """Share parameters between all parts that have them.

    Parameters
    ----------
    parts
        Changed in place.
    shared
        Correlation of each, above 0 and at most 1; below 1 the parameter is split in two.
    found
        Their constraints, see :func:`held`.
    prefer
        For a parameter whose constraints differ, the part whose constraint all of them take,
        ``"first"``, or ``"own"`` where each keeps its own.

    Raises
    ------
    ModelError
        If a parameter is of different types, or has a parameter per bin; or if some have different sizes
        and no preference, all of them in one message.
    ConfigError
        If a preference names no part.
    """
    undecided = []
    for name, rho in shared.items():
        kind = _kind(name, found[name])
        holders = [part for part in parts if part.name in found[name]]
        if rho == 1:  # parts of one cause may well differ in size
            undecided += _agree(holders, found[name], name, prefer.get(name))
            continue
        if kind != "gaussian":
            raise ModelError(f"'{name}' is {kind}: only a normsys or histosys can be correlated in part")
        for part in holders:
            _refuse_held(part, name)
            _split(part, name, rho)
    if undecided:
        first = undecided[0].split("'")[1]
        if _kind(first, found[first]) == "lumi":
            raise ModelError(
                f"{'; '.join(undecided)}; use prefer={{'{first}': WORKSPACE}} (or {FIRST}): a model has one"
                " luminosity, so that each cannot keep its own"
            )
        raise ModelError(
            f"{'; '.join(undecided)}; use prefer={{'{first}': WORKSPACE}} (or {FIRST}, or {OWN}, to keep"
            f" each; prefer='{OWN}' for all) or decorrelate=['{first}']"
        )


def _kind(name: str, found: Mapping[str, Constraint]) -> str:
    kinds = {constraint.kind for constraint in found.values()}
    if len(kinds) > 1:
        described = ", ".join(f"{constraint.kind} in {part}" for part, constraint in found.items())
        raise ModelError(f"'{name}' cannot be shared: it is {described}; use decorrelate=... or rename=...")
    kind = kinds.pop()
    if kind == "per bin":
        raise ModelError(f"'{name}' has a parameter per bin and cannot be shared; use decorrelate=['{name}']")
    return kind


def _agree(
    holders: Sequence[Part], found: Mapping[str, Constraint], name: str, winner: str | None
) -> list[str]:
    """Settle constraints of different size by the user's preference; else what is to be decided."""
    if winner == FIRST:
        winner = next(iter(found))
    if winner is not None and winner != OWN and winner not in found:
        known = ", ".join((*found, OWN, FIRST))
        raise ConfigError(f"prefer={{'{name}': '{winner}'}}: no such workspace; they are {known}")
    sizes = {constraint.key for constraint in found.values() if constraint.key is not None}
    of_lumi = any(constraint.kind == "lumi" for constraint in found.values())
    if len(sizes) < 2 or (winner == OWN and not of_lumi):
        return []
    if winner is None or winner == OWN:
        described = ", ".join(f"{constraint.words} in {part}" for part, constraint in found.items())
        return [f"'{name}' has different sizes: {described}"]
    for part in holders:
        found[winner].impose(part.spec, name)
    return []


def _refuse_held(part: Part, name: str) -> None:
    """A parameter that becomes two cannot be held, bounded or centred as one."""
    block: Mapping[str, Any] = next(
        (block for block in part.config["parameters"] if block["name"] == name), {}
    )
    said = {"fixed": block.get("fixed", False), "auxdata": any(block.get("auxdata", ()))}
    found = [key for key, value in {**said, "bounds": "bounds" in block}.items() if value]
    if found:
        raise ModelError(
            f"{part.origin}: '{name}' has {found[0]} of its own ({block[found[0]]}), and correlated in part"
            " it becomes two parameters; take that out of the workspace, or share it whole"
        )


def _split(part: Part, name: str, rho: float) -> None:
    """A systematic as a shared part √ρ and a private part √(1 − ρ) of its effect."""
    private = f"{part.name}_{name}"
    if private in constraints(part.spec):
        raise ModelError(f"{part.origin}: '{private}' exists already; rename it first")
    for channel in part.spec["channels"]:
        for sample in channel["samples"]:
            for modifier in list(sample["modifiers"]):
                if modifier["name"] != name:
                    continue
                twin = copy.deepcopy(modifier)
                twin["name"] = private
                _weaken(modifier, sample["data"], sqrt(rho))
                _weaken(twin, sample["data"], sqrt(1 - rho))
                sample["modifiers"].append(twin)
    meaning = part.sidecar.get("parameters", {}).get(name)
    if meaning:
        share = f"{meaning['meaning']}; the part of {part.name} alone, ρ = {rho:g}"
        part.sidecar["parameters"][private] = {**meaning, "meaning": share}


def _weaken(modifier: dict[str, Any], nominal: Sequence[float], factor: float) -> None:
    data = modifier["data"]
    if modifier["type"] == "normsys":
        # Beyond one standard deviation a normsys is exponential: powers split it.
        modifier["data"] = {key: data[key] ** factor for key in ("hi", "lo")}
    else:
        modifier["data"] = {
            key: [n + factor * (v - n) for n, v in zip(nominal, data[key], strict=True)]
            for key in ("hi_data", "lo_data")
        }
