"""Grids of couplings as a user writes them."""

from __future__ import annotations

from math import inf

import numpy as np

from nuhist.errors import ConfigError


def parse_range(text: str) -> list[float]:
    """Values of ``LO:HI:N``: N of them from LO to HI.

    Raises
    ------
    ConfigError
        If the text has another form, is reversed, or has fewer than two points.

    Examples
    --------
    >>> parse_range("0:2:3")
    [0.0, 1.0, 2.0]
    """
    parts = text.split(":")
    try:
        (low, high), number = map(float, parts[:2]), int(parts[2])
    except (ValueError, IndexError):
        raise ConfigError(f"range '{text}': expected LO:HI:N, such as 0:3e-11:31") from None
    if len(parts) != 3 or number < 2 or not -inf < low < high < inf:
        raise ConfigError(f"range '{text}': needs HI above LO and at least two points")
    return [float(value) for value in np.linspace(low, high, number)]
