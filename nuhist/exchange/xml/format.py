"""HistFactory XML, as the table of formats has it."""

from nuhist.exchange.format import Format, Reader, Writer
from nuhist.offered import Option

XML = Format(
    "xml",
    "HistFactory XML",
    "ROOT's HistFactory, `pyhf xml2json`",
    (".xml",),
    "root",
    Writer(
        "nuhist.exchange.xml.write:export_xml",
        "Write HistFactory XML with its histograms, which ROOT and pyhf read.",
        "lz.json -o lz_xml",
        (
            Option("measurement", "Name of the measurement [default: all]."),
            Option("lumi", "keep, or normsys to write lumi as a normsys.", "HOW"),
        ),
        target="Gets combination.xml, a file per channel, data.root and ROOT's schema.",
        main="combination.xml",
    ),
    Reader(
        "nuhist.exchange.xml.read:import_xml",
        "Make a workspace of HistFactory XML; FILE is the driver, with the root element Combination.",
        "lz_xml/combination.xml -o lz.json",
        (
            Option(
                "basedir",
                "Where ROOT would be run [default: the driver's folder, or the one above].",
                "DIR",
            ),
        ),
    ),
)
