"""The formats by name: nuhist's own, and those of other packages; what the shell and the tests go by."""

from __future__ import annotations

from functools import cache

from nuhist.entry_points import with_entry_points
from nuhist.exchange.cabinetry.format import CABINETRY
from nuhist.exchange.format import Format
from nuhist.exchange.hepdata.format import HEPDATA
from nuhist.exchange.hs3.format import HS3
from nuhist.exchange.inference_interface.format import INFERENCE_INTERFACE
from nuhist.exchange.root.format import ROOT
from nuhist.exchange.xml.format import XML

FORMATS = (ROOT, XML, HS3, INFERENCE_INTERFACE, CABINETRY, HEPDATA)
ENTRY_POINTS = "nuhist.formats"  # group of the formats that other packages bring along


@cache
def formats() -> dict[str, Format]:
    """Formats by name.

    Raises
    ------
    ConfigError
        If one of another package cannot be imported, is no format, or has the name of another.
    """
    return with_entry_points(FORMATS, ENTRY_POINTS, "format", ("title", "extra", "writer", "reader"))
