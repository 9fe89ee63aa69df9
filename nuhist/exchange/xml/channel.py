"""A channel of HistFactory XML, with its histograms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np

from nuhist.documents import MOST_VALUES
from nuhist.errors import ExchangeError
from nuhist.exchange.bins import describe_edges, same_edges
from nuhist.exchange.relative import absolute
from nuhist.exchange.remainder import Remainder, read_remainder
from nuhist.exchange.root.bin_labels import aligned
from nuhist.exchange.root.channel import report_outside
from nuhist.exchange.root.histograms import BIN_TITLE, Histogram, RootFile, open_root
from nuhist.exchange.xml.tree import number, read_tree, text_of, truth
from nuhist.exchange.xml.write import METADATA
from nuhist.inputs import is_file
from nuhist.tables import Array

_MODIFIERS = {
    "NormFactor": "normfactor",
    "OverallSys": "normsys",
    "HistoSys": "histosys",
    "ShapeSys": "shapesys",
    "ShapeFactor": "shapefactor",
    "StatError": "staterror",
}
_UNNAMED = ""  # XML has no name for a channel's statistical errors


class InputFiles:
    """The files in one folder, each read once."""

    def __init__(self, base: Path) -> None:
        self.base = base.resolve()
        self._files: dict[Path, RootFile] = {}
        self._histograms: dict[Path, dict[str, Histogram]] = {}
        self._bins = 0
        self._paths: dict[str, Path] = {}

    def path(self, name: str, where: str) -> Path:
        """A file in the folder; an ExchangeError if it is outside or not there."""
        if name not in self._paths:
            self._paths[name] = self._found(name, where)
        return self._paths[name]

    def _found(self, name: str, where: str) -> Path:
        try:
            found = (self.base / name).resolve()
        except (OSError, ValueError, RuntimeError) as error:
            raise ExchangeError(f"{where}: '{name}' is no path: {error}") from error
        if not found.is_relative_to(self.base):
            raise ExchangeError(
                f"{where}: '{name}' lies outside {self.base}, and is not read; put all files into one folder"
            )
        if not is_file(found):
            raise ExchangeError(
                f"{where}: there is no file '{name}' in {self.base}; basedir=... names the folder where ROOT"
                " is run"
            )
        return found

    def histogram(self, name: str, path: str, where: str, *, signed: bool = False) -> Histogram:
        """A histogram of a ROOT file in the folder."""
        file = self.path(name, where)
        if file not in self._files:
            self._files[file] = open_root(file)
            self._histograms[file] = {}
        known = self._histograms[file]
        if path not in known:
            known[path] = self._files[file].histogram(path, signed=signed)
        self._bins += known[path].counts.size
        if self._bins > MOST_VALUES:  # of one that many samples name, too
            raise ExchangeError(f"{where}: names histograms of more than {MOST_VALUES // 10**6} million bins")
        return known[path]

    def remainder(self) -> Remainder:
        """What nuhist stored beside the histograms."""
        for file in self._files.values():
            text = file.text(METADATA)
            if text is not None:
                return read_remainder(text, f"{file.origin}: {METADATA}")
        return Remainder()

    def report_outside(self, message: Callable[[str], None]) -> None:
        """Say which histograms have counts outside their bins."""
        for file, histograms in self._histograms.items():
            report_outside(str(file), histograms, message)


@dataclass(eq=False)
class Channel:
    """A channel as HistFactory JSON, and what the JSON does not hold.

    ``ranges`` has start, bounds and constancy of NormFactors, by name, as blocks of parameters; ``edges``
    are in keV, or None where bins are only numbered; ``titles`` are those of the samples, by name.
    """

    file: Path
    name: str
    samples: list[dict[str, Any]]
    observed: list[float]
    ranges: dict[str, dict[str, Any]]
    edges: Array | None
    titles: dict[str, str]

    def name_staterror(self, name: str) -> None:
        """Give the channel's staterror a name."""
        for sample in self.samples:
            for entry in sample["modifiers"]:
                if entry["type"] == "staterror":
                    entry["name"] = name

    def place_lumi(self, places: Mapping[str, int]) -> None:
        """Put the lumi of samples, which is read first, where it stood among their modifiers."""
        for sample in self.samples:
            found = sample["modifiers"]
            if sample["name"] in places and found and found[0]["type"] == "lumi":
                found.insert(places[sample["name"]], found.pop(0))


def _first(own: str | None, above: Sequence[Element], key: str) -> str:
    """What an element says itself, or the nearest above that says it; else nothing."""
    said = [own, *(element.get(key) for element in above)]
    return next((text for text in said if text), "")


def read_channel(name: str, driver: Path, files: InputFiles, message: Callable[[str], None]) -> Channel:
    """Read the XML file of a channel, by its name in the driver, and its histograms.

    ``message`` is called with a line of text for what is read differently than ROOT does.
    """
    file = files.path(name, str(driver))
    return _Reader(file, read_tree(file, "Channel"), files, message).channel()


