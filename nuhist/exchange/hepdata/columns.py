"""Tables and their columns as hepdata_lib has them, without its defaults that mislead."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from html import escape
from io import StringIO
from typing import Any

from nuhist.errors import missing_extra
from nuhist.exchange.hepdata.names import unique_name
from nuhist.exchange.hepdata.scattering import Scattering, phrases, reactions
from nuhist.physics.hypotheses import title_of

_DIGITS = 8  # hepdata_lib rounds to 5, which would spoil large counts
_LONGEST_NAME, _LONGEST_LOCATION = 60, 256  # HEPData takes 64 and 256

Qualifiers = Sequence[tuple[str, str | float, str]]


@dataclass(frozen=True)
class Column:
    """A column of numbers, or of texts where there is no number, one per row.

    Qualifiers are name, value and unit of what holds for the whole column. An error is its label, and errors
    downwards (negative) and upwards, one per row each.
    """

    name: str
    units: str
    values: Sequence[float | str]
    qualifiers: Qualifiers = ()
    errors: Sequence[tuple[str, Sequence[float], Sequence[float]]] = ()


def library() -> Any:
    """The module hepdata_lib, or an error that says how to install it."""
    # It changes the warnings' filters for everybody, and older versions print that there is no ROOT.
    with warnings.catch_warnings(), redirect_stdout(StringIO()):
        warnings.simplefilter("ignore", DeprecationWarning)  # of jsonschema's old names
        try:
            import hepdata_lib
        except ImportError as error:
            raise missing_extra("HEPData submissions", "hepdata_lib", "hepdata") from error
    return hepdata_lib


def axis(name: str, units: str, values: Sequence[Any]) -> Any:
    """An independent variable: numbers, texts, or bins as pairs of edges."""
    binned = bool(values) and isinstance(values[0], tuple)
    variable = library().Variable(
        name, is_independent=True, is_binned=binned, units=units, values=list(values)
    )
    variable.digits = _DIGITS
    return variable


def _dependent(column: Column) -> Any:
    variable = library().Variable(
        column.name,
        is_independent=False,
        is_binned=False,
        units=column.units,
        values=list(column.values),
        zero_uncertainties_warning=False,  # it is printed, among a command's output
    )
    variable.digits = _DIGITS
    for name, value, units in column.qualifiers:
        variable.add_qualifier(name, value, units)
    for label, down, up in column.errors:
        symmetric = all(minus == -plus for minus, plus in zip(down, up, strict=True))
        uncertainty = library().Uncertainty(label, is_symmetric=symmetric)
        uncertainty.values = list(up) if symmetric else list(zip(down, up, strict=True))
        variable.add_uncertainty(uncertainty)
    return variable


def table(
    name: str,
    description: str,
    location: str,
    axes: Sequence[Any],
    columns: Sequence[Column],
    observable: str,
    hypotheses: Sequence[str | None],
    scatterings: Sequence[Scattering],
    others: Sequence[Any],
) -> Any:
    """A ``hepdata_lib.Table``.

    Its name has letters, digits, blanks, ``_`` and ``-``, since its file is called after it; a number is
    added where one of ``others`` has it. ``location`` says where the numbers come from and is cut where
    HEPData's limit is, ``observable`` is a keyword of HEPData such as ``"N"``, and ``hypotheses`` that
    nuhist knows add their keywords, as do what scatters in the channels.
    """
    result = library().Table(unique_name(name[:_LONGEST_NAME], [other.name for other in others]))
    result.description = escape(description, quote=False)  # HEPData reads it as HTML
    result.location = location[:_LONGEST_LOCATION]
    for variable in (*axes, *map(_dependent, columns)):
        result.add_variable(variable)
    known = list(filter(None, map(title_of, hypotheses)))
    result.keywords["observables"] = [observable]
    if known:  # a model from elsewhere may be of another reaction
        if found := reactions(scatterings):
            result.keywords["reactions"] = found
        result.keywords["phrases"] = [*phrases(scatterings), *known]
    return result
