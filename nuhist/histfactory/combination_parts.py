"""Workspaces on their way into a combination: copies, their names, and what cannot be combined at all."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from nuhist.errors import ConfigError, ModelError
from nuhist.experiments.loading import bundled_experiments, load_experiment
from nuhist.histfactory.constraints import constraints
from nuhist.histfactory.correlation import Part
from nuhist.histfactory.data_kind import describe
from nuhist.histfactory.interest import coupling_scale
from nuhist.histfactory.loading import Source, Unchanged, read_workspace
from nuhist.histfactory.rename import check_renames, prefix, rename_parameter
from nuhist.histfactory.workspace import Workspace, digest, with_floats


def combination_parts(workspaces: Sequence[Source | Unchanged], *, force: bool) -> list[Part]:
    """Private copies of workspaces, each with a name of its own.

    Raises
    ------
    ConfigError
        If there are fewer than two, one is there twice, or, without force, they hold the same events or
        data of different kinds.
    ModelError
        If one has a parameter that cannot be shared.
    """
    given: Any = workspaces
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise ConfigError("combine takes a list of workspaces, such as paths, or what nuhist.load returns")
    return _parts([read_workspace(part) for part in given], force=force)


def _parts(workspaces: Sequence[Workspace], *, force: bool) -> list[Part]:
    if len(workspaces) < 2:
        raise ConfigError(f"combine needs at least two workspaces; got {len(workspaces)}")
    seen: dict[str, str] = {}
    parts = []
    for index, workspace in enumerate(workspaces, start=1):
        content = digest(with_floats(workspace.spec))
        if content in seen:
            raise ConfigError(f"{workspace.origin} is the same workspace as {seen[content]}")
        seen[content] = workspace.origin
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
            " one; build it with constraint='normsys'"
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


def rename_all(parts: Sequence[Part], renames: Mapping[str, str]) -> None:
    """Rename parameters wherever they occur.

    Raises
    ------
    ConfigError
        If no workspace has one, or renames depend on each other's order.
    """
    check_renames(renames)
    for old, new in renames.items():
        holders = [part for part in parts if old in constraints(part.spec)]
        if not holders:
            raise ConfigError(f"rename={{'{old}': '{new}'}}: no workspace has a parameter '{old}'")
        for part in holders:
            rename_parameter(part.spec, part.sidecar, old, new, part.origin)
