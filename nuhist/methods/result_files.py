"""Files of results: what ``-o FILE.json`` has written, read again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nuhist.errors import ConfigError, DataError
from nuhist.files import read_json
from nuhist.methods.exclusion_results import Exclusion, from_json, tuples
from nuhist.methods.scan_results import ExclusionScan, ScanPoint
from nuhist.schemas import check
from nuhist.values import shown

Result = Exclusion | ExclusionScan


def read_result(source: Result | str | Path) -> Result:
    """A result: itself, or from the file that ``nuhist exclusion -o FILE.json`` has written.

    Raises
    ------
    ConfigError
        If it is something else.
    DataError
        If the file cannot be read, or is no such result.
    """
    if isinstance(source, Exclusion | ExclusionScan):
        return source
    if not isinstance(source, str | Path):
        raise ConfigError(f"{shown(source)}: expected a result of nuhist.exclusion, or its file")
    document = read_json(source)
    if not isinstance(document, dict) or not {"contour_labels", "over"} & document.keys():
        raise DataError(f"{source}: is no result of nuhist exclusion; write one with -o FILE.json")
    check(document, "results", str(source), DataError)
    return from_json(document) if "contour_labels" in document else _scan(document)


def _scan(document: dict[str, Any]) -> ExclusionScan:
    points = [
        ScanPoint(**{name: tuples(value) for name, value in point.items()}) for point in document["points"]
    ]
    kept = {name: tuples(value) for name, value in document.items()}
    return ExclusionScan(**{**kept, "points": tuple(points)})
