"""Entries of alea's YAML, checked one by one."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from nuhist.errors import ExchangeError
from nuhist.exchange.alea.model import (
    Parameter,
)
from nuhist.exchange.inference_interface.files import MOST_AXES
from nuhist.values import shown

# What changes no likelihood: names and colours of plots, files in between.
_IDLE = {
    "label", "color", "latex_name", "dont_hash_settings", "extra_dont_hash_settings", "cache_dir", "task_dir",
    "force_recalculation", "never_save_to_cache", "pdf_interpolation_method", "description",
}  # fmt: skip
_REFUSED = {
    "likelihood_weights": "likelihood weights, which HistFactory cannot hold",
    "template_filenames": "CombinedSource, whose templates are sums with weights",
    "fiducial_mass_parameter": "a fiducial mass, which belongs to sources of energies",
    "allow_negative": "sources of negative rate",
}


def needed(entry: Mapping[str, Any], key: str, where: str) -> Any:
    """An entry that must be there."""
    if entry.get(key) is None:
        raise ExchangeError(f"{where}: has no {key}; expected a model of alea")
    return entry[key]


def known(entry: Mapping[str, Any], names: set[str], where: str) -> None:
    """Refuse keys that mean what cannot be held, and those that are not known."""
    for key in entry:
        if key in _REFUSED and entry[key]:
            raise ExchangeError(f"{where}: {key}: means {_REFUSED[key]}; it cannot be imported")
        if key not in names | _IDLE | set(_REFUSED):
            raise ExchangeError(
                f"{where}: {shown(key)} is no key that is known here; remove it if it does nothing"
            )


def parameter_names(content: Any, parameters: Mapping[str, Parameter], where: str) -> tuple[str, ...]:
    """Names of parameters, each once."""
    found = as_list(content, where)
    for name in found:
        if not isinstance(name, str) or name not in parameters:
            raise ExchangeError(f"{where}: there is no parameter {shown(name)}")
    return tuple(dict.fromkeys(found))


def limits(content: Any, where: str) -> tuple[float | None, float | None]:
    """A lower and an upper bound, None where one is open."""
    if content is None:
        return (None, None)
    pair = as_list(content, where)
    if len(pair) != 2:
        raise ExchangeError(f"{where}: expected two numbers, or null for none")
    low, high = (None if each is None else bound(each, where) for each in pair)
    if low is not None and high is not None and not low < high:
        raise ExchangeError(f"{where}: {low:g} and {high:g} do not rise")
    return (low, high)


def bound(content: Any, where: str) -> float | None:
    """A bound; None where it is infinite."""
    if isinstance(content, float) and content in (float("inf"), float("-inf")):
        return None
    return as_number(content, where)


def axis_number(content: Any, where: str) -> int:
    """Which axis, from 0."""
    if isinstance(content, bool) or not isinstance(content, int) or not 0 <= content < MOST_AXES:
        raise ExchangeError(f"{where}: {shown(content)} is no number of an axis")
    return content


def positive(content: Any, where: str) -> float:
    """A number above 0."""
    found = as_number(content, where)
    if found is None or not found > 0:
        raise ExchangeError(f"{where}: {shown(content)} is no positive number")
    return found


def as_number(content: Any, where: str) -> float | None:
    """A finite number, or None."""
    if content is None:
        return None
    if isinstance(content, bool) or not isinstance(content, int | float) or not isfinite(content):
        raise ExchangeError(f"{where}: {shown(content)} is no number")
    return content


def as_truth(content: Any, default: bool, where: str) -> bool:
    """True or false, or what stands for no entry."""
    if content is None:
        return default
    if not isinstance(content, bool):
        raise ExchangeError(f"{where}: {shown(content)} is neither true nor false")
    return content


def as_text(content: Any, where: str) -> str:
    """A text that is not empty."""
    if not isinstance(content, str) or not content:
        raise ExchangeError(f"{where}: {shown(content)} is no text")
    return content


def as_list(content: Any, where: str) -> list[Any]:
    """A list."""
    if not isinstance(content, list):
        raise ExchangeError(f"{where}: {shown(content)} is no list")
    return content


def as_mapping(content: Any, where: str) -> Mapping[str, Any]:
    """A mapping of keys."""
    if not isinstance(content, Mapping):
        raise ExchangeError(f"{where}: {shown(content)} is no mapping of keys; expected a model of alea")
    return content
