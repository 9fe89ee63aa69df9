"""HS3, as the table of formats has it."""

from nuhist.exchange.format import Format, Reader, Writer
from nuhist.offered import Option

HS3 = Format(
    "hs3",
    "HS3",
    "RooFit, pyhs3",
    (".hs3.json", ".json"),
    None,
    Writer(
        "nuhist.exchange.hs3.write:export_hs3",
        "Write HS3, the JSON of RooFit and pyhs3. Experimental: the format still changes.",
        "lz.json -o lz.hs3.json",
        (Option("measurement", "Name of the measurement [default: the first]."),),
        target="Where to write [default: standard output].",
        document="nuhist.exchange.hs3.write:hs3_document",
    ),
    Reader(
        "nuhist.exchange.hs3.read:import_hs3",
        "Make a workspace of a HistFactory model in HS3, from nuhist or RooFit. Experimental.",
        "lz.hs3.json -o lz.json",
        (
            Option("measurement", "Name of the analysis [default: the first with observed data]."),
            Option("data", "Name of the data set [default: the one that was observed].", "NAME"),
        ),
    ),
)
