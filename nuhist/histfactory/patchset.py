"""Signal points on a grid of couplings, as a pyhf PatchSet: exact for every hypothesis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nuhist.errors import ConfigError, DataError, ModelError
from nuhist.experiments.experiment import Experiment
from nuhist.files import make_folder, read_json, to_json, write_together
from nuhist.histfactory.channel import ModelSet, model_set
from nuhist.histfactory.data_kind import DataKind
from nuhist.histfactory.grids import distinct
from nuhist.histfactory.neutrinos import STRENGTH
from nuhist.histfactory.options import BuildOptions
from nuhist.histfactory.templates import Parameter
from nuhist.histfactory.validation import validate, validate_patchset
from nuhist.histfactory.workspace import Workspace, digest, load_workspace, make_workspace
from nuhist.inputs import LARGEST, STDIN
from nuhist.physics.coupling import CouplingScale
from nuhist.physics.hypotheses import FlavorChoice, get_hypothesis

BACKGROUND_FILE = "BkgOnly.json"
PATCHSET_FILE = "patchset.json"
NO_RECORD = "ins0000000"  # pyhf's schema wants a HEPData record; this one says that there is none


@dataclass(frozen=True)
class SignalPoint:
    """One point of the grid.

    Attributes
    ----------
    name
        In pyhf's alphabet, such as ``"q_nu_m3p0"``.
    value
        Coupling over its reference.
    operations
        JSON Patch on the background-only workspace, touching only ``/channels``.
    """

    name: str
    value: float
    operations: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class SignalGrid:
    """A background-only workspace and signal points.

    Attributes
    ----------
    background
        With a signal sample of zero counts, which carries the strength ``mu``.
    coupling
        What the values stand for.
    points
        In increasing order of their values.
    document
        The PatchSet, as pyhf reads it.
    """

    background: Workspace
    coupling: CouplingScale
    points: tuple[SignalPoint, ...]
    document: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """SHA-256 of the PatchSet, which itself holds that of the background-only workspace."""
        return digest(self.document)

    @property
    def data_kind(self) -> DataKind:
        """See :attr:`Workspace.data_kind`."""
        return self.background.data_kind

    def workspace(self, point: SignalPoint) -> Workspace:
        """The workspace of one point.

        Raises
        ------
        ModelError
            If the patch does not fit.
        """
        import jsonpatch

        copies = sum(operation["op"] == "copy" for operation in point.operations)
        if copies and len(to_json(self.background.spec)) << min(copies, 64) > LARGEST:
            raise ModelError(f"{self.background.origin}: patch '{point.name}' copies too much; write it out")
        try:
            spec = jsonpatch.JsonPatch(list(point.operations)).apply(dict(self.background.spec))
        except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError) as error:
            raise ModelError(
                f"{self.background.origin}: patch '{point.name}' does not fit: {error}"
            ) from error
        origin = f"{self.background.origin}, patch '{point.name}'"
        validate(spec, origin)
        return Workspace(spec, self.background.sidecar, origin)

    def save(self, folder: Path) -> None:
        """Write BkgOnly.json with its sidecar, and patchset.json, into a folder.

        Raises
        ------
        DataError
            If the folder cannot be made or written to.
        """
        make_folder(folder)
        background = self.background.files(folder / BACKGROUND_FILE)
        write_together({**background, folder / PATCHSET_FILE: to_json(self.document)})


def build_patchset(
    *experiments: str | Path | Experiment,
    couplings: Sequence[float],
    hypothesis: str,
    flavor: FlavorChoice = "effective",
    options: BuildOptions | None = None,
    command: str | None = None,
    **choices: Any,
) -> SignalGrid:
    """Build the exact counts at each of several couplings.

    Parameters
    ----------
    couplings
        In the hypothesis' unit, in any order; those that are equal up to rounding are one.
    experiments, hypothesis, flavor, options, command, choices
        As in :func:`nuhist.build`.

    Raises
    ------
    ConfigError
        If a name is unknown, choices contradict each other, or the grid has fewer than two points.

    Examples
    --------
    >>> grid = build_patchset("lz_ws2022", couplings=[-1e-13, 0, 1e-13], hypothesis="millicharge-epa")
    >>> [point.name for point in grid.points]
    ['q_nu_m1', 'q_nu_0', 'q_nu_1']
    """
    tested = get_hypothesis(hypothesis)
    if not np.isfinite(couplings).all():
        raise ConfigError("a coupling of the grid is no finite number")
    grid = distinct(couplings)
    if len(grid) < 2:
        raise ConfigError("a grid needs at least two different couplings")
    if tested.reference == 1 and grid[0] < 0:
        raise ConfigError(f"{tested.name}: a strength below zero has no meaning")
    options = replace(options or BuildOptions(), **choices)
    models = model_set(experiments, tested, flavor, options)
    poi = tested.parameter_of_interest(flavor)
    strength = Parameter(
        STRENGTH,
        f"strength of the events that the coupling adds; 1 means the patch's {poi.coupling}",
        "1", (0.0, 10.0), 1.0,
    )  # fmt: skip
    label = CouplingScale(poi.coupling, poi.coupling, poi.unit, poi.reference)
    description = {
        **models.description(command),
        "poi": {**asdict(label), "name": STRENGTH, "meaning": strength.meaning},
    }
    without = models.channels_at(0.0)
    if options.asimov and tested.replaces_standard_model:  # expected is the Standard Model, not nothing
        pairs = zip(without, models.channels_at(tested.reference), strict=True)
        without = [replace(one, observed=other.observed) for one, other in pairs]
    background = make_workspace(
        without,
        [strength, *models.parameters],
        STRENGTH,
        description,
        data=options.data_kind,
    )
    points = []
    for coupling in grid:
        channels = [channel.to_spec() for channel in models.channels_at(coupling)]
        value = float(f"{coupling / poi.reference:.12g}")
        operations = _differences(background.spec["channels"], channels, "/channels")
        points.append(SignalPoint(_point_name(poi.coupling, value), value, tuple(operations)))
    names = {point.name for point in points}
    if len(names) < len(points):
        raise ConfigError("couplings of the grid lie too close together to be told apart by name")
    document = _document(background, label, points, _record(models))
    validate_patchset(document, "patchset")
    return SignalGrid(background, label, tuple(points), document)


def load_patchset(folder: Path) -> SignalGrid:
    """Read a folder with BkgOnly.json and patchset.json.

    Raises
    ------
    DataError
        If a file cannot be read or is no JSON.
    ModelError
        If one of them is not valid, they do not belong together, or the points have more than
        one number or no known coupling.
    """
    background = load_workspace(folder / BACKGROUND_FILE)
    file = folder / PATCHSET_FILE
    document = read_json(file)
    validate_patchset(document, str(file))
    metadata = document["metadata"]
    if metadata["digests"].get("sha256", background.digest) != background.digest:
        raise ModelError(f"{file}: belongs to another workspace than {BACKGROUND_FILE}: digests differ")
    if len(metadata["labels"]) != 1:
        raise ModelError(f"{file}: has {len(metadata['labels'])} labels; nuhist scans one coupling")
    points = []
    for patch in document["patches"]:
        entry = patch["metadata"]
        if len(entry["values"]) != 1 or not isinstance(entry["values"][0], int | float):
            raise ModelError(f"{file}: patch '{entry['name']}': its value is not one number")
        points.append(SignalPoint(entry["name"], float(entry["values"][0]), tuple(patch["patch"])))
    points.sort(key=lambda point: point.value)
    values = [point.value for point in points]
    if len(set(values)) < max(len(values), 2) or not np.isfinite(values).all():
        raise ModelError(f"{file}: needs at least two points, each with a value of its own")
    return SignalGrid(background, _label(metadata["labels"][0], background), tuple(points), document)


def load(path: Path | str) -> Workspace | SignalGrid:
    """Read a workspace, or a folder with a PatchSet; ``-`` is standard input.

    Raises
    ------
    DataError
        If a file cannot be read, is no JSON, or a folder has no PatchSet.
    ModelError
        If what is in it is not valid.
    """
    if str(path) == STDIN or not Path(path).is_dir():
        return load_workspace(path)
    if not (Path(path) / PATCHSET_FILE).is_file():
        raise DataError(f"{path}: is a folder without {PATCHSET_FILE}; give a workspace or a patchset")
    return load_patchset(Path(path))


def _label(name: str, background: Workspace) -> CouplingScale:
    """What the label of a PatchSet stands for: what the sidecar says, or a plain number."""
    poi = (background.sidecar or {}).get("poi", {})
    if poi.get("coupling") != name:
        return CouplingScale.plain(name)
    return CouplingScale(name, name, poi["unit"], poi["reference"])


def _differences(before: Any, after: Any, path: str) -> list[dict[str, Any]]:
    """JSON Patch from one document to another of the same structure: whole lists of numbers."""
    if before == after:
        return []
    if isinstance(before, dict):
        return [
            operation
            for key, value in before.items()
            for operation in _differences(value, after[key], f"{path}/{key}")
        ]
    if isinstance(before, list) and before and isinstance(before[0], dict):
        return [
            operation
            for index, (old, new) in enumerate(zip(before, after, strict=True))
            for operation in _differences(old, new, f"{path}/{index}")
        ]
    return [{"op": "replace", "path": path, "value": after}]


def _point_name(coupling: str, value: float) -> str:
    number = f"{value:.9g}".replace("-", "m").replace("+", "").replace(".", "p")
    return f"{coupling}_{number}"


def _record(models: ModelSet) -> str | None:
    """HEPData record of the data, where all experiments have one and the same."""
    records = {model.neutrinos.experiment.hepdata for model in models.models}
    return records.pop() if len(records) == 1 else None


def _document(
    background: Workspace, label: CouplingScale, points: Sequence[SignalPoint], hepdata: str | None
) -> dict[str, Any]:
    record = "" if hepdata else f"; {NO_RECORD} means that there is no HEPData record"
    return {
        "metadata": {
            "references": {"hepdata": hepdata or NO_RECORD},
            "description": f"exact counts on a grid of {label.coupling} in units of"
            f" {label.reference:g} {label.unit}{record}",
            "digests": {"sha256": background.digest},
            "labels": [label.coupling],
        },
        "patches": [
            {
                "metadata": {"name": point.name, "values": [point.value]},
                "patch": [dict(operation) for operation in point.operations],
            }
            for point in points
        ],
        "version": "1.0.0",
    }
