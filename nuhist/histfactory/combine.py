"""Several workspaces into one, with every correlation spelled out."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from nuhist.__about__ import __version__
from nuhist.errors import ConfigError, ModelError, OptionError
from nuhist.experiments.experiment import bundled_experiments, load_experiment
from nuhist.histfactory.constraints import constraints
from nuhist.histfactory.correlation import Part, correlate_parameter
from nuhist.histfactory.data_kind import data_record, describe
from nuhist.histfactory.interest import coupling_scale, rescale_interest
from nuhist.histfactory.loading import Source, Unchanged, read_workspace
from nuhist.histfactory.overrides import merged_overrides
from nuhist.histfactory.rename import check_renames, prefix, rename_channel, rename_parameter
from nuhist.histfactory.validation import modifiers, validate
from nuhist.histfactory.workspace import MEASUREMENT, Workspace, digest
from nuhist.physics.coupling import CouplingScale
from nuhist.values import as_named_numbers


def combine(
    workspaces: Sequence[Source | Unchanged],
    *,
    correlate: Mapping[str, float] | Sequence[str] = (),
    decorrelate: Sequence[str] = (),
    rename: Mapping[str, str] | None = None,
    prefer: Mapping[str, str] | None = None,
    force: bool = False,
    command: str | None = None,
    message: Callable[[str], None] = lambda _: None,
) -> Workspace:
    """Combine workspaces into one likelihood.

    Parameters
    ----------
    workspaces
        At least two, from nuhist or from elsewhere: paths, documents, workspaces, or models without choices
        of their own. Of each the first measurement is taken.
    correlate
        Parameters to share; with a number between 0 and 1, the correlation of a constrained one,
        which is split into a shared and a private part. A parameter of interest that all have in
        common, or that means the same coupling, is shared in any case. One of which nothing is known but
        its name is another workspace's coupling if it is named here or by ``rename``.
    decorrelate
        Parameters to keep apart: each gets its workspace's name as prefix.
    rename
        New names for parameters, before anything else, wherever they occur.
    prefer
        For a shared parameter whose constraints differ: the name of the workspace whose
        constraint all of them take, or ``"own"`` where each keeps its own.
    force
        Combine workspaces that hold the same events, or data of different kinds, whose combination is
        then of the kind ``"other"``.
    command
        What the sidecar names as origin.
    message
        Called with a line of text for each thing that was renamed or rescaled.

    Raises
    ------
    ConfigError
        If there are fewer than two workspaces, one is there twice, they hold the same events or data of
        different kinds, or a correlation names nothing or cannot be made.
    ModelError
        If names collide, constraints differ, or the parts cannot share a parameter.

    Examples
    --------
    >>> from nuhist import build, combine
    >>> parts = [build(name, hypothesis="magnetic-moment") for name in ("lz_ws2022", "xenonnt_sr0")]
    >>> fluxes = ["pp_flux", "be7_flux", "pep_flux", "cno_flux", "b8_flux"]
    >>> joint = combine(parts, correlate=[*fluxes, "atomic_response"])
    >>> [channel["name"] for channel in joint.spec["channels"]]
    ['lz_ws2022', 'xenonnt_sr0']
    """
    if isinstance(correlate, str) or isinstance(decorrelate, str):
        raise ConfigError("correlate and decorrelate take lists of names, not one text")
    shared = dict(correlate) if isinstance(correlate, Mapping) else dict.fromkeys(correlate, 1.0)
    shared = as_named_numbers(shared, "correlate")
    given: Any = workspaces
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise ConfigError("combine takes a list of workspaces, such as paths, or what nuhist.load returns")
    parts = _parts([read_workspace(part) for part in given], force=force)
    _rename(parts, rename or {})
    interest = _share_interest(parts, {*shared, *(rename or {}).values()}, message)
    poi = interest.name
    shared.setdefault(poi, 1.0)
    _check_names(parts, shared, decorrelate)
    for name in decorrelate:
        _decorrelate(parts, name, message)
    unused = set(prefer or {}) - set(shared)
    if unused:
        raise OptionError(f"--prefer {min(unused)}: it is not among the shared parameters")
    if shared[poi] < 1:
        raise ConfigError(f"'{poi}' is the parameter of interest; it cannot be correlated in part")
    for name, rho in shared.items():
        correlate_parameter(parts, name, rho, prefer or {})
    _refuse_collisions(parts, shared)
    _warn_of_fluxes(parts, message)
    _rename_channels(parts, message)
    parameters = merged_overrides(parts, shared)
    spec = {
        "channels": [channel for part in parts for channel in part.spec["channels"]],
        "observations": [entry for part in parts for entry in part.spec["observations"]],
        "measurements": [{"name": MEASUREMENT, "config": {"poi": poi, "parameters": parameters}}],
        "version": "1.0.0",
    }
    validate(spec, "combination")
    return Workspace(spec, _sidecar(parts, spec, interest, command), "combination")


def _parts(workspaces: Sequence[Workspace], *, force: bool) -> list[Part]:
    if len(workspaces) < 2:
        raise ConfigError(f"combine needs at least two workspaces; got {len(workspaces)}")
    seen: dict[str, str] = {}
    parts = []
    for index, workspace in enumerate(workspaces, start=1):
        if workspace.digest in seen:
            raise ConfigError(f"{workspace.origin} is the same workspace as {seen[workspace.digest]}")
        seen[workspace.digest] = workspace.origin
        part = Part(
            prefix(workspace, index),
            workspace.origin,
            copy.deepcopy(dict(workspace.spec)),
            copy.deepcopy(dict(workspace.sidecar or {})),
            workspace,
        )
        part.config = part.spec["measurements"][0]["config"]
        _refuse_scaled_lumi(part)
        parts.append(part)
    names = Counter(part.name for part in parts)
    for index, part in enumerate(parts, start=1):
        if names[part.name] > 1:
            part.name = f"{part.name}_{index}"
    _refuse_same_events(parts, force=force)
    if not force:
        _refuse_mixed_data(parts)
    return parts


def _refuse_mixed_data(parts: Sequence[Part]) -> None:
    first = parts[0].source
    for part in parts[1:]:
        if part.source.data_kind != first.data_kind:
            kinds = (describe(source.data_kind) for source in (first, part.source))
            raise ConfigError(
                f"{parts[0].origin} and {part.origin} hold data of different kinds ({'; '.join(kinds)}):"
                " together they are neither; give both the same kind, or force it"
            )


def _refuse_scaled_lumi(part: Part) -> None:
    poi = part.config["poi"]
    kinds = {constraint.kind for constraint in constraints(part.spec).values()}
    if poi and "lumi" in kinds and coupling_scale(part.source, poi).scale != 1:
        raise ModelError(
            f"{part.origin}: a signed coupling with a linear flux has it as lumi, of which a model may have"
            " one; build it with --constraint normsys"
        )


def _refuse_same_events(parts: Sequence[Part], *, force: bool) -> None:
    holders: dict[str, Part] = {}
    bundled = bundled_experiments()
    for part in parts:
        described = part.sidecar.get("channels", {})
        for channel in part.spec["channels"]:
            name = channel["name"]
            dataset = described.get(name, {}).get("dataset")
            if name not in described and name in bundled:  # it came through a pipe
                dataset = load_experiment(name).dataset
            if dataset is None:
                continue
            if holders.setdefault(dataset, part) is not part and not force:
                raise ConfigError(
                    f"{holders[dataset].origin} and {part.origin} hold the same events ({dataset},"
                    f" by channel '{name}'); leave one out, or force it"
                )


def _rename(parts: Sequence[Part], renames: Mapping[str, str]) -> None:
    check_renames(renames)
    for old, new in renames.items():
        holders = [part for part in parts if old in constraints(part.spec)]
        if not holders:
            raise ConfigError(f"--rename {old}={new}: no workspace has a parameter '{old}'")
        for part in holders:
            rename_parameter(part.spec, part.sidecar, old, new, part.origin)


def _share_interest(
    parts: Sequence[Part], stated: Container[str], message: Callable[[str], None]
) -> CouplingScale:
    """Bring all parameters of interest to the first one's name and scale.

    A plain number is taken for another part's coupling where the user has ``stated`` its name: has given it
    that name, or has said that it is to be shared.
    """
    for part in parts:
        if all(name != part.config["poi"] for name, _ in modifiers(part.spec)):
            raise ModelError(f"{part.origin}: has no parameter of interest to combine; apply a patch first")
    scales = [_scale(part) for part in parts]
    known = {scale.name: scale for scale in reversed(scales) if not scale.is_plain and scale.name in stated}
    scales = [known.get(scale.name, scale) if scale.is_plain else scale for scale in scales]
    first = scales[0]
    for part, other in zip(parts[1:], scales[1:], strict=True):
        if (other.coupling, other.unit, other.power) != (first.coupling, first.unit, first.power):
            same = f", --correlate {first.name}" if other.name == first.name else ""
            raise ModelError(
                f"{parts[0].origin} limits {first.meaning}, {part.origin} limits {other.meaning}, and nothing"
                f" says that they mean the same; rename one of them{same}, or give both workspaces their"
                " sidecars"
            )
        factor = first.to_parameter(other.to_coupling(1.0))  # first's value where other's is 1
        if abs(factor - 1) > 1e-12:
            rescale_interest(part.spec, other.name, 1 / factor, part.origin)
            message(f"{part.origin}: {other.name} rescaled to {first.meaning}")
        if other.name != first.name:
            rename_parameter(part.spec, part.sidecar, other.name, first.name, part.origin)
            message(f"{part.origin}: {other.name} renamed to {first.name}")
    return first


def _scale(part: Part) -> CouplingScale:
    """What the parameter of interest stands for, under the name that it has now."""
    scale = coupling_scale(part.source, part.source.measurement()["config"]["poi"])
    name = part.config["poi"]
    return CouplingScale.plain(name) if scale.is_plain else replace(scale, name=name)


def _check_names(parts: Sequence[Part], shared: Mapping[str, float], decorrelate: Sequence[str]) -> None:
    holders = Counter(name for part in parts for name in constraints(part.spec))
    for name in (*shared, *decorrelate):
        if holders[name] == 0:
            raise ConfigError(f"no workspace has a parameter '{name}'; they have {_some(holders)}")
        if holders[name] == 1 and name in shared:
            raise ConfigError(f"only one workspace has '{name}'; there is nothing to correlate")
    both = set(shared) & set(decorrelate)
    if both:
        raise ConfigError(f"'{min(both)}' cannot be both correlated and decorrelated")
    for name, rho in shared.items():
        if not 0 < rho <= 1:
            raise ConfigError(f"correlation {name}={rho:g}: must be above 0 and at most 1")


def _some(names: Counter[str]) -> str:
    common = [name for name, count in names.items() if count > 1] or list(names)
    return ", ".join(sorted(common)[:12])


def _decorrelate(parts: Sequence[Part], name: str, message: Callable[[str], None]) -> None:
    for part in parts:
        if name in constraints(part.spec):
            new = f"{part.name}_{name}"
            rename_parameter(part.spec, part.sidecar, name, new, part.origin)
            message(f"{part.origin}: {name} renamed to {new}")


def _refuse_collisions(parts: Sequence[Part], shared: Mapping[str, float]) -> None:
    holders: dict[str, str] = {}
    for part in parts:
        for name in constraints(part.spec):
            if name in shared:
                continue
            if name in holders:
                raise ModelError(
                    f"{holders[name]} and {part.origin} both have '{name}'; say --correlate {name},"
                    f" --decorrelate {name} or --rename"
                )
            holders[name] = part.origin


def _warn_of_fluxes(parts: Sequence[Part], message: Callable[[str], None]) -> None:
    """Say so where one workspace has one solar flux and another one per source."""
    one = [part for part in parts if "solar_nu_flux" in constraints(part.spec)]
    split = [part for part in parts if "pp_flux" in constraints(part.spec)]
    if one and split:
        message(
            f"{one[0].origin} has one solar flux, {split[0].origin} one per source: they vary"
            " independently; build both with one --flux"
        )


def _rename_channels(parts: Sequence[Part], message: Callable[[str], None]) -> None:
    taken = Counter(channel["name"] for part in parts for channel in part.spec["channels"])
    for part in parts:
        for channel in list(part.spec["channels"]):
            name = channel["name"]
            if taken[name] > 1:
                new = f"{part.name}_{name}"
                if taken[new]:
                    raise ModelError(f"{part.origin}: channel '{name}' cannot become '{new}', which exists")
                rename_channel(part.spec, part.sidecar, name, new)
                message(f"{part.origin}: channel {name} renamed to {new}")


def _sidecar(
    parts: Sequence[Part], spec: Mapping[str, Any], scale: CouplingScale, command: str | None
) -> dict[str, Any]:
    first = parts[0].sidecar
    same = {part.sidecar.get("hypothesis") for part in parts} == {first.get("hypothesis")}
    described: dict[str, Any] = {key: first[key] for key in ("hypothesis", "flavor") if same and key in first}
    channels = {key: value for part in parts for key, value in part.sidecar.get("channels", {}).items()}
    parameters = {key: value for part in parts for key, value in part.sidecar.get("parameters", {}).items()}
    kinds = {part.source.data_kind for part in parts}
    return {
        "nuhist_version": __version__,
        "command": command,
        **described,
        "combined": {part.name: part.source.digest for part in parts},
        "poi": {**asdict(scale), "meaning": scale.meaning},
        **_further(parts),
        "workspace_digest": digest(spec),
        "data": data_record(spec, kinds.pop() if len(kinds) == 1 else "other"),
        "channels": channels,
        "parameters": parameters,
    }


def _further(parts: Sequence[Part]) -> dict[str, Any]:
    """What the sidecar says of couplings besides the one of interest, which must mean one thing each."""
    found: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for part in parts:
        for entry in part.sidecar.get("further", ()):
            name = entry["coupling"]["name"]
            if found.setdefault(name, entry)["coupling"] != entry["coupling"]:
                raise ModelError(
                    f"{origins[name]} and {part.origin} share '{name}' with different meanings; say"
                    f" --decorrelate {name}"
                )
            origins.setdefault(name, part.origin)
    return {"further": list(found.values())} if found else {}
