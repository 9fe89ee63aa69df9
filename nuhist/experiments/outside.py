"""Experiments that other packages bring along."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from nuhist.entry_points import Offers, with_entry_points

ENTRY_POINTS = "nuhist.experiments"  # group: each an object with a name and a folder


@cache
def of_packages() -> Offers[Any]:
    """Experiments of installed packages, by name: objects with ``name`` and ``folder``."""
    return with_entry_points([], ENTRY_POINTS, "experiment", ("folder",), _check)


def _check(entry: Any) -> None:
    folder = Path(entry.folder)
    if not (folder / "experiment.yaml").is_file():
        raise TypeError(f"its folder {folder} has no experiment.yaml")
