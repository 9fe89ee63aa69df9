"""Names that are safe as files on any system and unique in an archive."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

BACKGROUND, PATCHSET, RESULTS = "BkgOnly", "patchset", "expected_results"
_RESERVED = (BACKGROUND, PATCHSET, RESULTS, "README")
_LONGEST = 40


def plain_name(text: str, otherwise: str) -> str:
    """Letters, digits, ``_`` and ``-`` of a text; what lies between them becomes ``_``.

    Examples
    --------
    >>> plain_name("LZ: <WS2022>/a.b", "model"), plain_name("ν", "model")
    ('LZ_WS2022_a_b', 'model')
    """
    words = re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_-")
    return words[:_LONGEST].strip("_-") or otherwise


def unique_name(name: str, taken: Collection[str]) -> str:
    """The name, with a number where it is taken already; upper and lower case count as the same."""
    used = {other.casefold() for other in taken}
    found, number = name, 2
    while found.casefold() in used:
        found = f"{name}_{number}"
        number += 1
    return found


def model_names(titles: Sequence[str]) -> list[str]:
    """A name per model, none of which is that of another file in the archive.

    Examples
    --------
    >>> model_names(["lz", "LZ", "patchset"])
    ['lz', 'LZ_2', 'patchset_2']
    """
    names: list[str] = []
    for title in titles:
        names.append(unique_name(plain_name(title, "model"), [*_RESERVED, *names]))
    return names