class _Reader:
    def __init__(self, file: Path, root: Element, files: InputFiles, message: Callable[[str], None]) -> None:
        self.file, self.root, self.files, self.message = file, root, files, message
        self.name = text_of(root, "Name", str(file))
        self.where = f"{file}: channel '{self.name}'"
        self.ranges: dict[str, dict[str, Any]] = {}
        self.titles: dict[str, str] = {}
        self.observed: Histogram | None = None

    def channel(self) -> Channel:
        for element in self.root:
            if element.tag not in ("Data", "Sample", "StatErrorConfig"):
                raise ExchangeError(f"{self.where}: <{element.tag}> has no counterpart in HistFactory JSON")
        data = self.root.find("Data")
        if data is None:
            raise ExchangeError(f"{self.where}: has no <Data>, the observed counts; add it")
        observed = self.observed = self._histogram(data, self.root, self.where)
        samples = [self._sample(element) for element in self.root.iter("Sample")]
        self._report_staterrors(samples)
        bare = not observed.x_title and np.array_equal(observed.edges, np.arange(len(observed.edges)))
        edges = None if bare or observed.labels or observed.x_title == BIN_TITLE else observed.edges
        counts = observed.counts.tolist()
        return Channel(self.file, self.name, samples, counts, self.ranges, edges, self.titles)

    def _histogram(
        self, element: Element, parent: Element, where: str, side: str = "", *, signed: bool = False
    ) -> Histogram:
        """The histogram that an element names; what it leaves out its parents say."""
        above = (parent, self.root)
        file = _first(element.get(f"HistoFile{side}" if side else "InputFile"), above, "InputFile")
        own = element.get(f"HistoPath{side}")
        # An empty path is the top of the file, but for ROOT's StatError.
        folder = own if own is not None and element.tag != "StatError" else _first(own, above, "HistoPath")
        name = text_of(element, f"HistoName{side}", where)
        if not file:
            raise ExchangeError(f"{where}: <{element.tag}> names no InputFile")
        path = "/".join(part for part in f"{folder}/{name}".split("/") if part)
        found = self.files.histogram(file, path, where, signed=signed)
        if self.observed is None:
            return found
        if not same_edges(found.edges, self.observed.edges):
            raise ExchangeError(
                f"{where}: {path} has other bin edges than the observed counts"
                f" ({describe_edges(found.edges)}, and {describe_edges(self.observed.edges)}); bring them to"
                " common bins"
            )
        return aligned(found, self.observed, f"{where}: {path}", "that of the data")

    def _sample(self, element: Element) -> dict[str, Any]:
        name = text_of(element, "Name", self.where)
        where = f"{self.where}: sample '{name}'"
        nominal = self._histogram(element, self.root, where, signed=True)
        if (nominal.counts < 0).any():
            self.message(
                f"{where}: expects {nominal.counts.min():g} events in a bin; ROOT takes none where a HistoSys"
                " acts, pyhf does not"
            )
        self.titles[name] = nominal.title or name
        found: list[dict[str, Any]] = []
        if truth(element, "NormalizeByTheory", where, default=True):
            found.append({"name": "lumi", "type": "lumi", "data": None})
        for child in element:
            if child.tag not in _MODIFIERS:
                raise ExchangeError(f"{where}: <{child.tag}> has no counterpart in HistFactory JSON")
            if child.tag == "StatError" and not truth(child, "Activate", where, default=False):
                continue
            label = _UNNAMED if child.tag == "StatError" else text_of(child, "Name", where)
            data = self._modifier_data(child, element, nominal, f"{where}: {child.tag} '{label}'")
            found.append({"name": label, "type": _MODIFIERS[child.tag], "data": data})
        return {"name": name, "data": nominal.counts.tolist(), "modifiers": found}

    def _modifier_data(self, child: Element, sample: Element, nominal: Histogram, where: str) -> Any:
        if child.tag == "OverallSys":
            return {"hi": number(child, "High", where), "lo": number(child, "Low", where)}
        if child.tag == "HistoSys":
            high, low = (
                self._histogram(child, sample, where, side, signed=True).counts.tolist()
                for side in ("High", "Low")
            )
            return {"hi_data": high, "lo_data": low}
        if child.tag == "NormFactor":
            self._add_range(child, where)
        elif child.tag == "ShapeSys":
            if child.get("ConstraintType", "Gaussian") not in ("Poisson", "Pois"):
                self.message(f"{where}: its Gaussian constraint becomes a Poisson one, which pyhf has")
            return absolute(self._histogram(child, sample, where).counts.tolist(), nominal.counts.tolist())
        elif child.tag == "StatError":
            if child.get("HistoName"):  # relative errors; else those of the sample itself
                return absolute(
                    self._histogram(child, sample, where).counts.tolist(), nominal.counts.tolist()
                )
            squares = nominal.counts if nominal.variances is None else nominal.variances
            return np.sqrt(np.maximum(squares, 0.0)).tolist()
        return None

    def _add_range(self, child: Element, where: str) -> None:
        start, low, high = (number(child, key, where) for key in ("Val", "Low", "High"))
        block = {"inits": [start], "bounds": [[low, high]]}
        if truth(child, "Const", where, default=False):
            block["fixed"] = True
        if self.ranges.setdefault(child.get("Name", ""), block) != block:
            raise ExchangeError(f"{where}: has another range elsewhere in the channel; make them equal")

    def _report_staterrors(self, samples: list[dict[str, Any]]) -> None:
        if not any(entry["type"] == "staterror" for sample in samples for entry in sample["modifiers"]):
            return
        config = self.root.find("StatErrorConfig")
        if config is None:  # ROOT's defaults
            config = Element("StatErrorConfig")
        config.attrib.setdefault("RelErrorThreshold", "0.05")
        threshold = number(config, "RelErrorThreshold", self.where)
        if threshold > 0 or config.get("ConstraintType", "Poisson") not in ("Gaussian", "Gauss"):
            self.message(
                f"{self.where}: its statistical errors get Gaussian constraints in all bins, as pyhf has them"
            )
