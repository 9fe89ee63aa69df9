"""Grids and pairs as a user writes them on the command line."""

from __future__ import annotations

from collections.abc import Iterable
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


def parse_pairs(texts: Iterable[str]) -> dict[str, str]:
    """Pairs of ``NAME=VALUE``; several in one text stand with commas between.

    Raises
    ------
    ConfigError
        If a text has another form or a name comes twice.

    Examples
    --------
    >>> parse_pairs(["a=b,c=d"])
    {'a': 'b', 'c': 'd'}
    """
    pairs: dict[str, str] = {}
    for part in (part for text in texts for part in text.split(",")):
        name, _, value = part.partition("=")
        if not name or not value:
            raise ConfigError(f"'{part}': expected NAME=VALUE")
        if name in pairs:
            raise ConfigError(f"'{name}' is there twice")
        pairs[name] = value
    return pairs


def parse_numbers(texts: Iterable[str]) -> dict[str, float]:
    """Numbers of ``NAME=NUMBER``; several in one text stand with commas between.

    Raises
    ------
    ConfigError
        If a text has another form, a value is no number, or a name comes twice.

    Examples
    --------
    >>> parse_numbers(["lz_ws2022_beta_norm=-1"])
    {'lz_ws2022_beta_norm': -1.0}
    """
    numbers = {}
    for name, value in parse_pairs(texts).items():
        try:
            numbers[name] = float(value)
        except ValueError:
            raise ConfigError(f"{name}={value}: '{value}' is no number") from None
    return numbers


def parse_correlations(texts: Iterable[str]) -> dict[str, float]:
    """Names, each with its correlation: 1, or what ``NAME=RHO`` says.

    Raises
    ------
    ConfigError
        If a correlation is no number or a name comes twice.

    Examples
    --------
    >>> parse_correlations(["pp_flux,be7_flux", "atomic_response=0.5"])
    {'pp_flux': 1.0, 'be7_flux': 1.0, 'atomic_response': 0.5}
    """
    parts = [part for text in texts for part in text.split(",")]
    return parse_numbers(part if "=" in part else f"{part}=1" for part in parts)
