"""submission.yaml read with care: where the archive with the likelihoods is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nuhist.errors import ExchangeError
from nuhist.exchange.hepdata.archive import DEEPEST

_LARGEST = 10 * 2**20  # bytes; HEPData's limit of a YAML file
_LICENCE = "CC0"


@dataclass(frozen=True)
class Resource:
    """The resource of type HistFactory: its file, or None and what is wrong with it."""

    file: Path | None
    detail: str


def likelihood_resource(folder: Path) -> Resource:
    """Find the resource of type HistFactory in the first document of a submission.

    Raises
    ------
    ExchangeError
        If a YAML file of the submission cannot be read, is too large or nested too deeply.
    """
    for path in sorted(folder.glob("*.yaml")):
        _refuse_deep(path)
    import yaml

    with (folder / "submission.yaml").open(encoding="utf-8") as stream:
        first = next(yaml.load_all(stream, Loader=yaml.SafeLoader), None)
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
    if not location or Path(location).name != location or not file.is_file():
        return Resource(None, f"'{location}' is no file of the submission")
    licence = entry.get("license")
    name = licence.get("name") if isinstance(licence, dict) else None
    return Resource(file, f"{location}, licence {name or f'of HEPData, {_LICENCE}'}")


def _refuse_deep(path: Path) -> None:
    """Nested deeply, a file crashes the parser that HEPData's validator takes."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        if path.stat().st_size > _LARGEST:
            raise ExchangeError(f"{path.name}: is larger than {_LARGEST // 2**20} MiB; not read")
        depth = 0
        for event in yaml.parse(path.read_text(encoding="utf-8"), Loader=loader):
            depth += isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent)
            depth -= isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent)
            if depth > DEEPEST:
                raise ExchangeError(f"{path.name}: is YAML nested more than {DEEPEST} levels deep; not read")
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ExchangeError(f"{path.name}: is no YAML that can be read: {reason}") from error
