"""HistFactory XML, from nuhist or from elsewhere, as a workspace.

Read as ROOT's parser reads it. pyhf's (``pyhf xml2json``) drops constraint terms and functions, which
change the model, takes samples without NormalizeByTheory for not scaled with the luminosity, and looks
for some histograms in other places; so this is a reader of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from nuhist.errors import ExchangeError
from nuhist.exchange.remainder import ChannelTitles, imported, restored_blocks
from nuhist.exchange.xml import bin_name, root_name
from nuhist.exchange.xml_channel import Channel, InputFiles, read_channel
from nuhist.exchange.xml_tree import is_file, number, read_tree, text_of, truth
from nuhist.histfactory.validation import modifiers
from nuhist.histfactory.workspace import Workspace

_SCALARS = ("normfactor", "normsys", "histosys", "lumi")


def import_xml(
    path: Path,
    *,
    basedir: Path | None = None,
    command: str | None = None,
    message: Callable[[str], None] = lambda _: None,
) -> Workspace:
    """Make a workspace of HistFactory XML.

    Parameters
    ----------
    path
        The driver, whose root element is ``Combination``.
    basedir
        Folder where ROOT would be run, to which the files' paths are relative. By default the
        driver's, or the one above where the channels' files are there. Files outside are not read.
    command
        What the sidecar names as origin.
    message
        Called with a line of text for what is left out or read differently than ROOT does.

    Raises
    ------
    DataError
        If a file cannot be read, or uproot is not installed.
    ExchangeError
        If a file is missing or damaged, lies outside the folder, or says what HistFactory JSON
        cannot hold.
    ModelError
        If the result is no valid model.
    """
    driver = read_tree(path, "Combination")
    for element in driver:
        if element.tag not in ("Input", "Measurement"):
            raise ExchangeError(f"{path}: <{element.tag}> has no counterpart in HistFactory JSON")
    inputs = [(element.text or "").strip() for element in driver.iter("Input")]
    measurements = list(driver.iter("Measurement"))
    if not inputs or not measurements:
        raise ExchangeError(f"{path}: has no <Input> or no <Measurement>")
    files = InputFiles(_base(path, inputs[0], basedir))
    channels = [read_channel(name, path, files, message) for name in inputs]
    files.report_outside(message)
    kept = files.remainder()
    for channel in channels:
        channel.name_staterror(kept.staterrors.get(channel.name, f"staterror_{channel.name}"))
    spec: dict[str, Any] = {
        "channels": [{"name": channel.name, "samples": channel.samples} for channel in channels],
        "observations": [{"name": channel.name, "data": channel.observed} for channel in channels],
        "measurements": [],
        "version": "1.0.0",
    }
    reader = _Measurements(path, spec, channels, message)
    spec["measurements"] = [reader.read(element, kept.parameters) for element in measurements]
    titles = {channel.name: ChannelTitles(channel.edges, channel.titles) for channel in channels}
    return imported(spec, titles, kept, origin=str(path), command=command)


def _base(path: Path, first: str, basedir: Path | None) -> Path:
    """The folder to which paths are relative."""
    if basedir is not None:
        return basedir
    candidates = [path.absolute().parent, path.absolute().parent.parent]
    found = [folder for folder in candidates if is_file(folder / first)]
    return found[0] if found else candidates[0]


class _Measurements:
    """Reads measurements of a model whose channels are known."""

    def __init__(
        self,
        path: Path,
        spec: Mapping[str, Any],
        channels: Sequence[Channel],
        message: Callable[[str], None],
    ) -> None:
        self.path = path
        self.message = message
        self.kinds = dict(modifiers(spec))
        self.names = {root_name(name, kind): name for name, kind in self.kinds.items() if kind in _SCALARS}
        self.bins = {name: set(_bins(name, kind, spec)) for name, kind in self.kinds.items()}
        self.ranges: dict[str, dict[str, Any]] = {}
        for channel in channels:
            for name, block in channel.ranges.items():
                if self.ranges.setdefault(name, block) != block:
                    raise ExchangeError(f"{channel.file}: NormFactor '{name}' has another range elsewhere")
        self.by_theory = [
            any(entry["type"] == "lumi" for entry in sample["modifiers"])
            for channel in spec["channels"]
            for sample in channel["samples"]
        ]

    def read(self, element: Element, stored: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
        """A measurement as HistFactory JSON."""
        name = text_of(element, "Name", str(self.path))
        where = f"{self.path}: measurement '{name}'"
        for child in element:
            if child.tag not in ("POI", "ParamSetting"):
                raise ExchangeError(f"{where}: <{child.tag}> has no counterpart in HistFactory JSON")
        found: dict[str, dict[str, Any]] = {key: dict(block) for key, block in self.ranges.items()}
        constant = self._settings(element, found, where)
        self._lumi(element, found, where, constant="Lumi" in constant)
        for parameter, bins in self.bins.items():
            if bins and bins <= constant:
                found.setdefault(parameter, {})["fixed"] = True
                constant -= bins
        unknown = sorted(constant - self.names.keys() - {"Lumi"})
        if unknown:
            self.message(f"{where}: is constant, but in no sample or only in some bins: {', '.join(unknown)}")
        blocks = restored_blocks(found, self.kinds, stored.get(name, ()))
        for block in blocks:
            if self.kinds.get(block["name"]) == "lumi" and "bounds" not in block:
                centre, width = block["auxdata"][0], block["sigmas"][0]
                block["bounds"] = [[centre - 5 * width, centre + 5 * width]]
        return {"name": name, "config": {"poi": self._interest(element, where), "parameters": blocks}}

    def _settings(self, element: Element, found: dict[str, dict[str, Any]], where: str) -> set[str]:
        """Start values, and ROOT's names of what is constant."""
        constant: set[str] = set()
        for setting in element.iter("ParamSetting"):
            names = (setting.text or "").split()
            if truth(setting, "Const", where, default=False):
                constant.update(names)
            for name in names:
                if "Val" in setting.attrib and name in self.names:
                    block = found.setdefault(self.names[name], {})
                    block["inits"] = [number(setting, "Val", where)]
        for name in constant & self.names.keys():
            found.setdefault(self.names[name], {})["fixed"] = True
        return constant

    def _lumi(
        self, element: Element, found: dict[str, dict[str, Any]], where: str, *, constant: bool
    ) -> None:
        error = number(element, "LumiRelErr", where)
        if not all(self.by_theory) and not constant and error > 0:
            self.message(
                f"{where}: ROOT scales all samples with Lumi, which is not constant; here only those with"
                " NormalizeByTheory"
            )
        if not any(self.by_theory):
            return
        centre = number(element, "Lumi", where)
        if centre <= 0 or error <= 0:
            raise ExchangeError(
                f"{where}: Lumi {centre:g} with LumiRelErr {error:g}: pyhf needs a width; make it positive,"
                " or set NormalizeByTheory to False"
            )
        lumi = {"auxdata": [centre], "sigmas": [centre * error], "inits": [centre]}
        found["lumi"] = {**lumi, **found.get("lumi", {})}

    def _interest(self, element: Element, where: str) -> str:
        names = (element.findtext("POI") or "").split()
        if len(names) > 1:
            self.message(f"{where}: has {len(names)} parameters of interest; {names[0]} is taken")
        if names and names[0] not in self.names:
            raise ExchangeError(f"{where}: its parameter of interest '{names[0]}' is in no sample")
        return self.names[names[0]] if names else ""


def _bins(name: str, kind: str, spec: Mapping[str, Any]) -> Iterator[str]:
    """ROOT's names of a parameter per bin."""
    if kind in _SCALARS:
        return
    for channel in spec["channels"]:
        if any(entry["name"] == name for sample in channel["samples"] for entry in sample["modifiers"]):
            bins = len(channel["samples"][0]["data"])
            yield from (bin_name(name, kind, channel["name"], index) for index in range(bins))
