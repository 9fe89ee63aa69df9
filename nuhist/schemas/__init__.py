"""JSON Schemas as contracts, and the check of a document against one of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any

from nuhist.errors import NuhistError

_NAME = "^[a-z][a-z0-9_]*$"  # the pattern of names in the schemas


@cache
def load(name: str) -> Mapping[str, Any]:
    """One of nuhist's schemas: ``experiment``, ``sidecar`` or ``results``."""
    text = (Path(__file__).parent / f"{name}.json").read_text(encoding="utf-8")
    schema: Mapping[str, Any] = json.loads(text)
    return schema


def check(document: Any, schema: str, where: str, kind: type[NuhistError], part: str | None = None) -> None:
    """Check a document, and say in one line what is wrong with it.

    Parameters
    ----------
    document
        Parsed JSON or YAML.
    schema
        Name for :func:`load`.
    where
        The file, for the message.
    kind
        Class of the error to raise.
    part
        Name in the schema's ``$defs``, where the document is one of several kinds.

    Raises
    ------
    NuhistError
        Of the given kind, with the key and what is wrong with it; numbers that are not finite are wrong
        everywhere.
    """
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    whole = load(schema)
    chosen = whole if part is None else {"$ref": f"#/$defs/{part}", "$defs": whole["$defs"]}
    raise_best(best_match(Draft202012Validator(chosen).iter_errors(document)), where, kind)
    _refuse_infinite(document, where, kind)


def _refuse_infinite(content: Any, where: str, kind: type[NuhistError], key: str = "") -> None:
    """NaN and infinite numbers pass a schema's minimum or maximum."""
    if isinstance(content, float) and not isfinite(content):
        raise kind(f"{where}: {key.lstrip('.')}: {content} is no finite number")
    if isinstance(content, dict):
        for name, value in content.items():
            _refuse_infinite(value, where, kind, f"{key}.{name}")
    elif isinstance(content, list):
        for index, value in enumerate(content):
            _refuse_infinite(value, where, kind, f"{key}[{index}]")


def raise_best(
    error: Any, where: str, kind: type[NuhistError], place: Sequence[str | int] | None = None
) -> None:
    """Raise the most telling of a validator's errors, if there is one.

    Parameters
    ----------
    error
        What the validator found, or None.
    where
        The file, for the message.
    kind
        Class of the error to raise.
    place
        Keys and positions that lead to what is wrong; the error's own by default.
    """
    if error is None:
        return
    parts = error.absolute_path if place is None else place
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    key = f"{path.lstrip('.')}: " if path else ""
    message = error.message
    if error.schema.get("maximum") == 1 and error.validator == "maximum":
        message = f"{error.instance:g} is no fraction between 0 and 1; write 0.14 for 14 %"
    elif error.validator == "dependentRequired":
        message = message.replace(" is a dependency of ", " is needed beside ")
    elif error.validator == "type" and error.validator_value == "object" and error.schema.get("properties"):
        message += f"; expected keys with values, such as '{next(iter(error.schema['properties']))}: ...'"
    elif error.validator == "pattern" and error.validator_value == _NAME:
        message = (
            f"{error.instance!r} does not match a name: lower-case letters, digits and _, a letter first"
        )
    if len(message) > 300:
        message = f"{message[:140]} ... {message[-140:]}"
    raise kind(f"{where}: {key}{' '.join(message.split())}")
