"""Whether pyhf can make a model of what is valid by its documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from nuhist.errors import FitError
from nuhist.histfactory.parameter_sets import several_numbers
from nuhist.histfactory.patches import PatchSet, apply_patch
from nuhist.histfactory.patchset import SignalGrid
from nuhist.histfactory.validation import modifiers
from nuhist.histfactory.workspace import Workspace
from nuhist.inference.grid import grid_curve
from nuhist.inference.profile import threshold
from nuhist.inference.pyhf_model import pyhf_model
from nuhist.inference.region import profile_ends
from nuhist.values import percent

# What pyhf makes within 5 s and 500 MB: it keeps some ten numbers for each modifier in each bin of each
# sample, whether it acts there or not.
MOST_MODIFIERS = 10_000
MOST_BINS = 100_000
MOST_CELLS = 1_000_000
_LEVEL = 0.90  # of the limit that a grid must give


def check_models(model: Workspace | SignalGrid | tuple[Workspace, PatchSet]) -> bool:
    """Make pyhf's model of each measurement, and of each point of a grid or PatchSet.

    Parameters
    ----------
    model
        As it was loaded, so its documents are valid by
        :func:`nuhist.histfactory.validation.validate`, which refuses what pyhf is known to refuse.

    Returns
    -------
    Whether models were made; False where they are too large. Then the checks of the documents stand
    alone. Points of a grid whose models would be too large together are patched and checked as documents.

    Raises
    ------
    ModelError
        If pyhf refuses a model, a patch does not fit, or a bin has events that no sample can give.
    """
    left, made = MOST_CELLS, True
    for workspace in _workspaces(model):
        size = model_size(workspace)
        if size > left:
            made = False
            continue
        left -= size
        for measurement in workspace.spec["measurements"]:
            pyhf_model(_without_several(workspace, measurement), measurement["name"])
    return made


def _without_several(workspace: Workspace, measurement: Mapping[str, Any]) -> Workspace:
    """The workspace, without a parameter of interest where that of the measurement is several numbers."""
    if several_numbers(workspace.spec, measurement) is None:
        return workspace
    bare = {**measurement, "config": {**measurement["config"], "poi": ""}}
    return replace(workspace, spec={**workspace.spec, "measurements": [bare]})


def grid_remarks(model: Workspace | SignalGrid | tuple[Workspace, PatchSet]) -> tuple[str, ...]:
    """Why a grid of signal points gives no limit although its documents are valid: what ``limit`` says."""
    if not isinstance(model, SignalGrid):
        return ()
    try:
        profile_ends(grid_curve(model), threshold(_LEVEL))
    except FitError as error:
        return (f"there is no limit at {percent(_LEVEL)} CL: {error}",)
    return ()


def model_size(workspace: Workspace) -> int:
    """Cells of pyhf's models of all measurements: modifiers × samples × bins.

    More than :data:`MOST_CELLS` where there are very many modifiers or bins.
    """
    spec = workspace.spec
    kinds = set(modifiers(spec))
    bins = sum(map(len, workspace.observed().values()))
    if len(kinds) > MOST_MODIFIERS or bins > MOST_BINS:
        return MOST_CELLS + 1
    samples = {sample["name"] for channel in spec["channels"] for sample in channel["samples"]}
    return len(kinds) * len(samples) * bins * len(spec["measurements"])


def _workspaces(model: Workspace | SignalGrid | tuple[Workspace, PatchSet]) -> Iterator[Workspace]:
    if isinstance(model, Workspace):
        yield model
        return
    if isinstance(model, tuple):
        background, patchset = model
        yield background
        for name in patchset.names:
            yield apply_patch(background, patchset.patch(name))
        return
    yield model.background
    for point in model.points:
        yield model.workspace(point)
