"""Commands that bring a model into other formats, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nuhist.cli.common import (
    Source,
    command_line,
    deliver,
    measurement_option,
    output_option,
    print_json,
    tell,
    warn,
    workspace_argument,
)
from nuhist.cli.options import OutputType, PathType, group


@group(epilog="Example: nuhist export root lz.json -o lz.root")
def export() -> None:
    """Write a workspace in another format."""


@group("import", epilog="Example: nuhist import root lz.root -o lz.json")
def import_() -> None:
    """Make a workspace from a file of another format."""


@export.command("root", epilog="Example: nuhist export root lz.json -o lz.root --cabinetry lz.yml")
@workspace_argument
@click.option("-o", "--output-file", "output", required=True, type=OutputType(), metavar="FILE",
              help="The ROOT file.")  # fmt: skip
@click.option("--cabinetry", type=OutputType(), metavar="FILE",
              help="Write a configuration with which cabinetry finds the templates.")  # fmt: skip
def export_root(workspace: Source, output: Path, cabinetry: Path | None) -> None:
    """Write ROOT templates.

    A TH1D per sample and variation, in bins of keV; the data; and what else the model says.
    """
    from nuhist.exchange.cabinetry.configuration import save_with_configuration
    from nuhist.exchange.root.write import save_root

    if cabinetry is None:
        save_root(workspace.workspace(), output)
    else:
        save_with_configuration(workspace.workspace(), output, cabinetry)
    for path in filter(None, (output, cabinetry)):
        tell(f"{path}: written")


@import_.command("root", epilog="Example: nuhist import root theirs.root --signal moment -o theirs.json")
@click.argument("file", metavar="FILE", type=PathType())
@click.option("--signal", multiple=True, metavar="SAMPLE[,..]", help="What the parameter of interest scales.")
@click.option("--poi", metavar="NAME", help="Name of the parameter of interest [default: mu].")
@click.option("--asimov", is_flag=True, help="Observe what is expected without the signal.")
@click.option("--staterror/--no-staterror", default=True, show_default=True,
              help="Statistical errors from Sumw2, where these are not the counts.")  # fmt: skip
@click.option("--ignore-metadata", is_flag=True, help="Read a file that nuhist wrote like any other.")
@output_option("Where to write; the sidecar goes beside it [default: standard output].")
def import_root(file: Path, signal: tuple[str, ...], output: Path | None, **choices: Any) -> None:
    """Make a workspace of ROOT histograms.

    They are called CHANNEL/SAMPLE, CHANNEL/SAMPLE_SYSTEMATIC_Up and ..._Down, CHANNEL/data. A file
    that nuhist wrote needs no options and gives back its workspace.
    """
    from nuhist.exchange.root.read import import_root as run

    names = [name for text in signal for name in text.split(",")]
    deliver(run(file, signal=names, command=command_line(), message=warn, **choices), output)


@export.command("xml", epilog="Example: nuhist export xml lz.json -o lz_xml")
@workspace_argument
@click.option("-o", "--output-dir", "output", required=True, type=OutputType(), metavar="DIR",
              help="Gets combination.xml, a file per channel, data.root and ROOT's schema.")  # fmt: skip
@click.option("--measurement", help="Name of the measurement [default: all].")
def export_xml(workspace: Source, output: Path, measurement: str | None) -> None:
    """Write HistFactory XML with its histograms, which ROOT and pyhf read."""
    from nuhist.exchange.xml.write import DRIVER
    from nuhist.exchange.xml.write import export_xml as run

    run(workspace.workspace(), output, measurement)
    tell(f"{output / DRIVER}: written")


@import_.command("xml", epilog="Example: nuhist import xml lz_xml/combination.xml -o lz.json")
@click.argument("file", metavar="FILE", type=PathType())
@click.option("--basedir", type=PathType(), metavar="DIR",
              help="Where ROOT would be run [default: the driver's folder, or the one above].")  # fmt: skip
@output_option("Where to write; the sidecar goes beside it [default: standard output].")
def import_xml(file: Path, basedir: Path | None, output: Path | None) -> None:
    """Make a workspace of HistFactory XML; FILE is the driver, with the root element Combination."""
    from nuhist.exchange.xml.read import import_xml as run

    deliver(run(file, basedir=basedir, command=command_line(), message=warn), output)


@export.command("hs3", epilog="Example: nuhist export hs3 lz.json -o lz.hs3.json")
@workspace_argument
@output_option("Where to write [default: standard output].")
@measurement_option
def export_hs3(workspace: Source, output: Path | None, measurement: str | None) -> None:
    """Write HS3, the JSON of RooFit and pyhs3. Experimental: the format still changes."""
    from nuhist.exchange.hs3.write import export_hs3 as run
    from nuhist.exchange.hs3.write import hs3_document

    if output is None:
        print_json(hs3_document(workspace.workspace(), measurement))
        return
    run(workspace.workspace(), output, measurement)
    tell(f"{output}: written")


@import_.command("hs3", epilog="Example: nuhist import hs3 lz.hs3.json -o lz.json")
@click.argument("file", metavar="FILE", type=PathType())
@click.option("--measurement", help="Name of the analysis [default: the first with observed data].")
@click.option("--data", metavar="NAME", help="Name of the data set [default: the one that was observed].")
@output_option("Where to write; the sidecar goes beside it [default: standard output].")
def import_hs3(file: Path, measurement: str | None, data: str | None, output: Path | None) -> None:
    """Make a workspace of a HistFactory model in HS3, from nuhist or RooFit. Experimental."""
    from nuhist.exchange.hs3.read import import_hs3 as run

    found = run(file, measurement=measurement, data=data, command=command_line(), message=warn)
    deliver(found, output)


@export.command(
    "inference-interface",
    epilog="Example: nuhist export inference-interface lz.json -o lz.h5",
)
@workspace_argument
@click.option("-o", "--output-file", "output", required=True, type=OutputType(), metavar="FILE",
              help="HDF5; of several channels one file each, FILE_CHANNEL.")  # fmt: skip
def export_inference_interface(workspace: Source, output: Path) -> None:
    """Write samples and variations as templates that XENON's inference_interface reads."""
    from nuhist.exchange.inference_interface.read import export_templates

    for path in export_templates(workspace.workspace(), output):
        tell(f"{path}: written")


