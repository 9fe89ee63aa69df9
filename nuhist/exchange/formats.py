"""The formats by name: nuhist's own, and those of other packages; what the shell and the tests go by."""

from __future__ import annotations

from functools import cache
from typing import Any

from nuhist.entry_points import Offers, with_entry_points
from nuhist.exchange.alea.format import ALEA
from nuhist.exchange.cabinetry.format import CABINETRY
from nuhist.exchange.format import Format
from nuhist.exchange.hepdata.format import HEPDATA
from nuhist.exchange.hs3.format import HS3
from nuhist.exchange.inference_interface.format import INFERENCE_INTERFACE
from nuhist.exchange.root.format import ROOT
from nuhist.exchange.xml.format import XML
from nuhist.offered import refuse_unknown_options

FORMATS = (ROOT, XML, HS3, INFERENCE_INTERFACE, ALEA, CABINETRY, HEPDATA)
ENTRY_POINTS = "nuhist.formats"  # group of the formats that other packages bring along


@cache
def formats() -> Offers[Format]:
    """Formats by name."""
    return with_entry_points(FORMATS, ENTRY_POINTS, "format", (), _check)


def _check(entry: Any) -> None:
    if not isinstance(entry, Format):
        raise TypeError("it is no nuhist.exchange.format.Format")
    for way in filter(None, (entry.writer, entry.reader)):
        refuse_unknown_options(way)
