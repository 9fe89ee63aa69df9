"""XENON's template files, as the table of formats has them."""

from nuhist.exchange.format import ASIMOV, POI, SIGNAL, Format, Reader, Writer
from nuhist.offered import Option

INFERENCE_INTERFACE = Format(
    "inference-interface",
    "XENON's template files",
    "`inference_interface`, alea",
    (".h5",),
    "hdf5",
    Writer(
        "nuhist.exchange.inference_interface.write:export_templates",
        "Write samples and variations as templates that XENON's inference_interface reads.",
        "lz.json -o lz.h5",
        target="HDF5; of several channels one file each, FILE_CHANNEL.",
    ),
    Reader(
        "nuhist.exchange.inference_interface.read:import_templates",
        "Make a workspace of XENON's templates: FILE, SAMPLE=FILE or SAMPLE=FILE:TEMPLATE.\n\nWhat"
        " nuhist wrote needs no options; name the files of all channels.",
        "er=er.h5 b8=b8.h5 --signal b8 --scale 1.17 --axis cs2 --observed sr0.csv -o sr0.json",
        (
            SIGNAL,
            POI,
            Option("channel", "Name of the channel [default: the file's].", "NAME"),
            Option("axes", "Axis to keep; again for several.", "NAME", flag="axis"),
            Option("scale", "Factor on all templates, such as an exposure.", "X"),
            Option("density", "Templates are per unit of their axes, not per bin."),
            Option("observed", "CSV with a column 'counts', one row per bin.", "FILE"),
            ASIMOV,
            Option("ignore_metadata", "Take the templates of nuhist's own file alone."),
        ),
        several=True,
    ),
)
