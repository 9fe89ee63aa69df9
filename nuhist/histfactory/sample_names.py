"""Samples of a channel as readers know them: by titles, and terms of a sum by the name of their sum."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# As the samples of a response with parameters are called, see :meth:`nuhist.histfactory.yields.YieldParts`.
_TERM = re.compile(r"(?P<whole>.+)_[1-9]\d*")


def whole_name(channel: Mapping[str, Any], sample: Mapping[str, Any]) -> str:
    """Name of the sample of which one is a term, or its own.

    A term is known without a sidecar: it has a factor and a change of shape of one parameter, and the first
    term of its sum has the name without a number.

    Examples
    --------
    >>> modifiers = [{"name": "yield", "type": "histosys"}, {"name": "yield", "type": "normsys"}]
    >>> channel = {"samples": [{"name": "b8", "modifiers": []}, {"name": "b8_1", "modifiers": modifiers}]}
    >>> whole_name(channel, channel["samples"][1])
    'b8'
    """
    name = str(sample["name"])
    found = _TERM.fullmatch(name)
    factors, shapes = (
        {entry["name"] for entry in sample["modifiers"] if entry["type"] == kind}
        for kind in ("normsys", "histosys")
    )
    if found is None or not factors & shapes:
        return name
    first = any(other["name"] == found["whole"] for other in channel["samples"])
    return found["whole"] if first else name


def sample_titles(channel: Mapping[str, Any], sidecar: Mapping[str, Any] | None) -> dict[str, str]:
    """Titles of a channel's samples by name: what the sidecar says, else names, with terms as one."""
    known = (sidecar or {}).get("channels", {}).get(channel["name"], {}).get("samples", {})
    return {
        sample["name"]: known.get(sample["name"], whole_name(channel, sample))
        for sample in channel["samples"]
    }
