"""Signal points on a grid of couplings, as a pyhf PatchSet: exact for every hypothesis."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nuhist.errors import ConfigError
from nuhist.experiments.experiment import Experiment
from nuhist.files import make_folder, to_json, write_together
from nuhist.histfactory.data_kind import DataKind, describe
from nuhist.histfactory.equal_values import distinct
from nuhist.histfactory.options import BuildOptions
from nuhist.histfactory.patches import Patch, apply_patch
from nuhist.histfactory.record import BACKGROUND_FILE, PATCHSET_FILE
from nuhist.histfactory.templates import STRENGTH, Parameter, point_meaning
from nuhist.histfactory.validation import validate_patchset
from nuhist.histfactory.workspace import Workspace, digest, make_workspace
from nuhist.inputs import check_path
from nuhist.keywords import with_fields
from nuhist.physics.coupling import CouplingScale, slashed, spaced
from nuhist.physics.hypotheses import Dependence, FlavorChoice, get_hypothesis
from nuhist.showing import Shown, Table
from nuhist.values import as_numbers

if TYPE_CHECKING:
    from nuhist.histfactory.model_set import ModelSet

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
        JSON Patch on the background-only workspace.
    """

    name: str
    value: float
    operations: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, repr=False)
class SignalGrid(Shown):
    """A grid of signal points: a background-only workspace, and exact counts for each of several couplings.

    Attributes
    ----------
    background
        The workspace, with a signal sample of zero counts, which carries the strength ``mu``.
    coupling
        The coupling that the values of the points stand for, with unit and reference.
    points
        Signal points with a patch each, in increasing order of their values (multiples of the reference).
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
        """What the counts are: ``"observed"``, ``"asimov"``, ``"toy"`` or ``"other"``."""
        return self.background.data_kind

    @property
    def words(self) -> tuple[str, ...]:
        """The grid in words: origin, number of points, data, digest."""
        points = f"{self.background.origin}: {len(self.points)} signal points"
        return (points, f"{describe(self.data_kind)} data", self.digest[:12])

    def table(self) -> Table:
        """A row for each point: its name, and the coupling in its unit."""
        rows = tuple((point.name, point.value * self.coupling.reference) for point in self.points)
        return Table(("point", f"{self.coupling.coupling}{slashed(self.coupling.unit)}"), rows)

    def workspace(self, point: SignalPoint) -> Workspace:
        """The workspace of one point; a ModelError if the patch does not fit."""
        return apply_patch(self.background, Patch(point.name, point.operations, {}))

    def save(self, folder: str | Path) -> None:
        """Write BkgOnly.json with its sidecar, and patchset.json, into a folder.

        Raises
        ------
        DataError
            If the folder cannot be made or written to.
        """
        check_path(folder)
        place = Path(folder)
        make_folder(place)
        background = self.background.files(place / BACKGROUND_FILE)
        write_together({**background, place / PATCHSET_FILE: to_json(self.document)})


@with_fields(BuildOptions)
def build_patchset(
    *experiments: str | Path | Experiment,
    couplings: Sequence[float] | None = None,
    hypothesis: str,
    flavor: FlavorChoice = "effective",
    options: BuildOptions | None = None,
    command: str | None = None,
    **choices: Any,
) -> SignalGrid:
    """Build a grid of signal points: the exact counts of a hypothesis at each of several couplings.

    Parameters
    ----------
    couplings
        In the hypothesis' unit, in any order; those that are equal up to rounding are one. By default they
        are chosen, see :mod:`nuhist.histfactory.signal_points`.
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
    from nuhist.histfactory.model_set import model_set  # physics, which reading a grid does without
    from nuhist.histfactory.neutrino_models import refuse_narrow_rates
    from nuhist.histfactory.signal_points import signal_couplings

    tested = get_hypothesis(hypothesis)
    if not tested.of_neutrinos and tested.dependence is Dependence.POWER:
        raise ConfigError(f"{tested.name}: is one power of its coupling; use nuhist build")
    grid = [] if couplings is None else distinct(as_numbers(couplings, "couplings").tolist())
    if len(grid) < 2 and couplings is not None:
        raise ConfigError("a grid needs at least two different couplings")
    if tested.replaces_standard_model and grid and grid[0] < 0:
        raise ConfigError(f"{tested.name}: a strength below zero has no meaning")
    options = replace(options or BuildOptions(), **choices)
    models = model_set(experiments, tested, flavor, options)
    for model in models.models:
        refuse_narrow_rates(model.tested)
    grid = grid or signal_couplings(models)
    options = models.models[0].neutrinos.options
    poi = tested.parameter_of_interest(flavor)
    strength = Parameter(
        STRENGTH,
        point_meaning(poi.coupling),
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
        points.append(signal_point(label, coupling, background, channels))
    names = {point.name for point in points}
    if len(names) < len(points):
        raise ConfigError("couplings of the grid lie too close together to be told apart by name")
    hepdata = _record(models)
    text = f"exact counts on a grid of {label.coupling} in units of {label.reference:g}{spaced(label.unit)}"
    if hepdata is None:
        text += f"; {NO_RECORD} means that there is no HEPData record"
    document = patchset_document(background, label, points, hepdata or NO_RECORD, text)
    validate_patchset(document, "patchset")
    return SignalGrid(background, label, tuple(points), document)


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


def signal_point(
    label: CouplingScale, coupling: float, background: Workspace, channels: Sequence[Mapping[str, Any]]
) -> SignalPoint:
    """The signal at a coupling, from channels with it whose structure is the background's."""
    value = float(f"{coupling / label.reference:.12g}")
    number = f"{value:.9g}".replace("-", "m").replace("+", "").replace(".", "p")
    name = re.sub(r"[^A-Za-z0-9_]", "_", f"{label.coupling}_{number}")
    return SignalPoint(name, value, tuple(_differences(background.spec["channels"], channels, "/channels")))


def _record(models: ModelSet) -> str | None:
    """HEPData record of the data, where all experiments have one and the same."""
    records = {model.neutrinos.experiment.hepdata for model in models.models}
    return records.pop() if len(records) == 1 else None


def patchset_document(
    background: Workspace, label: CouplingScale, points: Sequence[SignalPoint], record: str, description: str
) -> dict[str, Any]:
    """The PatchSet of signal points as JSON."""
    return {
        "metadata": {
            "references": {"hepdata": record},
            "description": description,
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
