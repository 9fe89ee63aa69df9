"""What is in a workspace, for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from nuhist.histfactory.data_kind import DataKind
from nuhist.histfactory.interest import coupling_scale, signal_of
from nuhist.histfactory.workspace import Workspace
from nuhist.physics.coupling import CouplingScale
from nuhist.physics.hypotheses import find_parameter, title_of

UNKNOWN = "meaning unknown (no sidecar)"


@dataclass(frozen=True, slots=True)
class SampleSummary:
    """A sample: expected counts at nominal parameters, and its modifiers as name (type)."""

    name: str
    title: str
    expected: float
    modifiers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChannelSummary:
    """A channel: bins, range in keV if known, observed counts, samples; terms and citations, if known."""

    name: str
    bins: int
    low: float | None
    high: float | None
    observed: float
    samples: tuple[SampleSummary, ...]
    license: str | None
    url: str | None
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ParameterSummary:
    """A parameter: types of its modifiers, meaning and unit as far as known."""

    name: str
    types: tuple[str, ...]
    meaning: str
    unit: str | None


@dataclass(frozen=True, slots=True)
class WorkspaceSummary:
    """Channels, parameters and measurements of a workspace, and what its counts are."""

    workspace_digest: str
    data_kind: DataKind
    measurements: tuple[str, ...]
    poi: str | None
    poi_meaning: str
    channels: tuple[ChannelSummary, ...]
    parameters: tuple[ParameterSummary, ...]

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return asdict(self)


def summarise(workspace: Workspace) -> WorkspaceSummary:
    """Summarise a workspace: channels, samples, parameters, and their meanings where there is a sidecar.

    Parameters
    ----------
    workspace
        A workspace, from :func:`nuhist.load` or :func:`nuhist.build`.
    """
    sidecar = workspace.sidecar or {}
    poi = workspace.interest()
    types: dict[str, set[str]] = {}
    counts = workspace.observed()
    channels = []
    for channel in workspace.spec["channels"]:
        described = sidecar.get("channels", {}).get(channel["name"], {})
        edges = described.get("edges_keV")
        samples = []
        for sample in channel["samples"]:
            for modifier in sample["modifiers"]:
                types.setdefault(modifier["name"], set()).add(modifier["type"])
            samples.append(
                SampleSummary(
                    name=sample["name"],
                    title=described.get("samples", {}).get(sample["name"], sample["name"]),
                    expected=float(sum(sample["data"])),
                    modifiers=tuple(f"{m['name']} ({m['type']})" for m in sample["modifiers"]),
                )
            )
        observed = counts[channel["name"]]
        channels.append(
            ChannelSummary(
                name=channel["name"],
                bins=len(observed),
                low=edges[0] if edges else None,
                high=edges[-1] if edges else None,
                observed=float(sum(observed)),
                samples=tuple(samples),
                license=described.get("license"),
                url=described.get("url"),
                sources=tuple(described.get("sources", ())),
            )
        )
    meanings = sidecar.get("parameters", {})
    scale = coupling_scale(workspace, poi) if poi else CouplingScale.plain("")
    known = "" if scale.is_plain else _meaning(scale, sidecar) + _of_signal(signal_of(sidecar, scale.name))
    parameters = tuple(
        ParameterSummary(
            name=name,
            types=tuple(sorted(kinds)),
            meaning=(known if name == poi else "") or meanings.get(name, {}).get("meaning") or UNKNOWN,
            unit=meanings.get(name, {}).get("unit"),
        )
        for name, kinds in sorted(types.items())
    )
    return WorkspaceSummary(
        workspace_digest=workspace.digest,
        data_kind=workspace.data_kind,
        measurements=tuple(entry["name"] for entry in workspace.spec["measurements"]),
        poi=poi,
        poi_meaning=next((p.meaning for p in parameters if p.name == poi), "background only"),
        channels=tuple(channels),
        parameters=parameters,
    )


def _meaning(scale: CouplingScale, sidecar: Mapping[str, Any]) -> str:
    """The definition of a parameter of interest; the hypothesis' title where that is its name again."""
    if scale.meaning != scale.name:
        return scale.meaning
    found = find_parameter(scale.name)
    title = title_of(sidecar.get("hypothesis")) or (found[0].title if found else None)
    return title or scale.meaning


def _of_signal(signal: Mapping[str, Any]) -> str:
    """For which signal a reference is, such as `` for mass = 6GeV``."""
    said = [
        f"{key} = {value:g}" if isinstance(value, float) else f"{key} = {value}"
        for key, value in signal.items()
    ]
    return f" for {', '.join(said)}" if said else ""
