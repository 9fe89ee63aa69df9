"""HistFactory XML, from nuhist or from elsewhere, as a workspace.

Read as ROOT's parser reads it. pyhf's (``pyhf xml2json``) drops constraint terms and functions, which
change the model, takes samples without NormalizeByTheory for not scaled with the luminosity, and looks
for some histograms in other places; so this is a reader of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import mode
from typing import Any
from xml.etree.ElementTree import Element

from nuhist.errors import ExchangeError
from nuhist.exchange.parameter_names import (
    CONSTRAINED,
    LUMI,
    distinct_names,
    names_in_root,
    root_name,
    root_names,
)
from nuhist.exchange.remainder import ChannelTitles, complete_lumi, imported, restored_blocks
from nuhist.exchange.xml.channel import Channel, InputFiles, read_channel
from nuhist.exchange.xml.tree import number, read_tree, text_of, truth
from nuhist.histfactory.parameter_sets import SCALARS, parameter_sets
from nuhist.histfactory.workspace import Workspace
from nuhist.inputs import is_file


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
    if len({*inputs}) < len(inputs):
        raise ExchangeError(f"{path}: names <Input> '{mode(inputs)}' twice; keep one")
    files = InputFiles(_base(path, inputs[0], basedir))
    channels = [read_channel(name, path, files, message) for name in inputs]
    files.report_outside(message)
    kept = files.remainder()
    for channel in channels:
        channel.name_staterror(kept.staterrors.get(channel.name, f"staterror_{channel.name}"))
        channel.place_lumi(kept.lumi.get(channel.name, {}))
    systematics = _name_systematics(channels, str(path), message)
    spec: dict[str, Any] = {
        "channels": [{"name": channel.name, "samples": channel.samples} for channel in channels],
        "observations": [{"name": channel.name, "data": channel.observed} for channel in channels],
        "measurements": [],
        "version": "1.0.0",
    }
    reader = _Measurements(path, spec, systematics, channels, message)
    spec["measurements"] = [reader.read(element, kept.parameters) for element in measurements]
    titles = {channel.name: ChannelTitles(channel.edges, channel.titles) for channel in channels}
    return imported(spec, titles, kept, origin=str(path), command=command)


def _name_systematics(
    channels: Sequence[Channel], origin: str, message: Callable[[str], None]
) -> dict[str, str]:
    """Give systematics ROOT's names where a parameter of another type has theirs; ROOT's names of all."""
    samples = [sample for channel in channels for sample in channel.samples]
    entries = [entry for sample in samples for entry in sample["modifiers"]]
    systematics = [entry for entry in entries if entry["type"] in CONSTRAINED]
    others = {entry["name"] for entry in entries if entry["type"] not in CONSTRAINED}
    own = {root_name(entry["name"], entry["type"]): entry["name"] for entry in systematics}
    names = distinct_names(own, others)
    for theirs, name in names.items():
        if name != own[theirs]:
            message(
                f"{origin}: the systematic '{own[theirs]}' becomes '{name}'; another parameter has its name"
            )
    for entry in systematics:
        entry["name"] = names[root_name(entry["name"], entry["type"])]
    return {name: theirs for theirs, name in names.items()}


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
        systematics: Mapping[str, str],
        channels: Sequence[Channel],
        message: Callable[[str], None],
    ) -> None:
        self.path = path
        self.message = message
        sets = parameter_sets(spec)
        self.kinds = {name: entry.kind for name, entry in sets.items()}
        self.names = root_names(sets, str(path), systematics)
        self.bins = {
            name: set(names_in_root(name, entry)) for name, entry in sets.items() if entry.kind not in SCALARS
        }
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
        self._lumi(element, found, where, constant=LUMI in constant)
        for parameter, bins in self.bins.items():
            if bins <= constant:
                found.setdefault(parameter, {})["fixed"] = True
                constant -= bins
        unknown = sorted(constant - self.names.keys() - {LUMI})
        if unknown:
            self.message(f"{where}: is constant, but in no sample or only in some bins: {', '.join(unknown)}")
        blocks = [
            complete_lumi(block) if self.kinds.get(block["name"]) == "lumi" else block
            for block in restored_blocks(found, self.kinds, stored.get(name, ()))
        ]
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
        if not names:
            return ""
        if names[0] not in self.names:
            self.message(
                f"{where}: its parameter of interest '{names[0]}' is in no sample: backgrounds alone"
            )
        return self.names.get(names[0], names[0])
