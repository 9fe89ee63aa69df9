"""Submissions to HEPData, as the table of formats has them."""

from nuhist.exchange.format import Format

HEPDATA = Format(
    "hepdata",
    "a HEPData submission",
    "HEPData, pyhf",
    (".tar.gz",),
    "hepdata",
    elsewhere="nuhist hepdata build",
)
