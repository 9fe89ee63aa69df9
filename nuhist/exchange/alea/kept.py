"""The workspace of which nuhist wrote a model of alea, kept beside it while the model stays as it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from nuhist.errors import ExchangeError
from nuhist.exchange.stored import as_written
from nuhist.files import read_json, to_json
from nuhist.histfactory.validation import validate
from nuhist.histfactory.workspace import Workspace
from nuhist.inputs import is_file, read_bytes
from nuhist.schemas import check

KEPT = "nuhist.json"
_VERSION = 1
_ADVICE = "take it out, and the model is read as anybody else's"


def kept_text(workspace: Workspace, files: Mapping[str, bytes | str]) -> str:
    """The workspace, with digests of the files that were written of it."""
    document: dict[str, Any] = {
        "nuhist_alea": _VERSION,
        "files": {name: _digest(content) for name, content in files.items()},
        "workspace": workspace.spec,
        "sidecar": workspace.sidecar,
    }
    return to_json(document)


def kept_workspace(model: Path, message: Callable[[str], None] = lambda _: None) -> Workspace | None:
    """The workspace of a model that nuhist wrote; None where the model is another one, or was changed.

    Parameters
    ----------
    model
        The YAML file, with the rest beside it.
    message
        Called with a line of text where the model was changed.

    Raises
    ------
    DataError
        If a file that was written cannot be read.
    ExchangeError
        If what is kept is not what nuhist wrote.
    ModelError
        If it is no valid model.
    """
    place = model.with_name(KEPT)
    if not is_file(place):
        return None
    document = read_json(place)
    with as_written(str(place), _ADVICE):
        if document["nuhist_alea"] != _VERSION:
            raise ExchangeError(f"{place}: is of another version; {_ADVICE}")
        files = {str(name): str(found) for name, found in document["files"].items()}
        if model.name not in files or any(Path(name).name != name for name in files):
            return None
        spec, sidecar = document["workspace"], document["sidecar"]
    beside = {name: model.with_name(name) for name in files}
    for name, path in beside.items():
        if not is_file(path) or _digest(read_bytes(path)) != files[name]:
            message(
                f"{path}: is not what nuhist wrote; the model is read as anybody else's, of which data=..."
                " names the events"
            )
            return None
    validate(spec, str(place))
    if sidecar is not None:
        check(sidecar, "sidecar", str(place), ExchangeError)
    return Workspace(spec, sidecar, str(model))


def _digest(content: bytes | str) -> str:
    return sha256(content.encode() if isinstance(content, str) else content).hexdigest()
