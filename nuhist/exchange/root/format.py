"""ROOT templates, as the table of formats has them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from nuhist.exchange.format import ASIMOV, POI, SIGNAL, Format, Reader, Writer
from nuhist.offered import Option

if TYPE_CHECKING:
    from nuhist.histfactory.workspace import Workspace


def write(
    workspace: Workspace,
    path: Path,
    *,
    cabinetry: Path | None = None,
    message: Callable[[str], None] = lambda _: None,
) -> list[Path]:
    """Write a workspace as ROOT templates, and a configuration of cabinetry that finds them."""
    from nuhist.exchange.cabinetry.configuration import save_with_configuration
    from nuhist.exchange.differences import below_zero
    from nuhist.exchange.root.write import save_root

    for line in below_zero(workspace):
        message(line)
    if cabinetry is None:
        save_root(workspace, path)
        return [path]
    save_with_configuration(workspace, path, cabinetry)
    return [path, cabinetry]


ROOT = Format(
    "root",
    "ROOT templates",
    "ROOT, uproot, cabinetry",
    (".root",),
    "root",
    Writer(
        write,
        "Write ROOT templates.\n\nA TH1D per sample and variation, in bins of keV; the data; and what else"
        " the model says.",
        "lz.json -o lz.root --cabinetry lz.yml",
        (Option("cabinetry", "Write a configuration with which cabinetry finds the templates.", "FILE"),),
        target="The ROOT file.",
    ),
    Reader(
        "nuhist.exchange.root.read:import_root",
        "Make a workspace of ROOT histograms.\n\nThey are called CHANNEL/SAMPLE, CHANNEL/SAMPLE_SYSTEMATIC_Up"
        " and ..._Down, CHANNEL/data. A file that nuhist wrote needs no options and gives back"
        " its workspace.",
        "theirs.root --signal moment -o theirs.json",
        (
            SIGNAL,
            POI,
            ASIMOV,
            Option("staterror", "Statistical errors from Sumw2, where these are not the counts."),
            Option("ignore_metadata", "Read a file that nuhist wrote like any other."),
        ),
    ),
)
