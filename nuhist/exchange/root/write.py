"""Workspaces as ROOT templates: a TH1D per sample and variation, and all else as JSON in the file."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nuhist.errors import ExchangeError
from nuhist.exchange.root.histograms import BIN_TITLE, ENERGY_TITLE, root_file, th1d
from nuhist.exchange.stored import reference
from nuhist.files import write_atomically
from nuhist.histfactory.workspace import Workspace
from nuhist.tables import Array

METADATA = "nuhist_model"
VERSION = 1
DATA = "data"
DIRECTIONS = ("Up", "Down")

_UNSAFE = re.compile(r"[\x00-\x20\x7f/:;%\\]")  # folders, cycles and uproot's FILE:PATH; % for the escape


def escaped(name: str) -> str:
    """A name as a ROOT file can hold it: slashes, colons, blanks and the like as ``%2F`` and so on.

    Examples
    --------
    >>> escaped("e/γ 5%")
    'e%2Fγ%205%25'
    """
    return _UNSAFE.sub(lambda match: f"%{ord(match[0]):02X}", name)


def sample_path(channel: str, sample: str) -> str:
    """Path of a sample's histogram in the file."""
    return f"{escaped(channel)}/{escaped(sample)}"


def variation_suffix(parameter: str, direction: str) -> str:
    """What the path of a variation has behind its sample's: direction ``Up`` or ``Down``."""
    return f"_{escaped(parameter)}_{direction}"


def uncertainty_suffix(parameter: str) -> str:
    """What the path of a shapesys' uncertainties has behind its sample's."""
    return f"_{escaped(parameter)}_Uncertainty"


def export_root(workspace: Workspace) -> bytes:
    """A workspace as the content of a ROOT file.

    It holds a TH1D ``CHANNEL/SAMPLE`` per sample (with Sumw2 where it has a staterror),
    ``CHANNEL/SAMPLE_SYSTEMATIC_Up`` and ``..._Down`` for each normsys, histosys and lumi,
    ``CHANNEL/SAMPLE_SYSTEMATIC_Uncertainty`` for each shapesys, ``CHANNEL/data``, and the TObjString
    ``nuhist_model``: JSON with all that histograms do not say. Bin edges come from the sidecar; without one
    bins are numbered from 0.

    Raises
    ------
    ExchangeError
        If two histograms would have one name.
    DataError
        If uproot is not installed.
    """
    spec = copy.deepcopy(dict(workspace.spec))
    contents: dict[str, Any] = {METADATA: ""}  # first in the file; its text is known last
    blocks = parameter_blocks(spec)
    observations = {entry["name"]: entry for entry in spec["observations"]}
    for channel in spec["channels"]:
        observed = observations[channel["name"]]
        writer = _ChannelWriter(workspace, channel["name"], len(observed["data"]), contents)
        place = sample_path(channel["name"], DATA)
        writer.add(place, observed["data"], "data")
        observed["data"] = reference(observed["data"], histogram=place)
        for sample in channel["samples"]:
            writer.add_sample(sample, blocks)
    metadata = {"format": METADATA, "version": VERSION, "spec": spec, "sidecar": workspace.sidecar}
    contents[METADATA] = json.dumps(metadata, ensure_ascii=False, allow_nan=False)
    return root_file(contents)


def save_root(workspace: Workspace, path: Path) -> None:
    """Write a workspace as a ROOT file, see :func:`export_root`."""
    write_atomically(path, export_root(workspace))


def variations(sample: Mapping[str, Any], blocks: Mapping[str, Any]) -> dict[str, tuple[Array, Array]]:
    """Counts of a sample at plus and minus one standard deviation of its systematics, by parameter.

    A normsys and a histosys of one name multiply. ``blocks`` is what the measurement says of parameters, by
    name: the size of a lumi.
    """
    found: dict[str, tuple[Array, Array]] = {}
    nominal = np.array(sample["data"], dtype=np.float64)
    for entry in sample["modifiers"]:
        if entry["type"] == "histosys":
            up, down = (np.array(entry["data"][key], dtype=np.float64) for key in ("hi_data", "lo_data"))
            found[entry["name"]] = up, down
    for entry in sample["modifiers"]:
        factors = _factors(entry, blocks)
        if factors is not None:
            up, down = found.get(entry["name"], (nominal, nominal))
            found[entry["name"]] = up * factors[0], down * factors[1]
    return found


