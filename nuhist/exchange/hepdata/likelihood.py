"""The archive with the likelihoods: workspaces, signal points, sidecars, results, README."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from nuhist.exchange.hepdata.licenses import License
from nuhist.exchange.hepdata.names import BACKGROUND, PATCHSET, RESULTS
from nuhist.exchange.hepdata.readme import readme
from nuhist.exchange.hepdata.results import ExpectedResults, expected_results, to_document
from nuhist.exchange.hepdata.study import Study
from nuhist.files import to_json
from nuhist.histfactory.patchset import SignalGrid
from nuhist.histfactory.workspace import Workspace

ARCHIVE_FILE = "likelihoods.tar.gz"
README_FILE = "README.md"
RESULTS_FILE = f"{RESULTS}.json"


@dataclass(frozen=True, eq=False)
class Likelihoods:
    """Contents of the archive by file name, and what is expected of each model."""

    members: dict[str, bytes]
    expected: tuple[ExpectedResults, ...]


def likelihoods(studies: Sequence[Study], license: License, command: str | None = None) -> Likelihoods:
    """What goes into the archive.

    With one model the background-only workspace and the signal points are ``BkgOnly.json`` and
    ``patchset.json``; with several each has its model's name in front, ``NAME.BkgOnly.json``. Names
    of models hold no dot, so that no two files can have one name.
    """
    members: dict[str, bytes] = {}
    expected = []
    for entry in studies:
        prefix = f"{entry.name}." if len(studies) > 1 else ""
        files = {}
        if not isinstance(entry.model, SignalGrid):
            files["workspace"] = f"{entry.name}.json"
            _add_workspace(members, entry.name, entry.model)
        if entry.points is not None:
            files |= {"background": f"{prefix}{BACKGROUND}.json", "patchset": f"{prefix}{PATCHSET}.json"}
            _add_workspace(members, f"{prefix}{BACKGROUND}", entry.points.background)
            members[files["patchset"]] = to_json(entry.points.document).encode()
        expected.append(expected_results(entry, files))
    results = tuple(expected)
    digests = {name: sha256(content).hexdigest() for name, content in sorted(members.items())}
    members[RESULTS_FILE] = to_json(to_document(results, digests)).encode()
    members[README_FILE] = readme(studies, results, digests, license, command).encode()
    return Likelihoods(members, results)


def _add_workspace(members: dict[str, bytes], stem: str, workspace: Workspace) -> None:
    members[f"{stem}.json"] = workspace.to_json().encode()
    if workspace.sidecar is not None:
        members[f"{stem}.meta.json"] = to_json(workspace.sidecar).encode()
