"""How many lines of comments a bundled table begins with."""

from __future__ import annotations

from pathlib import Path


def head_lines(path: Path) -> int:
    """Lines before the header of the columns."""
    return sum(line.startswith("#") for line in path.read_text("utf-8").splitlines())
