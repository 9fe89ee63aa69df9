"""Samples that only together expect events: what an import has written as terms of an expansion."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_FREE = ("normfactor", "lumi")
_TERM = re.compile(r"_\d+$")


def groups(channel: Mapping[str, Any]) -> list[tuple[dict[str, Any], ...]]:
    """Samples of a channel, each alone, but for terms of either sign, which go together.

    These are called NAME, NAME_1, NAME_2 and so on, as an import of alea's models calls them, are scaled by
    the same factors, and one of them has negative counts.
    """
    families: dict[tuple[str, frozenset[str]], list[dict[str, Any]]] = {}
    for sample in channel["samples"]:
        families.setdefault(_family(sample), []).append(sample)
    signed = {key for key, found in families.items() if any(min(sample["data"]) < 0 for sample in found)}
    made: list[tuple[dict[str, Any], ...]] = []
    for sample in channel["samples"]:
        key = _family(sample)
        if key not in signed:
            made.append((sample,))
        elif sample is families[key][0]:
            made.append(tuple(families[key]))
    return made


def _family(sample: Mapping[str, Any]) -> tuple[str, frozenset[str]]:
    free = frozenset(entry["name"] for entry in sample["modifiers"] if entry["type"] in _FREE)
    return _TERM.sub("", sample["name"]), free
