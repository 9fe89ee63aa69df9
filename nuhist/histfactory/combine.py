"""Several workspaces into one, with every correlation spelled out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from nuhist.__about__ import __version__
from nuhist.errors import ConfigError, ModelError, OptionError
from nuhist.histfactory.combination_parts import combination_parts, rename_all
from nuhist.histfactory.constraints import constraints
from nuhist.histfactory.correlation import OWN, Held, Part, correlate_all, held
from nuhist.histfactory.data_kind import data_record
from nuhist.histfactory.loading import Source, Unchanged
from nuhist.histfactory.overrides import hold, merged_overrides
from nuhist.histfactory.rename import rename_channel, rename_parameter
from nuhist.histfactory.shared_interest import (
    refuse_other_signals,
    rescale_couplings,
    shared_interest,
    signal_record,
)
from nuhist.histfactory.sharing import (
    Correlated,
    correlations,
    expanded,
    in_part,
    listed,
    own_bins,
    preferences,
    refuse_open,
    report,
    several,
    shareable,
    sizes_of,
)
from nuhist.histfactory.validation import validate
from nuhist.histfactory.workspace import MEASUREMENT, Workspace, digest
from nuhist.physics.coupling import OWN_UNIT, CouplingScale


def combine(
    workspaces: Sequence[Source | Unchanged],
    *,
    correlate: Correlated = (),
    correlate_common: bool = False,
    decorrelate: Sequence[str] = (),
    rename: Mapping[str, str] | None = None,
    prefer: Mapping[str, str] | str | None = None,
    poi: str | None = None,
    fixed: Mapping[str, float | None] | Sequence[str] = (),
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
        Parameters to share, or patterns of names such as ``"JET_*"``; with a number between 0 and 1, the
        correlation of a constrained one, which is split into a shared and a private part; or with the name,
        or the names, by which other workspaces know it, where it is one physical quantity. A parameter of
        interest that all have in common, or that means the same coupling, is shared in any case. One of
        which nothing is known but its name is another workspace's coupling if it is named here or by
        ``rename``.
    correlate_common
        Share all names that several have and that agree in type, number and constraint. Each workspace
        keeps its own size of their effects.
    decorrelate
        Parameters to keep apart, or patterns: each gets its workspace's name as prefix. Factors of bins
        are kept apart in any case.
    rename
        New names for parameters, before anything else, wherever they occur.
    prefer
        For a shared parameter, or a pattern, whose constraints differ: the name of the workspace whose
        constraint all of them take, ``"first"`` of them, or ``"own"`` where each keeps its own. One word
        holds for all of them.
    poi
        The parameter of interest of the combination. Those of other workspaces stay as free parameters,
        and workspaces without it are control measurements.
    fixed
        Parameters that are held, under the names that they have in the combination, at a value of their own
        (1 is no standard deviation but a factor, for one that scales); of those that are only named, or
        whose value is None, at the start value.
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
    >>> fluxes = ["pp_flux", "be7_flux", "pep_flux", "cno_flux", "b8_flux", "sin2_theta_12", "delta_m2_21"]
    >>> joint = combine(parts, correlate=[*fluxes, "atomic_response"])
    >>> [channel["name"] for channel in joint.spec["channels"]]
    ['lz_ws2022', 'xenonnt_sr0']
    """
    if isinstance(correlate, str) or isinstance(decorrelate, str):
        raise ConfigError("correlate and decorrelate take lists of names, not one text")
    shared, others = correlations(correlate)
    parts = combination_parts(workspaces, force=force)
    known = held(parts) if others else {}
    for other, name in others.items():
        if other not in known:
            raise ConfigError(
                f"correlate=['{name}={other}']: '{other}' is no number, and no workspace has a parameter of"
                " that name"
            )
    rename_all(parts, {**others, **(rename or {})})
    interest = shared_interest(parts, {*shared, *(rename or {}).values()}, poi, message)
    found = held(parts)
    for name in dict.fromkeys(others.values()):
        message(f"{name} is one parameter: {sizes_of(found.get(name, {}))}")
    if len(found.get(interest.name, ())) > 1:
        shared.setdefault(interest.name, 1.0)
    named = len(shared)
    shared = expanded(shared, found, "correlate")
    apart = expanded(dict.fromkeys(decorrelate, 1.0), found, "decorrelate")
    _check_names(found, shared, apart)
    more = [name for name in shareable(found) if name not in shared and name not in apart]
    more = more if correlate_common else []
    shared |= dict.fromkeys(more, 1.0)
    chosen = dict.fromkeys(more, OWN) | preferences(prefer, shared, found)
    unused = set(chosen) - set(shared)
    if unused:
        raise OptionError(f"prefer={{'{min(unused)}': ...}}: it is not among the shared parameters")
    of_bins = own_bins(found, (*shared, *apart))
    for name in (*apart, *of_bins):
        _decorrelate(parts, name, (lambda _: None) if name in of_bins else message)
    if of_bins:
        message(f"factors of bins, {listed(of_bins)}: each workspace has its own, with its name in front")
    if shared.get(interest.name, 1.0) < 1:
        raise ConfigError(f"'{interest.name}' is the parameter of interest; it cannot be correlated in part")
    refuse_open(found, (*shared, *apart, *of_bins), [part.origin for part in parts])
    correlate_all(parts, shared, found, chosen)
    after = held(parts)  # what is correlated in part is smaller now, and is told of as it was
    settled = {name: (after if rho == 1 else found)[name] for name, rho in shared.items()}
    for line in report(settled, shared) if correlate_common or len(shared) > named else ():
        message(line)
    rescale_couplings(parts, (name for name in shared if name != interest.name), message)
    _warn_of_fluxes(parts, message)
    _tell_other_meanings(parts, shared, message)
    _rename_channels(parts, message)
    refuse_other_signals(parts, shared)
    parameters = merged_overrides(parts, shared, settled=fixed)
    spec: dict[str, Any] = {
        "channels": [channel for part in parts for channel in part.spec["channels"]],
        "observations": [entry for part in parts for entry in part.spec["observations"]],
        "measurements": [{"name": MEASUREMENT, "config": {"poi": interest.name, "parameters": parameters}}],
        "version": "1.0.0",
    }
    hold(spec, fixed, message)
    validate(spec, "combination")
    sizes = {
        name: {part: constraint.words + in_part(shared[name]) for part, constraint in settled[name].items()}
        for name in sorted(shared)
    }
    return Workspace(spec, _sidecar(parts, spec, interest, sizes, command), "combination")


