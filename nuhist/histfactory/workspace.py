"""Workspaces: HistFactory JSON that pyhf reads, with a sidecar for what it cannot hold."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from nuhist.errors import DataError, ModelError
from nuhist.files import check_output, read_json, to_json, write_together
from nuhist.histfactory.data_kind import DataKind, data_kind, data_record, describe
from nuhist.histfactory.record import BACKGROUND_FILE, is_record, read_record
from nuhist.histfactory.sample_names import sample_titles
from nuhist.histfactory.templates import Channel, Parameter, written
from nuhist.histfactory.validation import modifiers, validate
from nuhist.inputs import STDIN, check_path
from nuhist.schemas import check
from nuhist.showing import Shown, Table
from nuhist.tables import Cell

MEASUREMENT = "nuhist"
_SIDECAR = ".meta.json"  # how names of sidecars end
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, repr=False)
class Workspace(Shown):
    """A HistFactory workspace with its sidecar, which says what the JSON cannot hold.

    Attributes
    ----------
    spec
        The JSON document that pyhf reads.
    sidecar
        Bin edges, meanings, units, sources (``schemas/sidecar.json``); None if unknown.
    origin
        Where it came from, for messages.
    arguments
        Words by which a command names it, its patches included; none if it was not read from a file.
    """

    spec: Mapping[str, Any]
    sidecar: Mapping[str, Any] | None = None
    origin: str = "workspace"
    arguments: tuple[str, ...] = field(default=(), compare=False)

    @property
    def digest(self) -> str:
        """SHA-256 of the document, the same as ``pyhf digest`` prints."""
        return digest(self.spec)

    @cached_property
    def data_kind(self) -> DataKind:
        """What the counts are: ``"observed"``, ``"asimov"``, ``"toy"`` or ``"other"``."""
        return data_kind(self.spec, self.sidecar)

    def measurement(self, name: str | None = None) -> Mapping[str, Any]:
        """A measurement by name, or the first one; a ModelError if there is none of that name."""
        measurements = self.spec["measurements"]
        for measurement in measurements:
            if name is None or measurement["name"] == name:
                found: Mapping[str, Any] = measurement
                return found
        known = ", ".join(measurement["name"] for measurement in measurements)
        raise ModelError(f"{self.origin}: no measurement called '{name}'; it has {known}")

    def interest(self, measurement: str | None = None) -> str | None:
        """Name of a measurement's parameter of interest; None where it names none that a modifier has.

        Files of backgrounds only name one that their patches bring along.
        """
        name: str = self.measurement(measurement)["config"]["poi"]
        return name if any(found == name for found, _ in modifiers(self.spec)) else None

    def observed(self) -> dict[str, list[float]]:
        """Observed counts by channel; observations of no channel are left out."""
        counts = {entry["name"]: entry["data"] for entry in self.spec["observations"]}
        return {channel["name"]: counts[channel["name"]] for channel in self.spec["channels"]}

    @property
    def words(self) -> tuple[str, ...]:
        """Where it came from and its channels, what its data are, and its digest."""
        names = ", ".join(channel["name"] for channel in self.spec["channels"])
        return (f"{self.origin}: channels {names}", f"{describe(self.data_kind)} data", self.digest[:12])

    def table(self, *, observed: Mapping[str, float] | None = None, kind: DataKind | None = None) -> Table:
        """A row for each sample of a channel, at nominal values, and one for its data.

        Parameters
        ----------
        observed, kind
            Counts by channel in place of the workspace's own, and what they are.
        """
        counts = observed or {name: sum(data) for name, data in self.observed().items()}
        rows: list[tuple[Cell, ...]] = []
        for channel in self.spec["channels"]:
            name = channel["name"]
            titles = sample_titles(channel, self.sidecar)
            for sample in channel["samples"]:
                types = ", ".join(f"{entry['name']} ({entry['type']})" for entry in sample["modifiers"])
                rows.append((name, titles[sample["name"]], float(sum(sample["data"])), types))
            rows.append((name, f"data ({describe(kind or self.data_kind)})", float(counts[name]), None))
        return Table(("channel", "sample", "counts", "modifiers"), tuple(rows))

    def save(self, path: str | Path) -> None:
        """Write the workspace, and its sidecar beside it as NAME.meta.json, both or none.

        Raises
        ------
        DataError
            If one of them cannot be written.
        """
        place = Path(path)
        check_output(place)
        if place.name.endswith(_SIDECAR):
            raise DataError(f"{place}: is the name of a sidecar; name the workspace otherwise")
        write_together(self.files(place))

    def files(self, path: Path) -> dict[Path, str]:
        """What :meth:`save` writes, by path: the sidecar, unless the path is a pipe, and the workspace."""
        plain = path.is_file() or not path.exists()
        sidecar = {} if self.sidecar is None or not plain else {sidecar_path(path): to_json(self.sidecar)}
        return {**sidecar, path: self.to_json()}

    def to_json(self) -> str:
        """The document as text."""
        return to_json(self.spec)


def digest(spec: Mapping[str, Any], algorithm: str = "sha256") -> str:
    """Digest of a JSON document as ``pyhf digest`` has it, in which 1 and 1.0 differ."""
    text = json.dumps(spec, sort_keys=True, ensure_ascii=False)
    return hashlib.new(algorithm, text.encode(), usedforsecurity=False).hexdigest()


def is_digest_of(found: str, spec: Any, algorithm: str = "sha256") -> bool:
    """Whether a digest is that of a document, or was before a program wrote 1.0 as 1."""
    return found in (digest(spec, algorithm), digest(with_floats(spec), algorithm))


def with_floats(document: Any) -> Any:
    """The same JSON document with a decimal point in all numbers."""
    if isinstance(document, Mapping):
        return {key: with_floats(value) for key, value in document.items()}
    if isinstance(document, list | tuple):
        return [with_floats(value) for value in document]
    return float(document) if isinstance(document, int) and not isinstance(document, bool) else document


def sidecar_path(path: Path) -> Path:
    """Where the sidecar of a workspace lies."""
    return path.with_name(f"{path.name.removesuffix('.json')}.meta.json")


def make_workspace(
    channels: Sequence[Channel],
    parameters: Sequence[Parameter],
    poi: str,
    description: Mapping[str, Any],
    *,
    data: DataKind,
) -> Workspace:
    """Put channels together into a workspace.

    Parameters
    ----------
    channels
        With their samples and observed counts.
    parameters
        Parameters of all modifiers: meanings for the sidecar, overrides for the measurement.
    poi
        Name of the parameter of interest.
    description
        What else the sidecar says: version, command, options and ``poi``.
    data
        What the observed counts are.

    Raises
    ------
    ModelError
        If the result is no valid model.
    """
    overrides = [spec for spec in (parameter.to_spec() for parameter in parameters) if spec]
    spec: dict[str, Any] = {
        "channels": [channel.to_spec() for channel in channels],
        "observations": [{"name": channel.name, "data": written(channel.observed)} for channel in channels],
        "measurements": [{"name": MEASUREMENT, "config": {"poi": poi, "parameters": overrides}}],
        "version": "1.0.0",
    }
    validate(spec, "workspace")
    sidecar = {
        **description,
        "workspace_digest": digest(spec),
        "data": data_record(spec, data),
        "channels": {channel.name: _describe(channel) for channel in channels},
        "parameters": {
            parameter.name: {"meaning": parameter.meaning, "unit": parameter.unit} for parameter in parameters
        },
    }
    return Workspace(spec, sidecar, " + ".join(channel.name for channel in channels))


def _describe(channel: Channel) -> dict[str, Any]:
    return {
        **({"edges_keV": channel.edges.tolist()} if channel.edges.size else {}),
        "samples": {sample.name: sample.title for sample in channel.samples},
        **channel.description,
    }


def load_workspace(path: Path | str) -> Workspace:
    """Read a workspace from a file, or from standard input for ``-``, and validate it.

    Of a likelihood record of HEPData (``.tar.gz``) it is the background alone.

    The sidecar beside the file is read too; one that belongs to another workspace (its digest
    differs) is left out, and the logger of this module says so.

    Raises
    ------
    DataError
        If a file cannot be read or is no JSON.
    ModelError
        If the workspace is no valid model.
    """
    check_path(path)
    if is_record(path):
        record = read_record(path)
        return checked_workspace(record.background, None, f"{record.origin}: {BACKGROUND_FILE}")
    origin = "standard input" if str(path) == STDIN else str(path)
    if str(path) != STDIN and Path(path).is_dir():
        raise DataError(f"{path}: is a folder; a workspace is a file (of a patchset: its BkgOnly.json)")
    spec = read_json(path)
    validate(spec, origin)
    sidecar = None
    if str(path) != STDIN:
        beside = sidecar_path(Path(path))
        if beside.is_file():
            sidecar = read_json(beside)
            check(sidecar, "sidecar", str(beside), ModelError)
            if not is_digest_of(sidecar["workspace_digest"], spec):
                _LOGGER.warning("%s: belongs to another workspace than %s, and is left out", beside, path)
                sidecar = None
    return Workspace(spec, sidecar, origin)


def checked_workspace(spec: Any, sidecar: Mapping[str, Any] | None, origin: str) -> Workspace:
    """A workspace from a document that was read; a ModelError if it is no valid model."""
    validate(spec, origin)
    return Workspace(spec, sidecar, origin)
