"""Patches of workspaces: JSON Patches, and the points of PatchSets as ATLAS publishes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nuhist.errors import DataError, ModelError, unknown_name
from nuhist.files import read_json, to_json
from nuhist.histfactory.record import PATCHSET_FILE, is_record, read_record
from nuhist.histfactory.templates import STRENGTH, point_meaning
from nuhist.histfactory.validation import validate, validate_operations, validate_patchset
from nuhist.histfactory.workspace import Workspace, is_digest_of
from nuhist.inputs import LARGEST, is_file
from nuhist.physics.coupling import CouplingScale

Operations = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Patch:
    """One patch.

    Attributes
    ----------
    name
        In its PatchSet, or of its file.
    operations
        A JSON Patch; it may change anything.
    values
        By label of the PatchSet, numbers or texts; empty for a patch alone.
    """

    name: str
    operations: tuple[Mapping[str, Any], ...]
    values: Mapping[str, float | str]


@dataclass(frozen=True)
class PatchSet:
    """Patches of one background-only workspace.

    Attributes
    ----------
    document
        As pyhf reads it.
    origin
        Where it came from, for messages.
    """

    document: Mapping[str, Any]
    origin: str

    @property
    def labels(self) -> tuple[str, ...]:
        """What the values of a patch are values of."""
        return tuple(self.document["metadata"]["labels"])

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the patches, in their order."""
        return tuple(entry["metadata"]["name"] for entry in self.document["patches"])

    def patch(self, name: str) -> Patch:
        """A patch by name; a ConfigError if there is none."""
        for entry in self.document["patches"]:
            if entry["metadata"]["name"] == name:
                values = dict(zip(self.labels, entry["metadata"]["values"], strict=False))
                return Patch(name, tuple(entry["patch"]), values)
        raise unknown_name(f"patch of {self.origin}", name, self.names)

    def verify(self, workspace: Workspace) -> None:
        """Check that the patches were made for a workspace; a ModelError if one of the digests differs."""
        for algorithm, expected in self.document["metadata"]["digests"].items():
            if not is_digest_of(expected.lower(), workspace.spec, algorithm):
                raise ModelError(
                    f"{self.origin}: belongs to another workspace than {workspace.origin}: {algorithm}"
                    " digests differ; verify=False applies its patches all the same"
                )


def make_patchset(document: Any, origin: str) -> PatchSet:
    """A PatchSet from its document; a ModelError if it is not valid."""
    validate_patchset(document, origin)
    return PatchSet(document, origin)


def apply_patch(workspace: Workspace, patch: Patch) -> Workspace:
    """The patched workspace, validated.

    Raises
    ------
    ModelError
        If the patch does not fit, or leaves no valid workspace.
    """
    spec = patched(workspace.spec, patch.operations, f"{workspace.origin}: patch '{patch.name}'")
    origin = f"{workspace.origin}, patch '{patch.name}'"
    validate(spec, origin)
    return Workspace(spec, _of_point(workspace.sidecar), origin)


def _of_point(sidecar: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The sidecar of one signal point of a grid, whose strength is a plain number and not the coupling."""
    poi = (sidecar or {}).get("poi", {})
    if sidecar is None or poi.get("meaning") != point_meaning(str(poi.get("coupling"))):
        return sidecar
    return {**sidecar, "poi": {**poi, **asdict(CouplingScale.plain(STRENGTH))}}


def patched(spec: Mapping[str, Any], operations: Operations, where: str) -> Any:
    """A document with a JSON Patch applied.

    Raises
    ------
    ModelError
        If it does not fit, or copies so much that it would not fit into memory.
    """
    import jsonpatch

    copies = sum(operation["op"] == "copy" for operation in operations)
    if copies and len(to_json(spec)) << min(copies, 64) > LARGEST:
        raise ModelError(f"{where} copies too much; write it out")
    try:
        return jsonpatch.JsonPatch(list(operations)).apply(dict(spec))
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError) as error:
        raise ModelError(f"{where} does not fit: {error}") from error


def find_patch(text: str, own: PatchSet | None) -> tuple[Patch, PatchSet | None]:
    """What ``-p`` names, and the PatchSet that it comes from.

    Parameters
    ----------
    text
        ``FILE``, a JSON Patch or a PatchSet of one; ``FILE:NAME``, a patch of a PatchSet or of a record;
        ``NAME``, a patch of the PatchSet that lies beside the workspace.
    own
        That PatchSet, if there is one.

    Raises
    ------
    DataError
        If there is no such file.
    ModelError
        If the file has no valid patches.
    ConfigError
        If there is no patch of that name.
    """
    file, colon, name = text.rpartition(":")
    if is_file(text) or (is_record(text) and not colon):
        return _from_file(text, None)
    if file and (is_file(file) or is_record(file)):
        return _from_file(file, name)
    if own is not None and not file:
        return own.patch(name), own
    beside = "" if own is None else f", and {own.origin} has no patch of that name"
    raise DataError(f"{text}: there is no such file{beside}; write patches=['FILE'] or patches=['FILE:NAME']")


def _from_file(path: str, name: str | None) -> tuple[Patch, PatchSet | None]:
    if is_record(path):
        record = read_record(path)
        origin, document = f"{record.origin}: {PATCHSET_FILE}", record.patchset
        if document is None:
            raise DataError(f"{record.origin}: has no {PATCHSET_FILE}")
    else:
        origin, document = path, read_json(path)
    if isinstance(document, list):
        validate_operations(document, origin)
        if name is not None:
            raise DataError(f"{origin}: is one JSON Patch, without names; leave out ':{name}'")
        return Patch(Path(path).stem, tuple(document), {}), None
    found = make_patchset(document, origin)
    if name is None:
        if len(found.names) > 1:
            shown = ", ".join(found.names[:5]) + (", ..." if len(found.names) > 5 else "")
            raise DataError(f"{origin}: has {len(found.names)} patches: name one, as {path}:NAME, of {shown}")
        name = found.names[0]
    return found.patch(name), found