@import_.command(
    "inference-interface",
    epilog="Example: nuhist import inference-interface er=er.h5 b8=b8.h5 --signal b8 --scale 1.17"
    " --axis cs2 --observed sr0.csv -o sr0.json",
)
@click.argument("sources", metavar="FILE...", nargs=-1, required=True)
@click.option("--signal", multiple=True, metavar="SAMPLE[,..]", help="What the parameter of interest scales.")
@click.option("--poi", metavar="NAME", help="Name of the parameter of interest [default: mu].")
@click.option("--channel", metavar="NAME", help="Name of the channel [default: the file's].")
@click.option("--axis", "axes", multiple=True, metavar="NAME", help="Axis to keep; again for several.")
@click.option("--scale", type=float, default=1.0, show_default=True, metavar="X",
              help="Factor on all templates, such as an exposure.")  # fmt: skip
@click.option("--density", is_flag=True, help="Templates are per unit of their axes, not per bin.")
@click.option("--observed", type=PathType(), metavar="FILE",
              help="CSV with a column 'counts', one row per bin.")  # fmt: skip
@click.option("--asimov", is_flag=True, help="Observe what is expected without the signal.")
@click.option("--ignore-metadata", is_flag=True, help="Take the templates of nuhist's own file alone.")
@output_option("Where to write; the sidecar goes beside it [default: standard output].")
def import_inference_interface(
    sources: tuple[str, ...], signal: tuple[str, ...], output: Path | None, **choices: Any
) -> None:
    """Make a workspace of XENON's templates: FILE, SAMPLE=FILE or SAMPLE=FILE:TEMPLATE.

    A file that nuhist wrote needs no options.
    """
    from nuhist.exchange.inference_interface.read import import_templates, parse_source

    names = [name for text in signal for name in text.split(",")]
    parsed = [parse_source(text) for text in sources]
    deliver(import_templates(parsed, signal=names, command=command_line(), message=warn, **choices), output)
