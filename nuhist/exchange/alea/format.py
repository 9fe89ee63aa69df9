"""XENON's statistical models, as the table of formats has them."""

from nuhist.exchange.format import Format, Reader, Writer
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
    Reader(
        "nuhist.exchange.alea.read:import_alea",
        "Make a workspace of one of XENON's statistical models: YAML, with templates in HDF5.",
        'model.yaml --templates DIR --data real_data.pkl --set "SR0/wimp=si_6_{t_ly:.1f}.h5" -o w.json',
        (
            Option("templates", "Folder of the templates [default: the model's].", "DIR"),
            Option("data", "Events as pickle, CSV or HDF5 [default: what is expected].", "[TERM=]FILE"),
            Option("settings", "Templates of a source, TERM/SOURCE=PATTERN, or NAME=VALUE.", "X", flag="set"),
            Option("fix", "Hold a parameter; a rate at 0 leaves its source out.", "NAME=VALUE"),
            Option("free", "Leave out the constraint of a parameter.", "NAME[,..]"),
            Option("poi", "Parameter of interest [default: the first free rate].", "NAME"),
            Option("mapping", "anchors, or positive: no negative samples, further from alea.", "HOW"),
            Option("lumi", "keep, or normsys: the efficiency keeps its own name.", "HOW"),
            Option("license", "On which terms the model was published.", "TEXT"),
            Option("sources", "What to cite, with arXiv:NUMBER or doi:NUMBER.", "TEXT", flag="source"),
            Option("ignore_metadata", "Read what nuhist wrote like any other model."),
        ),
    ),
)