def _check_names(found: Held, shared: Mapping[str, float], apart: Mapping[str, float]) -> None:
    for name in (*shared, *apart):
        if name not in found:
            raise ConfigError(
                f"no workspace has a parameter '{name}'; they have {listed(several(found) or sorted(found))}"
            )
        if len(found[name]) == 1 and name in shared:
            raise ConfigError(f"only one workspace has '{name}'; there is nothing to correlate")
    both = set(shared) & set(apart)
    if both:
        raise ConfigError(f"'{min(both)}' cannot be both correlated and decorrelated")
    for name, rho in shared.items():
        if not 0 < rho <= 1:
            raise ConfigError(f"correlation {name}={rho:g}: must be above 0 and at most 1")


def _decorrelate(parts: Sequence[Part], name: str, message: Callable[[str], None]) -> None:
    for part in parts:
        if name in constraints(part.spec):
            new = f"{part.name}_{name}"
            rename_parameter(part.spec, part.sidecar, name, new, part.origin)
            message(f"{part.origin}: {name} renamed to {new}")


def _warn_of_fluxes(parts: Sequence[Part], message: Callable[[str], None]) -> None:
    """Say so where one workspace has one solar flux and another one per source."""
    one = [part for part in parts if "solar_nu_flux" in constraints(part.spec)]
    split = [part for part in parts if "pp_flux" in constraints(part.spec)]
    if one and split:
        message(
            f"{one[0].origin} has one solar flux, {split[0].origin} one per source: they vary"
            " independently; build both with one flux=..."
        )


def _tell_other_meanings(
    parts: Sequence[Part], shared: Mapping[str, float], message: Callable[[str], None]
) -> None:
    """Say so where the sidecars take a shared parameter for two things; the names alone do not tell."""
    for name in sorted(shared):
        meanings: dict[str, str] = {}
        for part in parts:
            entry = part.sidecar.get("parameters", {}).get(name)
            if entry is not None:
                meanings.setdefault(entry["meaning"], part.origin)
        if len(meanings) > 1:
            described = "; ".join(f"{origin}: {meaning}" for meaning, origin in meanings.items())
            message(f"{name} is one parameter, and means two things: {described}")


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
    parts: Sequence[Part],
    spec: Mapping[str, Any],
    scale: CouplingScale,
    shared: Mapping[str, Mapping[str, str]],
    command: str | None,
) -> dict[str, Any]:
    first = parts[0].sidecar
    same = {part.sidecar.get("hypothesis") for part in parts} == {first.get("hypothesis")}
    kept = ("hypothesis", "flavor", "cited") if same else ()
    described: dict[str, Any] = {key: first[key] for key in kept if key in first}
    channels = {key: value for part in parts for key, value in part.sidecar.get("channels", {}).items()}
    parameters = {key: value for part in parts for key, value in part.sidecar.get("parameters", {}).items()}
    kinds = {part.source.data_kind for part in parts}
    return {
        "nuhist_version": __version__,
        "command": command,
        **described,
        "combined": {part.name: part.source.digest for part in parts},
        "shared": shared,
        "poi": {**asdict(scale), "meaning": scale.meaning, **signal_record(parts, scale.name)},
        **_further(parts, scale.name),
        "workspace_digest": digest(spec),
        "data": data_record(spec, kinds.pop() if len(kinds) == 1 else "other"),
        "channels": channels,
        "parameters": parameters,
    }


def _further(parts: Sequence[Part], interest: str) -> dict[str, Any]:
    """What the sidecar says of couplings besides the one of interest, which must mean one thing each."""
    found: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for part in parts:
        own = [{"coupling": part.sidecar["poi"]}] if "poi" in part.sidecar else []
        for entry in (*own, *part.sidecar.get("further", ())):
            name, unit = entry["coupling"]["name"], entry["coupling"]["unit"]
            if name == interest or unit == OWN_UNIT or name not in constraints(part.spec):
                continue
            if found.setdefault(name, entry)["coupling"] != entry["coupling"]:
                raise ModelError(
                    f"{origins[name]} and {part.origin} share '{name}' with different meanings; say"
                    f" decorrelate=['{name}']"
                )
            origins.setdefault(name, part.origin)
    return {"further": list(found.values())} if found else {}
