"""Response and efficiency of experiments, as numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nuhist.errors import unknown_name
from nuhist.experiments.experiment import RESPONSE_KINDS, Experiment, ResponseKind
from nuhist.experiments.monoenergetic import largest_energy
from nuhist.experiments.response import make_response
from nuhist.inference.results import JsonResult
from nuhist.physics.rate_options import ELECTRON
from nuhist.showing import Table

_CELL = 0.1  # keV; with its multiples as centres, as LZ's simulated response has them
_MOST_CELLS = 400
_BEYOND = 1.2  # of the last edge


@dataclass(frozen=True, slots=True, repr=False)
class DetectorResponse(JsonResult):
    """What becomes of recoils in an experiment, of electrons or of nuclei.

    Attributes
    ----------
    experiment, title, kind
        Which response: ``"matrix"``, ``"gaussian"``, ``"none"`` or ``"monoenergetic"``.
    true_edges
        Cells of true recoil energy, keV.
    edges
        Bins of reconstructed energy, keV; of a monoenergetic response their numbers.
    probability
        For a recoil at the centre of a cell to be selected and found in a bin: a row for each bin.
    efficiency
        For it to be selected and found in any bin.
    process
        What recoils: ``"electron"`` or ``"nucleus"``.
    """

    experiment: str
    title: str
    kind: str
    true_edges: tuple[float, ...]
    edges: tuple[float, ...]
    probability: tuple[tuple[float, ...], ...]
    efficiency: tuple[float, ...]
    process: str = ELECTRON

    @property
    def summary(self) -> str:
        """Whose, and of which kind."""
        size = f"{len(self.efficiency)} cells of energy, {len(self.edges) - 1} bins"
        return f"{self.experiment}, {self.kind}: {size}"

    def table(self) -> Table:
        """A row for each cell of true energy, a column for each bin."""
        ends = zip(self.edges[:-1], self.edges[1:], strict=True)
        bins = [f"{low:g}-{high:g} keV" for low, high in ends]
        if self.kind == "monoenergetic":  # whose bins need not be of energy
            bins = [f"bin {number}" for number in range(len(bins))]
        columns = (self.true_edges[:-1], self.true_edges[1:], *self.probability)
        return Table(("low_keV", "high_keV", *bins), tuple(zip(*columns, strict=True)))

    def efficiencies(self) -> Table:
        """A row for each cell of true energy."""
        cells = zip(self.true_edges[:-1], self.true_edges[1:], self.efficiency, strict=True)
        rows = tuple((self.experiment, *cell) for cell in cells)
        return Table(("experiment", "low_keV", "high_keV", "efficiency"), rows)


def detector_response(experiment: Experiment, kind: ResponseKind | None = None) -> DetectorResponse:
    """Tabulate a response from 0 to beyond the last bin.

    Parameters
    ----------
    experiment
        From :func:`nuhist.load_experiment`.
    kind
        By default what the experiment's treatment of its data uses.

    Raises
    ------
    ConfigError
        If there is no such kind, or the experiment lacks what it needs.
    DataError
        If a table cannot be used.
    """
    chosen = kind or experiment.treatment().response
    if chosen not in RESPONSE_KINDS:
        raise unknown_name("response", chosen, RESPONSE_KINDS)
    high = _BEYOND * largest_energy(experiment)
    cells = min(int(np.ceil(high / _CELL)), _MOST_CELLS)
    width = high / cells if cells == _MOST_CELLS else _CELL
    true_edges = width * (np.arange(cells + 1) + 0.5)
    response = make_response(experiment, chosen, np.array([]))
    probability = response.probability((true_edges[:-1] + true_edges[1:]) / 2)
    return DetectorResponse(
        experiment=experiment.name,
        title=experiment.title,
        kind=chosen,
        true_edges=tuple(true_edges.tolist()),
        edges=tuple(experiment.edges.tolist()),
        probability=tuple(tuple(row) for row in probability.tolist()),
        efficiency=tuple(probability.sum(axis=0).tolist()),
        process=experiment.process,
    )