def _factors(entry: Mapping[str, Any], blocks: Mapping[str, Any]) -> tuple[float, float] | None:
    if entry["type"] == "normsys":
        return float(entry["data"]["hi"]), float(entry["data"]["lo"])
    if entry["type"] == "lumi":
        block = blocks.get(entry["name"], {})
        centre, width = (block[key][0] if block.get(key) else 0.0 for key in ("auxdata", "sigmas"))
        return centre + width, centre - width
    return None


def parameter_blocks(spec: Mapping[str, Any]) -> dict[str, Any]:
    """What the first measurement says of parameters, by name."""
    return {block["name"]: block for block in spec["measurements"][0]["config"]["parameters"]}


class ChannelHistograms:
    """Histograms of one channel, added to the contents of a ROOT file; bins without edges are numbered."""

    def __init__(self, workspace: Workspace, channel: str, bins: int, contents: dict[str, Any]) -> None:
        described = (workspace.sidecar or {}).get("channels", {}).get(channel, {})
        edges = described.get("edges_keV")
        self.channel, self.contents = channel, contents
        self.where = f"{workspace.origin}: channel '{channel}'"
        self.titles = described.get("samples", {})
        self.edges: Array = np.array(range(bins + 1) if edges is None else edges, dtype=np.float64)
        if len(self.edges) != bins + 1 or (np.diff(self.edges) <= 0).any():
            raise ExchangeError(
                f"{self.where}: its sidecar has {len(self.edges)} bin edges for {bins} bins, or not in order;"
                " correct edges_keV there"
            )
        self.x_title = BIN_TITLE if edges is None else ENERGY_TITLE

    def title(self, sample: str) -> str:
        """Title of a sample."""
        return str(self.titles.get(sample, sample))

    def add(self, path: str, counts: ArrayLike, title: str, variances: Array | None = None) -> None:
        """Add a histogram."""
        if path in self.contents or "" in path.split("/"):
            what = f"two histograms would be called '{path}'" if path in self.contents else "one has no name"
            raise ExchangeError(f"{self.where}: {what}; rename a sample or a parameter")
        values = np.array(counts, dtype=np.float64)
        self.contents[path] = th1d(values, self.edges, variances, title=title, x_title=self.x_title)


class _ChannelWriter(ChannelHistograms):
    """Turns the counts of one channel into histograms, and leaves their paths in the document."""

    def add_sample(self, sample: dict[str, Any], blocks: Mapping[str, Any]) -> None:
        """Add a sample's histograms; the document's counts become references to them."""
        path = sample_path(self.channel, sample["name"])
        title = self.title(sample["name"])
        errors = _staterrors(sample)
        self.add(path, sample["data"], title, None if errors is None else errors**2)
        for parameter, pair in variations(sample, blocks).items():
            for direction, counts in zip(DIRECTIONS, pair, strict=True):
                place = path + variation_suffix(parameter, direction)
                self.add(place, counts, f"{title}, {parameter} {direction.lower()}")
        scaled = {entry["name"] for entry in sample["modifiers"] if entry["type"] in ("normsys", "lumi")}
        for entry in sample["modifiers"]:
            name, data = entry["name"], entry.get("data")
            # Where a factor of the same name multiplies, the histograms hold the product.
            if entry["type"] == "histosys" and name not in scaled:
                entry["data"] = {
                    key: reference(data[key], histogram=path + variation_suffix(name, direction))
                    for key, direction in zip(("hi_data", "lo_data"), DIRECTIONS, strict=True)
                }
            elif entry["type"] == "shapesys":
                place = path + uncertainty_suffix(name)
                self.add(place, data, f"{title}, {name}: absolute uncertainty")
                entry["data"] = reference(data, histogram=place)
            elif entry["type"] == "staterror" and errors is not None:
                entry["data"] = reference(data, errors=path)
        sample["data"] = reference(sample["data"], histogram=path)


def _staterrors(sample: Mapping[str, Any]) -> Array | None:
    """Statistical errors for Sumw2; None where there are none, or more than it can hold."""
    found = [entry["data"] for entry in sample["modifiers"] if entry["type"] == "staterror"]
    if len(found) != 1:
        return None
    errors = np.array(found[0], dtype=np.float64)
    return errors if np.array_equal(np.sqrt(errors**2), errors) else None
