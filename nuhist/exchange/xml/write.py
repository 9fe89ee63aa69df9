"""A workspace as HistFactory XML: a driver, a file per channel, and their histograms.

pyhf's own writer (``pyhf json2xml``) gives the bins the edges 0, 1, 2, ..., writes paths that hold on one
machine, and leaves statistical errors to ROOT's defaults, which are other than pyhf's. It writes through
a global of its module, so that nothing of it could be used here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np
from numpy.typing import ArrayLike

from nuhist.errors import ExchangeError
from nuhist.exchange.differences import root_differences
from nuhist.exchange.luminosity import KEEP, with_luminosity
from nuhist.exchange.parameter_names import LUMI, has_lumi, names_in_root, root_name, root_names
from nuhist.exchange.refusals import (
    Names,
    refuse_names,
    refuse_other_constraints,
    refuse_partial_lumi,
    refuse_several_interests,
    refuse_several_staterrors,
)
from nuhist.exchange.relative import relative
from nuhist.exchange.remainder import remainder
from nuhist.exchange.root.histograms import root_file
from nuhist.exchange.root.write import (
    DATA,
    ChannelHistograms,
    sample_path,
    uncertainty_suffix,
    variation_suffix,
)
from nuhist.files import make_folder, to_json, write_together
from nuhist.histfactory.parameter_sets import parameter_range, parameter_sets
from nuhist.histfactory.workspace import Workspace
from nuhist.tables import Array

DRIVER, HISTOGRAMS, SCHEMA = "combination.xml", "data.root", "HistFactorySchema.dtd"
METADATA = "nuhist_remainder"  # a TObjString beside the histograms: what XML cannot hold

_LUMI_ERROR = 0.1  # of a luminosity that no sample has; ROOT divides by it
_TEXT = r"[^\x00-\x20\x7f\x85\xa0\u2028\u2029\ud800-\udfff\ufffe\uffff]"  # one character, no blank
_NAMES = Names(
    "ROOT's HistFactory",
    channels=re.compile(rf"(?![,;/])[^\W\d](?:(?![,;/])(?:{_TEXT}| (?! *$)))*"),
    samples=re.compile(rf"{_TEXT}(?:{_TEXT}| (?! *$))*"),
    parameters=re.compile(rf"{_TEXT}+"),  # lists of them are separated by blanks
    advice={
        "channel": "begin with a letter, and use no commas, semicolons and slashes",
        "sample": "use no control characters, and no blanks at its ends",
        "parameter": "use no blanks and control characters",
    },
)


def export_xml(
    workspace: Workspace,
    folder: Path,
    measurement: str | None = None,
    *,
    lumi: str = KEEP,
    message: Callable[[str], None] = lambda _: None,
) -> list[Path]:
    """Write a workspace as HistFactory XML that ROOT reads, into a folder; the driver's path.

    The folder gets ``combination.xml`` (the driver), ``channel_NAME.xml`` per channel, ``data.root``
    with the histograms, and ROOT's schema. Paths are relative to the folder: ROOT and
    ``pyhf xml2json`` are run in it. Bin edges and titles come from the sidecar; without one bins are numbered
    from 0.

    Parameters
    ----------
    workspace, folder
        What to write, and where; the folder is made if it is not there.
    measurement
        Name of the one to write; all of them by default.
    lumi
        ``"keep"``, or ``"normsys"`` to write the luminosity as a normsys, which can be on some samples only.
    message
        Called with a line of text for what ROOT evaluates otherwise than pyhf, and what ``lumi`` changes.

    Raises
    ------
    ExchangeError
        If ROOT's HistFactory cannot hold the model.
    ModelError
        If there is no measurement of that name.
    DataError
        If the folder cannot be written to, or uproot is not installed.
    """
    chosen, changes = with_luminosity(workspace, lumi)
    contents = xml_files(chosen, measurement)
    for line in (*changes, *root_differences(workspace), *_without_interest(chosen, measurement)):
        message(line)
    make_folder(folder)
    write_together({folder / name: content for name, content in contents.items()}, key=folder / DRIVER)
    return [folder / DRIVER]


def xml_files(workspace: Workspace, measurement: str | None = None) -> dict[str, bytes]:
    """Contents of the files that :func:`export_xml` writes, by name; the driver is the last."""
    chosen = [workspace.measurement(measurement)] if measurement else list(workspace.spec["measurements"])
    _check(workspace, chosen)
    histograms: dict[str, Any] = {METADATA: to_json(remainder(workspace, chosen).to_json())}
    combination = Element("Combination", OutputFilePrefix="nuhist")
    channels, observed = {}, workspace.observed()
    for channel in workspace.spec["channels"]:
        name = f"channel_{channel['name']}.xml"
        channels[name] = _document(
            _ChannelElement(workspace, channel, observed[channel["name"]], chosen[0], histograms).element
        )
        SubElement(combination, "Input").text = name
    for entry in chosen:
        combination.append(_measurement(entry, workspace))
    schema = files("pyhf").joinpath("schemas", SCHEMA).read_bytes()
    driver = _document(combination)
    return {HISTOGRAMS: root_file(histograms), SCHEMA: schema, **channels, DRIVER: driver}


def _document(element: Element) -> bytes:
    indent(element)
    header = f"<!DOCTYPE {element.tag} SYSTEM '{SCHEMA}'>\n\n"
    return f"{header}{tostring(element, encoding='unicode')}\n".encode()


class _ChannelElement:
    """The XML of one channel; its histograms go to the ROOT file."""

    def __init__(
        self,
        workspace: Workspace,
        channel: Mapping[str, Any],
        counts: Sequence[float],
        measurement: Mapping[str, Any],
        histograms: dict[str, Any],
    ) -> None:
        name = channel["name"]
        self.histograms = ChannelHistograms(workspace, name, len(counts), histograms)
        self.blocks = {block["name"]: block for block in measurement["config"]["parameters"]}
        self.element = Element("Channel", Name=name, InputFile=HISTOGRAMS)
        SubElement(self.element, "Data", self._add(sample_path(name, DATA), counts, "observed"))
        kinds = {entry["type"] for sample in channel["samples"] for entry in sample["modifiers"]}
        if "staterror" in kinds:  # as in pyhf; ROOT's own default is Poisson, for errors above 5 %
            SubElement(self.element, "StatErrorConfig", RelErrorThreshold="0.0", ConstraintType="Gaussian")
        for sample in channel["samples"]:
            self._add_sample(sample, sample_path(name, sample["name"]))

    def _add(
        self, path: str, counts: ArrayLike, title: str, variances: Array | None = None, side: str = ""
    ) -> dict[str, str]:
        """Add a histogram; the attributes that name it."""
        self.histograms.add(path, counts, title, variances)
        folder, _, name = path.rpartition("/")
        file = f"HistoFile{side}" if side else "InputFile"
        return {file: HISTOGRAMS, f"HistoPath{side}": folder, f"HistoName{side}": name}

    def _add_sample(self, sample: Mapping[str, Any], path: str) -> None:
        title = self.histograms.title(sample["name"])
        counts = np.array(sample["data"], dtype=np.float64)
        found = {entry["type"]: entry.get("data") for entry in sample["modifiers"]}
        variances = np.square(found["staterror"]) if "staterror" in found else None
        element = SubElement(
            self.element, "Sample", {"Name": sample["name"], **self._add(path, counts, title, variances)}
        )
        element.set("NormalizeByTheory", str("lumi" in found))
        for modifier in sample["modifiers"]:
            name, kind, data = modifier["name"], modifier["type"], modifier.get("data")
            if kind == "normfactor":
                values = map(repr, parameter_range(kind, self.blocks.get(name, {})))
                ranges = dict(zip(("Val", "Low", "High"), values, strict=True))
                SubElement(element, "NormFactor", {"Name": name, **ranges})
            elif kind == "normsys":
                SubElement(
                    element,
                    "OverallSys",
                    Name=name,
                    High=repr(float(data["hi"])),
                    Low=repr(float(data["lo"])),
                )
            elif kind == "histosys":
                attributes = {"Name": name}
                for side, direction, key in (("High", "Up", "hi_data"), ("Low", "Down", "lo_data")):
                    place = path + variation_suffix(name, direction)
                    text = f"{title}, {name} {direction.lower()}"
                    attributes |= self._add(place, data[key], text, side=side)
                SubElement(element, "HistoSys", attributes)
            elif kind == "shapesys":
                errors = relative(data, counts)
                text = f"{title}, {name}: relative uncertainty"
                attributes = self._add(path + uncertainty_suffix(name), errors, text)
                SubElement(element, "ShapeSys", {"Name": name, "ConstraintType": "Poisson", **attributes})
            elif kind == "shapefactor":
                SubElement(element, "ShapeFactor", Name=name)
            elif kind == "staterror":
                SubElement(element, "StatError", Activate="True")


def _measurement(measurement: Mapping[str, Any], workspace: Workspace) -> Element:
    sets = parameter_sets(workspace.spec)
    blocks = {block["name"]: block for block in measurement["config"]["parameters"]}
    centre, error, constant = 1.0, _LUMI_ERROR, [LUMI]
    if has_lumi(sets):
        lumi = blocks["lumi"]
        centre, constant = float(lumi["auxdata"][0]), []
        error = float(lumi["sigmas"][0]) / centre
    element = Element("Measurement", Name=measurement["name"], Lumi=repr(centre), LumiRelErr=repr(error))
    element.set("ExportOnly", "True")
    poi = measurement["config"]["poi"]
    SubElement(element, "POI").text = root_name(poi, sets[poi].kind) if poi in sets else poi
    for name, block in blocks.items():
        if name not in sets:
            continue
        if sets[name].kind in ("normsys", "histosys", "lumi") and "inits" in block:
            value = repr(float(block["inits"][0]))
            SubElement(element, "ParamSetting", Val=value).text = root_name(name, sets[name].kind)
        if block.get("fixed", False):
            constant += names_in_root(name, sets[name])
    if constant:
        SubElement(element, "ParamSetting", Const="True").text = " ".join(constant)
    return element


def _without_interest(workspace: Workspace, measurement: str | None) -> list[str]:
    """Which measurements ROOT takes for backgrounds alone."""
    return [
        f"{workspace.origin}: measurement '{entry['name']}': its parameter of interest"
        f" '{entry['config']['poi']}' scales no sample; ROOT makes a model without one"
        for entry in workspace.spec["measurements"]
        if measurement in (None, entry["name"]) and workspace.interest(entry["name"]) is None
    ]


def _check(workspace: Workspace, measurements: Sequence[Mapping[str, Any]]) -> None:
    """Refuse what ROOT's HistFactory cannot hold, or would read as something else."""
    spec, origin = workspace.spec, workspace.origin
    refuse_several_interests(workspace, measurements)
    refuse_partial_lumi(workspace, measurements)
    sets = parameter_sets(spec)
    refuse_names(workspace, _NAMES)
    refuse_several_staterrors(workspace, "XML")
    refuse_other_constraints(workspace, measurements, "XML")
    root_names(sets, origin)  # which refuses those that would become one
    ranges: dict[str, tuple[tuple[float, float, float], str]] = {}
    for measurement in measurements:
        where = f"{origin}: measurement '{measurement['name']}'"
        if not measurement["config"]["poi"]:
            raise ExchangeError(
                f"{where}: has no parameter of interest, which ROOT's HistFactory needs; apply a patch"
            )
        blocks = {block["name"]: block for block in measurement["config"]["parameters"]}
        for name in (name for name, entry in sets.items() if entry.kind == "normfactor"):
            found_range = parameter_range("normfactor", blocks.get(name, {}))
            first, other = ranges.setdefault(name, (found_range, measurement["name"]))
            if first != found_range:
                raise ExchangeError(
                    f"{where}: has another start or other bounds of '{name}' than '{other}', and XML holds"
                    " one of them; choose with measurement=..."
                )
