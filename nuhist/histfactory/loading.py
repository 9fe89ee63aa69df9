"""Reading of models: workspaces, PatchSets, likelihood records, patched or as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from nuhist.errors import ConfigError, DataError, ModelError
from nuhist.files import read_json
from nuhist.histfactory.patches import PatchSet, apply_patch, find_patch, make_patchset
from nuhist.histfactory.patchset import SignalGrid, SignalPoint
from nuhist.histfactory.record import BACKGROUND_FILE, PATCHSET_FILE, is_record, read_record
from nuhist.histfactory.templates import STRENGTH
from nuhist.histfactory.workspace import Workspace, checked_workspace, load_workspace
from nuhist.inputs import STDIN, check_path
from nuhist.physics.coupling import CouplingScale

Source = Path | str | Mapping[str, Any] | Workspace | SignalGrid
"""What a model is made from: a path, ``-``, a dict or a ``pyhf.Workspace``, a workspace, a grid."""


def load_patchset(folder: Path, *, verify: bool = True) -> SignalGrid:
    """Read a folder with BkgOnly.json and patchset.json, whose digests are checked.

    Raises
    ------
    DataError
        If a file cannot be read or is no JSON.
    ModelError
        If one of them is not valid, they do not belong together, or the points have more than
        one number or no known coupling.
    """
    background = load_workspace(folder / BACKGROUND_FILE)
    file = folder / PATCHSET_FILE
    return _grid(background, make_patchset(read_json(file), str(file)), verify=verify)


def is_grid(background: Workspace, patchset: PatchSet) -> bool:
    """Whether signal points are those of a coupling, as nuhist writes them, and not of a mass or the like.

    Then the strength in the background is ``mu``, and the label is a coupling: that of the sidecar, one of
    the catalogue, or one that the description calls so.
    """
    if len(patchset.labels) != 1 or background.interest() != STRENGTH:
        return False
    (label,) = patchset.labels
    if (background.sidecar or {}).get("poi", {}).get("coupling") == label:
        return True
    if f" of {label} in units of " in patchset.document["metadata"]["description"]:
        return True
    from nuhist.histfactory.interest import catalogue_couplings  # physics, which most grids do without

    return label in catalogue_couplings()


def _grid(background: Workspace, patchset: PatchSet, *, verify: bool) -> SignalGrid:
    """The grid of a PatchSet, see :func:`load_patchset`."""
    file, document = patchset.origin, patchset.document
    if verify:
        patchset.verify(background)
    metadata = document["metadata"]
    choose = "choose a point with patches=['NAME']"
    if len(metadata["labels"]) != 1:
        raise ModelError(
            f"{file}: has {len(metadata['labels'])} labels, and a scan needs one coupling; {choose}"
        )
    points = []
    for patch in document["patches"]:
        entry = patch["metadata"]
        if not isinstance(entry["values"][0], int | float):
            raise ModelError(f"{file}: patch '{entry['name']}': its value is not one number; {choose}")
        if any(operation["path"].split("/")[1:2] in ([], ["observations"]) for operation in patch["patch"]):
            raise ModelError(f"{file}: patch '{entry['name']}' changes the observed counts; {choose}")
        points.append(SignalPoint(entry["name"], float(entry["values"][0]), tuple(patch["patch"])))
    points.sort(key=lambda point: point.value)
    values = [point.value for point in points]
    if len(set(values)) < max(len(values), 2) or not np.isfinite(values).all():
        raise ModelError(f"{file}: needs at least two points, each with a value of its own")
    return SignalGrid(background, _label(metadata["labels"][0], background), tuple(points), document)


def load(
    path: Path | str, patches: str | Sequence[str] = (), *, verify: bool = True
) -> Workspace | SignalGrid:
    """Read a workspace, a folder with a PatchSet, or a likelihood record; ``-`` is standard input.

    Parameters
    ----------
    path
        A file of JSON, a folder with BkgOnly.json and patchset.json, or a ``.tar.gz`` as HEPData has it, of
        which ``RECORD:FOLDER`` names one likelihood. A folder is a grid of signal points where
        :func:`nuhist.build_patchset` has made them; else it is the background alone, as a record is.
    patches
        To apply, one after the other: ``FILE``, a JSON Patch; ``FILE:NAME``, a patch of a PatchSet or of a
        record; ``NAME``, one of the PatchSet that lies beside the workspace. The result is a workspace.
    verify
        Whether the workspace must be the one that a PatchSet was made for.

    Raises
    ------
    DataError
        If a file cannot be read, is no JSON, or a folder has no PatchSet.
    ModelError
        If what is in it is not valid, or digests differ.
    ConfigError
        If a PatchSet has no patch of that name.
    """
    check_path(path)
    if patches:
        return load_patched(path, [patches] if isinstance(patches, str) else patches, verify=verify)
    if str(path) == STDIN or not Path(path).is_dir():
        return replace(load_workspace(path), arguments=(str(path),))
    if not (Path(path) / PATCHSET_FILE).is_file():
        raise DataError(f"{path}: is a folder without {PATCHSET_FILE}; give a workspace or a patchset")
    background, patchset = load_background(path)
    if patchset is not None and is_grid(background, patchset):
        return _grid(background, patchset, verify=verify)
    if patchset is not None and verify:
        patchset.verify(background)
    return replace(background, arguments=(str(path),))


def load_patched(path: Path | str, patches: Sequence[str], *, verify: bool = True) -> Workspace:
    """A workspace with patches applied, see :func:`load`."""
    workspace, own = load_background(path)
    found = [find_patch(text, own) for text in patches]
    if verify:
        for _, source in found:
            if source is not None:
                source.verify(workspace)
    for patch, _ in found:
        workspace = apply_patch(workspace, patch)
    options = [word for text in patches for word in ("--patch", text)]
    return replace(workspace, arguments=(str(path), *options, *([] if verify else ["--no-verify"])))


def load_background(path: Path | str) -> tuple[Workspace, PatchSet | None]:
    """What is to be patched, and the PatchSet beside it: in a record, in a folder, or next to the file."""
    check_path(path)
    if is_record(path):
        record = read_record(path)
        workspace = checked_workspace(record.background, None, f"{record.origin}: {BACKGROUND_FILE}")
        origin, document = f"{record.origin}: {PATCHSET_FILE}", record.patchset
        return workspace, None if document is None else make_patchset(document, origin)
    folder = str(path) != STDIN and Path(path).is_dir()
    workspace = load_workspace(Path(path) / BACKGROUND_FILE if folder else path)
    beside = Path(path) / PATCHSET_FILE if folder else Path(path).with_name(PATCHSET_FILE)
    if str(path) == STDIN or not beside.is_file():
        return workspace, None
    return workspace, make_patchset(read_json(beside), str(beside))


def _label(name: str, background: Workspace) -> CouplingScale:
    """What the label of a PatchSet stands for: what the sidecar says, or a plain number."""
    poi = (background.sidecar or {}).get("poi", {})
    if poi.get("coupling") != name:
        return CouplingScale.plain(name)
    return CouplingScale(name, name, poi["unit"], poi["reference"])


def read_source(source: Any) -> Workspace | SignalGrid:
    """What a model is made from, read where it is not at hand.

    Raises
    ------
    ConfigError
        If nothing can be made from it.
    DataError, ModelError
        If a file cannot be read or is no valid model.
    """
    if isinstance(source, Workspace | SignalGrid):
        return source
    if isinstance(source, str | Path):
        return load(source)
    if isinstance(source, Mapping):
        return checked_workspace(source, None, "workspace")
    raise ConfigError(
        f"a model is made from a path, a document, a workspace or a grid of signal points, not from"
        f" {type(source).__name__}"
    )


@runtime_checkable
class Unchanged(Protocol):
    """A model, which is made in a later layer."""

    def unchanged(self) -> Workspace | SignalGrid:
        """What it was made from, refused where the model makes other choices."""


def read_workspace(source: Any) -> Workspace:
    """A workspace, read where it is not at hand, or that of a model which changes nothing of it.

    Raises
    ------
    ConfigError
        If it is a grid of signal points, a model with choices of its own, or nothing can be made from it.
    DataError, ModelError
        If a file cannot be read or is no valid model.
    """
    found = source.unchanged() if isinstance(source, Unchanged) else read_source(source)
    if isinstance(found, SignalGrid):
        raise ConfigError(f"{found.background.origin}: is a grid of signal points; choose one with a patch")
    return found
