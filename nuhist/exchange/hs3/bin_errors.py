"""Errors of what has one parameter per bin in an HS3 document: staterror, shapesys, shapefactor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nuhist.errors import ExchangeError
from nuhist.exchange.hs3.write import read_errors
from nuhist.exchange.relative import absolute

Entry = Mapping[str, Any]
_RELATIVE = {"ROOT", "nuhist"}  # packages that write the errors of a shapesys relative to its counts


def as_meant(modifier: Entry, values: Mapping[str, Entry], where: str) -> Entry:
    """A shapefactor for what RooFit 6.40 makes of one: a shapesys without errors whose bins are free.

    A bin without an error is constant in pyhf, and in RooFit where a shapesys is one. ``values`` is what the
    document says of parameters, by name.
    """
    if modifier["type"] != "shapesys" or "parameters" not in modifier:
        return modifier
    errors = modifier["data"]["vals"]
    free = [
        not error and not values.get(name, {}).get("const", False)
        for name, error in zip(modifier["parameters"], errors, strict=True)
    ]
    if not any(free):
        return modifier
    if any(errors):
        raise ExchangeError(
            f"{where}: shapesys '{modifier['name']}': bin {free.index(True)} has no error and is not"
            " constant; pyhf has no such bin, so make it constant or give it an error"
        )
    return {**modifier, "type": "shapefactor"}


def errors_of_bins(
    modifier: Entry,
    sample: Entry,
    distribution: Entry,
    document: Entry,
    where: str,
    message: Callable[[str], None],
) -> list[float] | None:
    """Absolute errors of a modifier, as HistFactory JSON has them; None where the bins are free."""
    kind = modifier["type"]
    if kind == "staterror":
        said = distribution.get("staterror", {}).get("constraint_type") or modifier.get("constraint_type")
        if (said or modifier.get("constraint", "Gauss")) != "Gauss":
            message(f"{where}: its Poisson constraints become Gaussian ones, which pyhf has")
        return read_errors(sample["data"]["errors"])
    if kind == "shapefactor":
        return None
    if kind == "shapesys":
        _check_shapesys(modifier, document, where, message)
        return absolute(list(map(float, modifier["data"]["vals"])), sample["data"]["contents"])
    raise ExchangeError(f"{where}: has no counterpart in HistFactory JSON, or not one sure in its numbers")


def _check_shapesys(modifier: Entry, document: Entry, where: str, message: Callable[[str], None]) -> None:
    """That its numbers are relative, as those of RooFit, and its constraint is one that pyhf has."""
    if not _RELATIVE & {entry["name"] for entry in document["metadata"].get("packages", ())}:
        raise ExchangeError(
            f"{where}: HS3 does not say whether its numbers are relative, as in RooFit, or absolute, as in"
            " pyhs3; if they are relative, name ROOT among the packages of metadata"
        )
    kind = modifier.get("constraint_type", modifier.get("constraint", "Poisson"))
    if kind == "Gauss":
        message(f"{where}: its Gaussian constraint becomes a Poisson one, which pyhf has")
    elif kind != "Poisson":
        raise ExchangeError(f"{where}: its constraint '{kind!s:.40}' is not known; pyhf has Poisson")
