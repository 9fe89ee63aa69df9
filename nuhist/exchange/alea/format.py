"""XENON's statistical models, as the table of formats has them."""

from nuhist.exchange.format import Format, Writer
from nuhist.offered import Option

ALEA = Format(
    "alea",
    "XENON's statistical models",
    "alea",
    (".yaml",),
    "hdf5",
    Writer(
        "nuhist.exchange.alea.write:export_alea",
        "Write a statistical model with its templates, which XENON's alea runs.",
        "lz.json --normsys linear -o lz_alea",
        (
            Option("measurement", "Name of the measurement [default: the first]."),
            Option("step", "Distance of anchors in standard deviations [default: 0.5].", "X"),
            Option("reach", "How many standard deviations they reach [default: 5].", "X"),
            Option("normsys", "anchors, or linear: a factor 1 + σα, without anchors.", "HOW"),
        ),
        target="Gets statistical_model.yaml, a file of templates per source, data.h5 and nuhist.json.",
        main="statistical_model.yaml",
    ),
)
