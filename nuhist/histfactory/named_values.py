"""Names with numbers, words or other names, as a user writes them on the command line."""

from __future__ import annotations

import re
from collections.abc import Iterable

from nuhist.errors import ConfigError, OptionError

_PAIR = re.compile("(.+?)=([^=,]+)(?:,|$)")  # a name may have commas, a value has none


def parse_pairs(texts: Iterable[str]) -> dict[str, str]:
    """Pairs of ``NAME=VALUE``; several in one text stand with commas between.

    Raises
    ------
    ConfigError
        If a text has another form.
    OptionError
        If a name comes twice.

    Examples
    --------
    >>> parse_pairs(["a=b,c=d"])
    {'a': 'b', 'c': 'd'}
    >>> parse_pairs(["a, b=1,c=2"])
    {'a, b': '1', 'c': '2'}
    """
    pairs: dict[str, str] = {}
    for text in texts:
        found = _PAIR.findall(text)
        if ",".join(f"{name}={value}" for name, value in found) != text:
            raise ConfigError(f"'{text}': expected NAME=VALUE, or several with commas between them")
        for name, value in found:
            if name in pairs:
                raise OptionError(f"'{name}' is there twice; keep one")
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


def parse_held(texts: Iterable[str]) -> dict[str, float | None]:
    """Names that are held, each at the number that ``NAME=VALUE`` says, or at None.

    Raises
    ------
    ConfigError
        If a value is no number.
    OptionError
        If a name comes twice.

    Examples
    --------
    >>> parse_held(["mu,nu=0"])
    {'mu': None, 'nu': 0.0}
    """
    found: dict[str, float | None] = {}
    for part in (part for text in texts for part in text.split(",")):
        named = parse_numbers([part]) if "=" in part else {part: None}
        for name, value in named.items():
            if name in found:
                raise OptionError(f"'{name}' is there twice; keep one")
            found[name] = value
    return found


def parse_values(texts: Iterable[str]) -> dict[str, str | float]:
    """Numbers or words of ``NAME=VALUE``.

    Examples
    --------
    >>> parse_values(["mass_GeV=6", "interaction=SI"])
    {'mass_GeV': 6.0, 'interaction': 'SI'}
    """
    values: dict[str, str | float] = {}
    for name, value in parse_pairs(texts).items():
        try:
            values[name] = float(value)
        except ValueError:
            values[name] = value
    return values


def parse_bounds(texts: Iterable[str]) -> dict[str, tuple[float, float]]:
    """Lower and upper bounds of ``NAME=LO:HI``.

    Raises
    ------
    ConfigError
        If a text has another form, a bound is no number, or a name comes twice.

    Examples
    --------
    >>> parse_bounds(["mu=-5:10"])
    {'mu': (-5.0, 10.0)}
    """
    bounds = {}
    for name, value in parse_pairs(texts).items():
        low, _, high = value.partition(":")
        try:
            bounds[name] = (float(low), float(high))
        except ValueError:
            raise ConfigError(f"{name}={value}: expected NAME=LO:HI, two numbers") from None
    return bounds


def parse_correlations(texts: Iterable[str]) -> dict[str, float | str | list[str]]:
    """Names, each with its correlation (1, or what ``NAME=RHO`` says) or with its other names.

    Raises
    ------
    ConfigError
        If a text has another form.
    OptionError
        If a name comes twice.

    Examples
    --------
    >>> parse_correlations(["pp_flux,be7_flux", "atomic_response=0.5", "b8_flux=b8=cevns"])
    {'pp_flux': 1.0, 'be7_flux': 1.0, 'atomic_response': 0.5, 'b8_flux': ['b8', 'cevns']}
    """
    found: dict[str, float | str | list[str]] = {}
    for part in (part for text in texts for part in text.split(",")):
        (name, value), *_ = parse_pairs([part if "=" in part else f"{part}=1"]).items()
        said: float | list[str]
        try:
            said = float(value)
        except ValueError:
            name, *said = part.split("=")
            if not all((name, *said)):
                raise ConfigError(f"'{part}': expected NAME=RHO or NAME=OTHER_NAME") from None
        if name in found:
            raise OptionError(f"'{name}' is there twice; keep one")
        found[name] = said
    return found
