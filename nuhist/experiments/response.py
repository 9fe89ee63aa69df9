"""Detector response: from a true spectrum to expected counts per bin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from nuhist.errors import ConfigError
from nuhist.experiments.experiment import Experiment, ResponseKind
from nuhist.experiments.monoenergetic import Monoenergetic, kinds_there, read_monoenergetic
from nuhist.physics.processes import PROCESSES
from nuhist.tables import Array, column, read_table

_ORDER = 4  # Gauss-Legendre points per interval
_WIDEST = 0.1  # keV; an interval between breakpoints is split until it is no wider,
_LARGEST_RATIO = 1.5  # nor its ends further apart: 1/T² is then right to 10⁻⁸
_MOST_NODES = 1_000_000  # 25 MeV in such steps
_REACH = 6.0  # standard deviations beyond the outer edges from which events are folded in
_PLACES = 1001  # at which a resolution is looked at

Probability = Callable[[Array], Array]


@dataclass(frozen=True, eq=False)
class Response:
    """A response, ready to fold a spectrum.

    Attributes
    ----------
    energy
        Quadrature nodes in true energy, keV, shape (nodes,).
    weights
        Shape (bins, nodes), keV: counts = weights @ (dN/dT at the nodes).
    probability
        Maps true energies (lines,) to the probability per event and bin, shape (bins, lines).
    anchored
        Weights at anchors of parameters of the detector, shape (points, bins, nodes); None where there are
        no such parameters.
    anchors
        Anchors of each parameter, in standard deviations.
    breakpoints
        True energies in keV at which the folded spectra may be not smooth.
    left, width
        Intervals between nodes, where they begin and how wide they are, in keV; all that were looked at.
    """

    energy: Array
    weights: Array
    probability: Probability
    anchored: Array | None = None
    anchors: tuple[Array, ...] = ()
    breakpoints: Array = field(default_factory=lambda: np.zeros(0))
    left: Array = field(default_factory=lambda: np.zeros(0))
    width: Array = field(default_factory=lambda: np.zeros(0))

    def fold(self, spectrum: Array) -> Array:
        """Counts per bin of a spectrum given at :attr:`energy`, per keV."""
        if not spectrum.any():
            return np.zeros(self.weights.shape[0])
        counts: Array = self.weights @ spectrum
        return counts


def make_response(experiment: Experiment, kind: ResponseKind, breakpoints: Array) -> Response:
    """Build one of an experiment's responses.

    Parameters
    ----------
    experiment
        Whose tables to use.
    kind
        ``"matrix"``: the simulated response, each row holding for its whole cell of true energy;
        ``"gaussian"``: efficiency in true energy, then a Gaussian; ``"none"``: efficiency alone,
        eq. (9) of arXiv:2207.05036; ``"monoenergetic"``: probabilities of recoils of single energies, on
        straight lines between them.
    breakpoints
        True energies in keV at which the spectra to be folded are not smooth.

    Raises
    ------
    ConfigError
        If the experiment lacks what this kind needs, or its energies reach too far.
    DataError
        If a table cannot be used.
    """
    found = None
    probability: Probability
    if kind == "monoenergetic":
        found = read_monoenergetic(experiment)
        probability, knots = partial(Monoenergetic.at_nominal, found), found.energies
    elif kind == "matrix":
        probability, knots = _matrix(experiment)
    elif kind == "none":
        probability, knots = _sharp(experiment)
    else:
        probability, knots = _gaussian(experiment)
    low = max(knots[0], PROCESSES[experiment.process].lowest(experiment.target))
    high = knots[-1]
    limits = np.union1d(np.append(knots, low), breakpoints)
    limits = limits[(limits >= low) & (limits <= high)]
    if not _ORDER * ((high - low) / _WIDEST + limits.size) <= _MOST_NODES:
        raise ConfigError(
            f"{experiment.name}: its response reaches {high:g} keV, which is too far; end its tables and bins"
            " earlier"
        )
    left, width = pieces(limits)
    energy, widths = (part.ravel() for part in gauss(left, width))
    try:
        weights = probability(energy) * widths
    except MemoryError as error:
        size = f"{energy.size} energies and {experiment.bins} bins"
        raise ConfigError(f"{experiment.name}: no memory for a response of {size}; use fewer bins") from error
    anchored: Array | None = None
    anchors: tuple[Array, ...] = ()
    if found is not None and found.anchors:
        anchored, anchors = found.at_anchors(energy) * widths, found.anchors
    else:
        used = weights.any(axis=0)
        energy, weights = energy[used], weights[:, used]
    return Response(energy, weights, probability, anchored, anchors, breakpoints, left, width)


def first_seen(experiment: Experiment, kind: ResponseKind, response: Response) -> tuple[float, float]:
    """The energy in keV below which a response has nothing, and the probability to see a recoil there.

    The probability is 0 where nothing is cut off: below the bins, or where no recoils are seen.
    """
    if kind == "monoenergetic":
        energy = read_monoenergetic(experiment).energies[0]
    elif kind == "matrix":
        energy = _matrix(experiment)[1][0]
    else:
        nodes, values, reconstructed = _efficiency(experiment)
        energy = nodes[0]
        if kind == "none" or reconstructed:
            return float(energy), float(values[0]) if energy > experiment.edges[0] else 0.0
        if values[0] == 0.0:
            return float(energy), 0.0
    if energy <= PROCESSES[experiment.process].lowest(experiment.target):
        return float(energy), 0.0
    return float(energy), float(response.probability(np.array([energy])).sum())


def quadrature(limits: Array) -> tuple[Array, Array]:
    """Gauss-Legendre nodes and weights on consecutive intervals, see :func:`pieces` and :func:`gauss`."""
    energy, weights = gauss(*pieces(limits))
    return energy.ravel(), weights.ravel()


def pieces(limits: Array) -> tuple[Array, Array]:
    """Where the intervals of a quadrature begin, and how wide they are.

    Parameters
    ----------
    limits
        Ends of consecutive intervals in keV, increasing, the first above 0; each is split to at most
        0.1 keV and to ends in a ratio of at most 1.5.
    """
    wide = np.diff(limits) / _WIDEST
    # Equal pieces: the first has the largest ratio, (ratio − 1) / pieces + 1.
    steep = (limits[1:] / limits[:-1] - 1) / (_LARGEST_RATIO - 1)
    number = np.maximum(np.ceil(np.maximum(wide, steep) - 1e-9), 1).astype(int)
    start = np.repeat(limits[:-1], number)
    width = np.repeat(np.diff(limits) / number, number)
    first = np.repeat(np.cumsum(number) - number, number)
    return start + (np.arange(start.size) - first) * width, width


def gauss(left: Array, width: Array) -> tuple[Array, Array]:
    """Gauss-Legendre nodes and weights in each of several intervals, both of shape (intervals, nodes)."""
    nodes, weights = np.polynomial.legendre.leggauss(_ORDER)
    return left[:, None] + width[:, None] * (nodes + 1) / 2, width[:, None] * weights / 2


def _matrix(experiment: Experiment) -> tuple[Probability, Array]:
    source = experiment.response.get("matrix")
    if source is None:
        raise ConfigError(f"{experiment.name} has no response matrix; {kinds_there(experiment)}")
    path = experiment.folder / source["table"]
    table = read_table(path)
    centres = column(path, table, source["energy"], increasing=True)
    rows = np.stack(
        [column(path, table, name, non_negative=True) for name in table if name != source["energy"]]
    )
    if rows.shape[0] != experiment.bins:
        raise ConfigError(f"{path}: has {rows.shape[0]} bins, {experiment.name} has {experiment.bins}")
    totals = rows.sum(axis=0)
    if totals.max() > 1 + 1e-6:
        bad = int(np.argmax(totals))
        raise ConfigError(
            f"{path}: row {bad + 1} ({source['energy']} = {centres[bad]:g}) adds up to {totals[bad]:.4g},"
            " more than 1; it must hold probabilities"
        )
    cell = float(source["cell"])
    if not np.allclose(np.diff(centres), cell, rtol=0, atol=1e-6 * cell):
        raise ConfigError(f"{path}: rows are not {cell:g} keV apart, as the key 'cell' says")
    edges = np.append(centres - cell / 2, centres[-1] + cell / 2)
    return partial(_in_cells, edges=edges, rows=rows), edges


# Probabilities are functions of the module with their tables bound, so that other processes can be sent them.
def _in_cells(energy: Array, *, edges: Array, rows: Array) -> Array:
    cells = edges.size - 1
    index = np.searchsorted(edges, energy, side="right") - 1
    inside = (index >= 0) & (index < cells)
    return np.where(inside, rows[:, np.clip(index, 0, cells - 1)], 0.0)


def _efficiency(experiment: Experiment) -> tuple[Array, Array, bool]:
    """Energies and values of the efficiency, and whether it is one of reconstructed energy."""
    source = experiment.response.get("efficiency")
    if source is None:
        raise ConfigError(f"{experiment.name} has no efficiency table; {kinds_there(experiment)}")
    path = experiment.folder / source["table"]
    table = read_table(path)
    nodes = column(path, table, source["energy"], increasing=True)
    values = column(path, table, source["value"], non_negative=True)
    if values.max() > 1:
        raise ConfigError(f"{path}: column '{source['value']}' exceeds 1; it must be an efficiency")
    reconstructed = source.get("of") == "reconstructed"
    if not reconstructed and values[-1] > 0 and nodes[-1] < experiment.edges[-1]:
        raise ConfigError(
            f"{path}: ends at {nodes[-1]:g} keV with {values[-1]:g}, but the bins go to"
            f" {experiment.edges[-1]:g} keV; add rows up to there or beyond, or one with 0 where it ends"
        )
    return nodes, values, reconstructed


def _sharp(experiment: Experiment) -> tuple[Probability, Array]:
    """Efficiency without resolution: true and reconstructed energy are the same."""
    nodes, values, reconstructed = _efficiency(experiment)
    edges = experiment.edges
    if reconstructed and nodes[-1] < edges[-1]:  # the last value holds to the last edge
        nodes, values = np.append(nodes, edges[-1]), np.append(values, values[-1])
    knots = np.union1d(nodes, edges)
    inside = (knots >= max(nodes[0], edges[0])) & (knots <= min(nodes[-1], edges[-1]))
    return partial(_between_edges, edges=edges, nodes=nodes, values=values), knots[inside]


def _between_edges(energy: Array, *, edges: Array, nodes: Array, values: Array) -> Array:
    inside = (edges[:-1, None] <= energy) & (energy < edges[1:, None])
    return inside * np.interp(energy, nodes, values, left=0.0, right=0.0)


def _gaussian(experiment: Experiment) -> tuple[Probability, Array]:
    """Gaussian resolution, with the efficiency before or after it."""
    if "resolution" not in experiment.response:
        raise ConfigError(f"{experiment.name} has no resolution; {kinds_there(experiment)}")
    terms = experiment.response["resolution"]
    nodes, values, reconstructed = _efficiency(experiment)
    edges = experiment.edges
    if not reconstructed:
        _refuse_no_width(experiment, terms, nodes[[0, -1]])
        return partial(_smeared, edges=edges, nodes=nodes, values=values, terms=terms), nodes

    limits = np.union1d(edges, nodes[(nodes > edges[0]) & (nodes < edges[-1])])
    at_limits = np.interp(limits, nodes, values, left=0.0)  # the last value holds to the last edge
    slope = (np.diff(at_limits) / np.diff(limits))[:, None]
    first = np.searchsorted(limits, edges[:-1])

    probability = partial(
        _smeared_before, limits=limits, at_limits=at_limits, slope=slope, first=first, terms=terms
    )
    reach = _REACH * float(resolution(edges[-1:], **terms)[0])
    # Beyond the last edge the resolution widens: half as much again is ample.
    lowest = PROCESSES[experiment.process].lowest(experiment.target)
    ends = np.array([lowest, edges[-1] + 1.5 * max(reach, 0.0)])
    _refuse_no_width(experiment, terms, ends)
    return probability, ends


def _refuse_no_width(experiment: Experiment, terms: Mapping[str, float], ends: Array) -> None:
    """Refuse a resolution that is zero or less at an energy that is folded."""
    energy = np.linspace(ends[0], ends[1], _PLACES)[1:]
    sigma = resolution(energy, **terms)
    if (sigma <= 0).any():
        place = int(np.argmin(sigma))
        raise ConfigError(
            f"{experiment.name}: response.resolution: the standard deviation is {sigma[place]:.3g} keV at"
            f" {energy[place]:.3g} keV; expected more than 0 from {ends[0]:.3g} to {ends[1]:.3g} keV"
        )


def _smeared(
    energy: Array, *, edges: Array, nodes: Array, values: Array, terms: Mapping[str, float]
) -> Array:
    """Efficiency in true energy, then the Gaussian."""
    from scipy.special import ndtr

    distance = (edges[:, None] - energy) / resolution(energy, **terms)
    inside = np.diff(ndtr(np.clip(distance, -_REACH, _REACH)), axis=0)
    return np.asarray(inside * np.interp(energy, nodes, values, left=0.0, right=0.0))


def _smeared_before(
    energy: Array,
    *,
    limits: Array,
    at_limits: Array,
    slope: Array,
    first: NDArray[np.int_],
    terms: Mapping[str, float],
) -> Array:
    """The Gaussian, then the efficiency, which is linear in each segment: its integral is closed."""
    from scipy.special import ndtr

    sigma = resolution(energy, **terms)
    distance = np.clip((limits[:, None] - energy) / sigma, -_REACH, _REACH)
    within = np.diff(ndtr(distance), axis=0)
    density = np.diff(np.exp(-(distance**2) / 2), axis=0) / np.sqrt(2 * np.pi)
    at_energy = at_limits[:-1, None] + slope * (energy - limits[:-1, None])
    return np.add.reduceat(at_energy * within - slope * sigma * density, first, axis=0)


def resolution(
    energy: Array,
    *,
    constant: float = 0.0,
    sqrt: float = 0.0,
    linear: float = 0.0,
    quadratic: float = 0.0,
    cubic: float = 0.0,
) -> Array:
    """Standard deviation of the reconstructed energy, keV, for true energies in keV."""
    return constant + sqrt * np.sqrt(energy) + linear * energy + quadratic * energy**2 + cubic * energy**3
