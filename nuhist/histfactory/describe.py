"""A sidecar for a model of other people: what it limits, whose events it holds, terms, what to cite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from nuhist.__about__ import __version__
from nuhist.deprecation import renamed
from nuhist.errors import ConfigError, OptionError, unknown_name
from nuhist.histfactory.data_kind import data_record
from nuhist.histfactory.interest import coupling_scale, signal_of
from nuhist.histfactory.loading import Source, Unchanged, read_workspace
from nuhist.histfactory.parameter_sets import refuse_several_numbers
from nuhist.histfactory.validation import modifiers
from nuhist.histfactory.workspace import Workspace
from nuhist.physics.coupling import CouplingScale
from nuhist.values import as_positive


@renamed("0.1.0", licence="license")
def describe(
    workspace: Source | Unchanged,
    *,
    poi: str | None = None,
    coupling: str | None = None,
    unit: str | None = None,
    reference: float | None = None,
    signal: Mapping[str, str | float] | None = None,
    channels: Sequence[str] = (),
    dataset: str | None = None,
    license: str | None = None,
    sources: Sequence[str] = (),
    command: str | None = None,
) -> Workspace:
    """Add to a workspace what its JSON cannot hold, such as units; what is known already stays by default.

    Parameters
    ----------
    workspace
        A path, a document, a workspace, or a model without choices of its own.
    poi
        The parameter that is described; the measurement's parameter of interest by default.
    coupling, unit, reference
        The quantity that is proportional to it, such as ``"sigma"`` in ``"cm^2"``, and its value where the
        parameter is 1. Limits are those of the quantity from then on. All three belong together.
    signal
        For which signal the reference is, such as ``{"mass_GeV": 6}``. Parameters of different signals are
        not shared in a combination.
    channels
        Channels of which the rest holds; all of them by default.
    dataset
        Whose events they are, in words. Workspaces of one dataset are not combined.
    license
        On which terms the model was published.
    sources
        What to cite, with an arXiv number (``arXiv:2409.17868``) or a DOI (``doi:10.5281/zenodo.1``).
    command
        What the sidecar names as origin, where there was none.

    Raises
    ------
    ConfigError
        If there is nothing to say, a name is unknown, or the quantity is said in part.
    DataError, ModelError
        If the workspace cannot be read or is no valid model.

    Examples
    --------
    >>> from nuhist import build, describe
    >>> theirs = build("lz_ws2022", hypothesis="magnetic-moment").spec
    >>> described = describe(theirs, coupling="sigma", unit="cm^2", reference=1e-45, signal={"mass_GeV": 6})
    >>> described.sidecar["poi"]["meaning"]
    'sigma / 1e-45 cm^2'
    """
    if isinstance(sources, str) or isinstance(channels, str):
        raise ConfigError("sources and channels take lists of texts, not one text")
    if not (coupling or unit or reference or signal or dataset or license or sources):
        raise OptionError("nothing is said; give a coupling, a signal, a dataset, a licence or sources")
    found = read_workspace(workspace)
    sidecar = dict(found.sidecar or _blank(found, command))
    name = poi or found.interest()
    if coupling or unit or reference or signal:
        if name is None or name not in dict(modifiers(found.spec)):
            raise unknown_name("parameter", name or "", dict(modifiers(found.spec)))
        if poi is None:
            refuse_several_numbers(found.spec, found.measurement(), found.origin)
        said = _coupling(found, name, coupling, unit, reference, signal)
        sidecar |= _with_coupling(sidecar, said, replaces=name == found.interest())
    elif poi is not None:
        raise OptionError(
            f"poi='{poi}': nothing is said of it; add coupling=..., unit=... and reference=..., or signal=..."
        )
    known = [channel["name"] for channel in found.spec["channels"]]
    for channel in channels:
        if channel not in known:
            raise unknown_name("channel", channel, known)
    news = {"dataset": dataset, "license": license, "sources": list(sources)}
    news = {key: value for key, value in news.items() if value}
    if channels and not news:
        raise OptionError("channels=...: nothing is said of it; add dataset=..., license=... or sources=...")
    described = sidecar["channels"]
    sidecar["channels"] = {
        **described,
        **{each: {"samples": {}, **described.get(each, {}), **news} for each in channels or known if news},
    }
    return Workspace(found.spec, sidecar, found.origin)


def _blank(workspace: Workspace, command: str | None) -> dict[str, Any]:
    """A sidecar that says nothing yet."""
    scale = coupling_scale(workspace, workspace.interest() or "")
    return {
        "nuhist_version": __version__,
        "command": command,
        "workspace_digest": workspace.digest,
        "data": data_record(workspace.spec, workspace.data_kind),
        "poi": {**asdict(scale), "meaning": scale.meaning if scale.name else "background only"},
        "channels": {},
        "parameters": {},
    }


def _coupling(
    workspace: Workspace,
    name: str,
    coupling: str | None,
    unit: str | None,
    reference: float | None,
    signal: Mapping[str, str | float] | None,
) -> dict[str, Any]:
    """What the sidecar says of a parameter."""
    scale = coupling_scale(workspace, name)
    if coupling is not None or unit is not None or reference is not None:
        if not coupling or not unit or reference is None:
            raise ConfigError("coupling, unit and reference belong together; give all three")
        scale = CouplingScale(name, coupling, unit, as_positive(reference, "reference", unit))
    kept = {**signal_of(workspace.sidecar or {}, name), **(signal or {})}
    return {**asdict(scale), "meaning": scale.meaning, **({"signal": kept} if kept else {})}


def _with_coupling(sidecar: Mapping[str, Any], said: dict[str, Any], *, replaces: bool) -> dict[str, Any]:
    if replaces:
        return {"poi": said}
    others = [entry for entry in sidecar.get("further", ()) if entry["coupling"]["name"] != said["name"]]
    return {"further": [*others, {"coupling": said}]}
