"""What XML and HS3 cannot hold of a workspace: it travels beside the model, as JSON, and is put back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import isclose
from typing import Any

from nuhist.__about__ import __version__
from nuhist.documents import parse_json
from nuhist.errors import ExchangeError
from nuhist.histfactory.data_kind import DataKind, data_record
from nuhist.histfactory.interest import coupling_scale
from nuhist.histfactory.parameter_sets import DEFAULTS, each_modifier
from nuhist.histfactory.validation import modifiers, validate
from nuhist.histfactory.workspace import Workspace, digest
from nuhist.schemas import check
from nuhist.tables import Array

VERSION = 1
_ROUNDING = 1e-12  # of a luminosity's error, which XML has relative to the luminosity

Blocks = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Remainder:
    """What was stored beside a model.

    By measurement the blocks of parameters that the workspace had; by channel the name of its staterror; the
    workspace's sidecar, or None; by measurement its parameter of interest, where no modifier has it; by
    channel and sample where the lumi stands among the modifiers, unless it is the first.
    """

    parameters: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    staterrors: Mapping[str, str] = field(default_factory=dict)
    sidecar: Mapping[str, Any] | None = None
    interest: Mapping[str, str] = field(default_factory=dict)
    lumi: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As one JSON object."""
        return {"nuhist_remainder": VERSION, **asdict(self)}


def remainder(workspace: Workspace, measurements: Sequence[Mapping[str, Any]]) -> Remainder:
    """What to store beside a model of these measurements of a workspace."""
    staterrors = {
        channel["name"]: modifier["name"]
        for channel, _, modifier in each_modifier(workspace.spec)
        if modifier["type"] == "staterror"
    }
    parameters = {entry["name"]: entry["config"]["parameters"] for entry in measurements}
    known = dict(modifiers(workspace.spec))
    named = {entry["name"]: entry["config"]["poi"] for entry in measurements}
    interest = {name: poi for name, poi in named.items() if poi and poi not in known}
    places: dict[str, dict[str, int]] = {}
    for channel, sample, modifier in each_modifier(workspace.spec):
        if modifier["type"] == "lumi" and sample["modifiers"][0] is not modifier:
            place = next(i for i, entry in enumerate(sample["modifiers"]) if entry is modifier)
            places.setdefault(channel["name"], {})[sample["name"]] = place
    return Remainder(parameters, staterrors, workspace.sidecar, interest, places)


def read_remainder(document: Any, where: str) -> Remainder:
    """A remainder from JSON text or a parsed object; an empty one from None."""
    if document is None:
        return Remainder()
    place = f"{where}: is not what nuhist wrote; take it out"
    content = parse_json(document, place, ExchangeError) if isinstance(document, str) else document
    if isinstance(content, dict) and content.get("nuhist_remainder", VERSION) != VERSION:
        raise ExchangeError(f"{where}: version {content['nuhist_remainder']!s:.20} is not known here")
    check(content, "remainder", place, ExchangeError)
    if content["sidecar"] is not None:
        check(content["sidecar"], "sidecar", where, ExchangeError)
    more = (content.get(key, {}) for key in ("interest", "lumi"))
    return Remainder(content["parameters"], content["staterrors"], content["sidecar"], *more)


def restored_blocks(
    found: Blocks, kinds: Mapping[str, str], stored: Sequence[Mapping[str, Any]] = ()
) -> list[dict[str, Any]]:
    """Blocks of parameters from what a format says of them and what was stored beside it.

    What the format says holds. What it cannot say comes from the store; pyhf's defaults are left
    out unless the store has them. ``kinds`` has the type of the modifier of every parameter.
    """

    def kept(name: str, held: Mapping[str, Any]) -> dict[str, Any]:
        """What the format says of a parameter, without what the store has or pyhf assumes."""
        news = {key: value for key, value in found.get(name, {}).items() if not _same(held.get(key), value)}
        return {k: v for k, v in news.items() if k in held or not _same(_default(kinds[name], k), v)}

    blocks = [{**block, **kept(block["name"], block)} for block in stored]
    names = {block["name"] for block in stored}
    more = ({"name": name, **kept(name, {})} for name in found if name not in names)
    return blocks + [block for block in more if len(block) > 1]


def complete_lumi(block: Mapping[str, Any]) -> dict[str, Any]:
    """The block of a luminosity with a start and bounds, of which pyhf has no defaults.

    It starts at its centre. The bounds are five widths away, hold the start, and are not negative.
    """
    (centre,), (width,) = block["auxdata"], block["sigmas"]
    start = block.get("inits", [centre])
    bounds = [max(0.0, min(centre - 5 * width, *start)), max(centre + 5 * width, *start)]
    return {**block, "inits": start, "bounds": block.get("bounds", [bounds])}


def _default(kind: str, key: str) -> Any:
    if key == "fixed":
        return False
    if kind not in DEFAULTS:
        return None
    start, low, high = DEFAULTS[kind]
    return {"inits": [start], "bounds": [[low, high]]}.get(key)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, int | float) and isinstance(other, int | float):
        return isclose(one, other, rel_tol=_ROUNDING)
    return bool(one == other)


@dataclass(frozen=True, eq=False)
class ChannelTitles:
    """What a format says of a channel beside the model: edges in keV (or None), titles of samples."""

    edges: Array | None
    samples: Mapping[str, str]


def imported(
    spec: dict[str, Any],
    channels: Mapping[str, ChannelTitles],
    kept: Remainder,
    *,
    origin: str,
    command: str | None,
    data: DataKind | None = None,
) -> Workspace:
    """A workspace of an imported model, with the sidecar that was stored beside it or a new one.

    ``data`` is what the format says of the observed counts, if it does.
    """
    validate(spec, origin)
    record = {} if data is None else {"data": data_record(spec, data)}
    described = {
        name: {"edges_keV": entry.edges.tolist(), "samples": dict(entry.samples)}
        for name, entry in channels.items()
        if entry.edges is not None
    }
    if kept.sidecar is not None:
        known = kept.sidecar["channels"]
        merged = {name: {**entry, **known.get(name, {})} for name, entry in described.items()}
        for name, entry in merged.items():
            entry["edges_keV"] = described[name]["edges_keV"]
        merged |= {name: entry for name, entry in known.items() if "edges_keV" not in entry}  # of other axes
        sidecar = {**kept.sidecar, "channels": merged, "workspace_digest": digest(spec), **record}
        return Workspace(spec, sidecar, origin)
    poi = Workspace(spec).interest() or ""
    scale = coupling_scale(Workspace(spec), poi)
    sidecar = {
        "nuhist_version": __version__,
        "command": command,
        "workspace_digest": digest(spec),
        **record,
        "poi": {**asdict(scale), "meaning": scale.meaning if poi else "background only"},
        "channels": {name: {**entry, "sources": [origin]} for name, entry in described.items()},
        "parameters": {
            name: {"meaning": f"'{name}' of {origin}", "unit": "standard deviations"}
            for name, kind in dict(modifiers(spec)).items()
            if kind in ("normsys", "histosys")
        },
    }
    return Workspace(spec, sidecar, origin)
