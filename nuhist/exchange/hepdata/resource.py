"""submission.yaml read with care: where the archive with the likelihoods is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nuhist.documents import yaml_documents
from nuhist.errors import DataError, ExchangeError
from nuhist.files import read_text
from nuhist.inputs import is_file

_LARGEST = 10 * 2**20  # bytes; HEPData's limit of a YAML file
_LICENCE = "CC0"


@dataclass(frozen=True)
class Resource:
    """The resource of type HistFactory: its file, or None and what is wrong with it."""

    file: Path | None
    detail: str


def likelihood_resource(folder: Path) -> Resource:
    """Find the resource of type HistFactory in the first document of a submission."""
    # All of them: nested deeply, a file crashes the parser that HEPData's validator takes.
    documents = {path.name: _documents(path) for path in sorted(folder.glob("*.yaml"))}
    first = next(iter(documents["submission.yaml"]), None)
    entries = first.get("additional_resources") if isinstance(first, dict) else None
    found = [
        entry
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict) and str(entry.get("type", "")).lower() == "histfactory"
    ]
    if not found:
        return Resource(None, "no additional resource of type HistFactory in the first document")
    return _usable(folder, found[0])


def _usable(folder: Path, entry: dict[str, Any]) -> Resource:
    location = str(entry.get("location", ""))
    file = folder / location
    if not location or Path(location).name != location or not is_file(file):
        return Resource(None, f"'{location}' is no file of the submission")
    licence = entry.get("license")
    name = licence.get("name") if isinstance(licence, dict) else None
    return Resource(file, f"{location}, licence {name or f'of HEPData, {_LICENCE}'}")


def _documents(path: Path) -> list[Any]:
    """What is in a YAML file, if it can be read safely."""
    try:
        text = read_text(path, _LARGEST)
    except DataError as error:
        raise ExchangeError(f"{path.name}: {str(error).removeprefix(f'{path}: ')}") from error
    return yaml_documents(text, path.name, ExchangeError)
