"""Random small counting models, from a seed: one to four bins, and no more than some 20 events.

They have what makes small models hard: strengths that may be negative, bins without events, bins without
background, systematics whose two sides go the same way, strengths that multiply each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from nuhist.histfactory.validation import validate
from nuhist.histfactory.workspace import Workspace
from tests.strategies import rounded

Array = NDArray[np.float64]
Modifier = dict[str, Any]
Kind = Literal["unsigned", "signed", "charge", "mixture"]

INTEREST = "kappa"
KINDS: tuple[Kind, ...] = get_args(Kind)
_OFTEN = (0.45, 0.2, 0.15, 0.2)  # how often each kind
_SIZES = ((1,), (2,), (1, 1), (3,), (2, 1), (4,), (2, 2), (1, 3), (1, 1, 2))  # bins of the channels
_MOST = 20  # events in all
_WIDE = 100.0  # bounds of a strength, at which some 100 events are expected


@dataclass(frozen=True)
class _Systematic:
    """A nuisance parameter, and in which samples it is, by channel."""

    name: str
    type: str
    flavour: str
    carriers: frozenset[tuple[int, str]]


def counting_workspace(seed: int | Sequence[int]) -> Workspace:
    """A random model; the same one for the same seed."""
    rng = np.random.default_rng(seed)
    kind: Kind = KINDS[int(rng.choice(len(KINDS), p=_OFTEN))]
    sizes = _SIZES[int(rng.integers(len(_SIZES)))]
    names = ["background", "other"][: int(rng.integers(1, 3))]
    templates = _templates(rng, sizes, names)
    systematics = _systematics(rng, [key for key in templates if templates[key].any()])
    blocks: dict[str, dict[str, Any]] = {INTEREST: _interest_block(rng, kind)}
    share = None
    if kind == "mixture":
        share = "share" if rng.random() < 0.5 else None
        blocks["norm"] = {"name": "norm", "bounds": [[0.0, 20.0]]}
        if share:
            blocks[share] = {"name": share, "bounds": [[float(rng.choice([-3.0, 0.0])), 3.0]]}
    channels: list[dict[str, Any]] = []
    for number in range(len(sizes)):
        samples: list[dict[str, Any]] = []
        for name in ("signal", *names):
            nominal = templates[number, name]
            own: list[Modifier] = []
            if name == "signal":
                own.append(_interest(rng, kind, nominal))
                if share and (number == 0 or rng.random() < 0.5):
                    own.append({"name": share, "type": "normfactor", "data": None})
            elif kind == "mixture" and name == names[-1]:
                own.append({"name": "norm", "type": "normfactor", "data": None})
            for systematic in systematics:
                if (number, name) in systematic.carriers:
                    own.append(_modifier(rng, systematic, nominal, f"{number}_{name}"))
                    if systematic.type == "lumi":
                        blocks["lumi"] = _LUMI
            samples.append({"name": name, "data": rounded(nominal), "modifiers": own})
        channels.append({"name": f"channel_{number}", "samples": samples})
    spec = {
        "channels": channels,
        "observations": _observations(rng, channels, size=kind != "charge"),
        "measurements": [{"name": "only", "config": {"poi": INTEREST, "parameters": list(blocks.values())}}],
        "version": "1.0.0",
    }
    validate(spec, "counting")
    return Workspace(spec, origin="counting")


_LUMI = {"name": "lumi", "auxdata": [1.0], "sigmas": [0.05], "bounds": [[0.5, 1.5]], "inits": [1.0]}


def kind_of(workspace: Workspace) -> Kind:
    """Which kind of strength a model has."""
    samples = [sample for channel in workspace.spec["channels"] for sample in channel["samples"]]
    entries = [entry for sample in samples for entry in sample["modifiers"]]
    if any(entry["name"] == "norm" for entry in entries):
        return "mixture"
    if any(entry["name"] == INTEREST and entry["type"] == "histosys" for entry in entries):
        return "charge"
    block = workspace.measurement()["config"]["parameters"][0]
    return "signed" if block["bounds"][0][0] < 0 else "unsigned"


def _templates(
    rng: np.random.Generator, sizes: Sequence[int], names: Sequence[str]
) -> dict[tuple[int, str], Array]:
    """Nominal counts by channel and sample, some of them 0."""
    found = {}
    for name in ("signal", *names):
        total = float(np.exp(rng.uniform(np.log(0.3), np.log(8.0))))
        shares = rng.dirichlet(np.full(sum(sizes), 1.5))
        shares[rng.random(shares.size) < rng.choice([0.0, 0.0, 0.3, 0.6])] = 0.0
        if name == "signal" and not shares.any():
            shares[int(rng.integers(shares.size))] = 1.0
        edges = np.cumsum([0, *sizes])
        for number in range(len(sizes)):
            found[number, name] = total * shares[edges[number] : edges[number + 1]]
    return found


def _systematics(rng: np.random.Generator, present: Sequence[tuple[int, str]]) -> list[_Systematic]:
    found: list[_Systematic] = []
    if not present:
        return found
    flavours = {
        "normsys": ("straight", "equal", "any"),
        "histosys": ("straight", "equal", "any", "one"),
    }
    for number in range(int(rng.choice([0, 1, 2, 3], p=[0.15, 0.35, 0.3, 0.2]))):
        types = ["normsys", "histosys", "shapesys", "staterror", "lumi"]
        type_ = str(rng.choice(types, p=[0.3, 0.35, 0.15, 0.1, 0.1]))
        if type_ in ("staterror", "lumi") and any(each.type == type_ for each in found):
            continue
        carriers = [key for key in present if rng.random() < 0.5]
        carriers = carriers or [present[int(rng.integers(len(present)))]]
        if type_ == "staterror":  # shared with the signal, its size would depend on the strength's unit
            carriers = [key for key in carriers if key[1] != "signal"]
        flavour = str(rng.choice(flavours.get(type_, ("",))))
        found.append(_Systematic(f"{type_}_{number}", type_, flavour, frozenset(carriers)))
    return found


def _modifier(rng: np.random.Generator, systematic: _Systematic, nominal: Array, own: str) -> Modifier:
    name, width = systematic.name, float(rng.choice([0.05, 0.2, 0.5]))
    data: Any = None
    if systematic.type == "lumi":
        name = "lumi"
    elif systematic.type == "shapesys":
        name, data = f"{name}_{own}", rounded(nominal * rng.uniform(0.05, 0.6, nominal.size))
    elif systematic.type == "staterror":
        name, data = f"{name}_{own[0]}", rounded(nominal * rng.uniform(0.05, 0.4, nominal.size))
    elif systematic.type == "normsys":
        sign = 1 if rng.random() < 0.7 else -1
        sides = {
            "straight": (1 + width, 1 - width),
            "equal": (1 + sign * width, 1 + sign * width),
            "any": tuple(np.exp(width * rng.normal(size=2))),
        }[systematic.flavour]
        data = dict(zip(("hi", "lo"), rounded(sides), strict=True))
    else:
        # A bin without nominal counts may get some.
        base = np.where(nominal > 0, nominal, float(rng.choice([0.0, 0.3])))
        up, down = (base * width * rng.normal(size=nominal.size) for _ in range(2))
        sides = {
            "straight": (up, -up),
            "equal": (up, up),
            "any": (up, down),
            "one": (up, np.zeros_like(up)),
        }[systematic.flavour]
        hi, lo = (rounded(np.maximum(nominal + side, 0.0)) for side in sides)
        data = {"hi_data": hi, "lo_data": lo}
    return {"name": name, "type": systematic.type, "data": data}


def _interest(rng: np.random.Generator, kind: Kind, nominal: Array) -> Modifier:
    if kind != "charge":
        return {"name": INTEREST, "type": "normfactor", "data": None}
    even = nominal * rng.uniform(0.2, 1.5, nominal.size)
    odd = np.zeros(nominal.size) if rng.random() < 0.4 else nominal * rng.uniform(-0.9, 0.9, nominal.size)
    hi, lo = (rounded(np.maximum(nominal + even + sign * odd, 0.0)) for sign in (1, -1))
    return {"name": INTEREST, "type": "histosys", "data": {"hi_data": hi, "lo_data": lo}}


def _interest_block(rng: np.random.Generator, kind: Kind) -> dict[str, Any]:
    wide = 8.0 if kind == "charge" else _WIDE
    negative = kind in ("signed", "charge") or (kind == "mixture" and rng.random() < 0.5)
    bounds = [[-wide if negative else 0.0, wide]]
    return {"name": INTEREST, "bounds": bounds, "inits": [float(rng.choice([0.0, 0.5, 1.0]))]}


def _observations(
    rng: np.random.Generator, channels: Sequence[dict[str, Any]], *, size: bool
) -> list[dict[str, Any]]:
    """Counts thrown with some strength or without it, now and then none."""
    strength = float(rng.choice([0.0, 0.5, 1.0, 2.0])) if size else 1.0
    sigmas = float(rng.choice([0.3, 1.0, 1.0, 2.0])) if rng.random() < 0.95 else 0.0
    left = _MOST
    found = []
    for channel in channels:
        expected = np.sum(
            [
                np.array(sample["data"]) * (strength if sample["name"] == "signal" else 1.0)
                for sample in channel["samples"]
            ],
            axis=0,
        )
        counts = []
        for value in rng.poisson(sigmas * expected):
            counts.append(float(min(value, left)))
            left -= int(counts[-1])
        found.append({"name": channel["name"], "data": counts})
    return found
