"""Files of results: what ``-o FILE.json`` or ``--json`` has written, read again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nuhist.errors import ConfigError, DataError
from nuhist.files import read_json
from nuhist.methods.contour import Axis, Contour, ContourLevel
from nuhist.methods.exclusion_results import Exclusion, from_json, tuples
from nuhist.methods.scan_results import ExclusionScan, ScanPoint, SecondParameter
from nuhist.methods.sensitivity_results import Sensitivity, SensitivityPoint
from nuhist.schemas import check
from nuhist.values import shown

Result = Exclusion | ExclusionScan | Sensitivity | Contour
# A key that only one kind of result has, and the name of its schema.
_KINDS = {
    "contour_labels": "exclusion",
    "over": "exclusion_scan",
    "tested": "sensitivity",
    "levels": "contour",
}
_COMMANDS = "nuhist exclusion, nuhist sensitivity or nuhist contour"


def read_result(source: Result | str | Path) -> Result:
    """Read a result from the file that a command has written; a result itself is returned as it is.

    Parameters
    ----------
    source
        Path of a file that ``-o FILE.json`` or ``--json`` has written, or a result.

    Raises
    ------
    ConfigError
        If it is something else.
    DataError
        If the file cannot be read, or is no such result.
    """
    if isinstance(source, Exclusion | ExclusionScan | Sensitivity | Contour):
        return source
    if not isinstance(source, str | Path):
        raise ConfigError(
            f"{shown(source)}: expected a result of nuhist.exclusion, nuhist.sensitivity or nuhist.contour,"
            " or its file"
        )
    document = read_json(source)
    keys = document.keys() if isinstance(document, dict) else ()
    kind = next((name for key, name in _KINDS.items() if key in keys), None)
    if kind is None:
        raise DataError(f"{source}: is no result of {_COMMANDS}; write one with -o FILE.json")
    check(document, "results", str(source), DataError, kind)
    if kind == "exclusion":
        return from_json(document)
    kept: dict[str, Any] = {name: tuples(value) for name, value in document.items()}
    if kind == "contour":
        levels = tuple(
            ContourLevel(**{name: tuples(value) for name, value in level.items()})
            for level in document["levels"]
        )
        axes = {name: Axis(**document[name]) for name in ("x", "y")}
        return Contour(**{**kept, **axes, "levels": levels})
    rows = [{name: tuples(value) for name, value in point.items()} for point in document["points"]]
    if kind == "exclusion_scan":
        second = document["second"]
        kept["second"] = None if second is None else SecondParameter(**second)
        return ExclusionScan(**{**kept, "points": tuple(ScanPoint(**row) for row in rows)})
    return Sensitivity(**{**kept, "points": tuple(SensitivityPoint(**row) for row in rows)})
