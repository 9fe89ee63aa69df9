"""Stacked spectrum of a channel, after the fit, with its residuals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nuhist.errors import ConfigError, DataError
from nuhist.histfactory.workspace import Workspace
from nuhist.inference.fit import counts_per_event
from nuhist.inference.likelihood import make_likelihood

_MERGED = 0.02  # a component below this fraction of the events is drawn with the others
# Okabe and Ito's palette, which colour-blind readers can tell apart.
_COLOURS = ("#56B4E9", "#E69F00", "#009E73", "#F0E442", "#0072B2", "#CC79A7", "#999999")
_SIGNAL_COLOUR = "#D55E00"


@dataclass(frozen=True)
class Component:
    """Events per bin of one component; ``signal`` marks what the coupling adds."""

    title: str
    events: tuple[float, ...]
    signal: bool


@dataclass(frozen=True)
class FittedSpectrum:
    """What the figure shows, as numbers: events per bin.

    ``edges`` are in keV, or bin numbers where the workspace has no sidecar (``in_kev``).
    ``uncertainty`` is the fit's, one standard deviation of the total.
    """

    channel: str
    edges: tuple[float, ...]
    in_kev: bool
    observed: tuple[float, ...]
    components: tuple[Component, ...]
    total: tuple[float, ...]
    uncertainty: tuple[float, ...]
    title: str
    workspace_digest: str

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return asdict(self)


def fitted_spectrum(
    workspace: Workspace, *, channel: str | None = None, coupling: float | None = None
) -> FittedSpectrum:
    """Events per bin and component after a fit.

    Parameters
    ----------
    workspace
        Any HistFactory workspace; energies and titles come from its sidecar.
    channel
        Name of the channel; the first by default.
    coupling
        Add the signal at this coupling to the fit without it, instead of the best fit.

    Raises
    ------
    ConfigError
        If there is no such channel.
    FitError
        If the fit does not converge.
    """
    likelihood = make_likelihood(workspace)
    slices = likelihood.model.config.channel_slices
    name = channel or workspace.spec["channels"][0]["name"]
    if name not in slices:
        raise ConfigError(f"{workspace.origin}: no channel '{name}'; it has {', '.join(slices)}")
    poi = likelihood.poi
    if coupling is None or poi is None:
        parameters = likelihood.best().parameters
        covariance = likelihood.covariance(likelihood.minimise(start=parameters))
    else:
        without = likelihood.minimise({poi.name: 0.0})
        parameters = without.parameters.copy()
        parameters[likelihood.poi_index] = poi.to_parameter(coupling)
        covariance = likelihood.covariance(without)
        covariance[likelihood.poi_index] = covariance[:, likelihood.poi_index] = 0.0
    unit = counts_per_event(workspace, name)
    described = (workspace.sidecar or {}).get("channels", {}).get(name, {})
    titles = described.get("samples", {})
    counts = np.asarray(likelihood.model.main_model.expected_data(parameters, return_by_sample=True))
    base = parameters.copy()
    if poi is not None and poi.scale != 1:
        base[likelihood.poi_index] = 0.0
    plain = np.asarray(likelihood.model.main_model.expected_data(base, return_by_sample=True))
    part = slices[name]
    components: dict[str, tuple[np.ndarray[Any, Any], bool]] = {}
    spec = next(entry for entry in workspace.spec["channels"] if entry["name"] == name)
    for sample in spec["samples"]:
        row = likelihood.model.config.samples.index(sample["name"])
        scaled = any(m["name"] == (poi.name if poi else None) for m in sample["modifiers"])
        title = titles.get(sample["name"], sample["name"]).split(", ")[0]
        signal = scaled and poi is not None and poi.scale == 1 and not poi.name.startswith("sm_")
        _add(components, title, plain[row, part] / unit, signal)
        difference = (counts[row, part] - plain[row, part]) / unit
        if difference.any():
            _add(components, "coupling", difference, True)
    total = likelihood.expected(parameters)[part] / unit
    observed = np.asarray(workspace.observed()[name]) / unit
    edges = described.get("edges_keV")
    what = "best fit" if poi else "fit"
    if poi is not None:
        value = coupling if coupling is not None else poi.to_coupling(parameters[likelihood.poi_index])
        what = f"{poi.coupling} = {value:.3g} {poi.unit}"
    return FittedSpectrum(
        channel=name,
        edges=tuple(edges) if edges else tuple(float(i) for i in range(observed.size + 1)),
        in_kev=bool(edges),
        observed=tuple(observed.tolist()),
        components=_merged(components),
        total=tuple(total.tolist()),
        uncertainty=tuple((_band(likelihood, parameters, covariance)[part] / unit).tolist()),
        title=f"{described.get('title', name)}\n{what}",
        workspace_digest=workspace.digest,
    )


def _add(
    components: dict[str, tuple[np.ndarray[Any, Any], bool]],
    title: str,
    events: np.ndarray[Any, Any],
    signal: bool,
) -> None:
    before = components.get(title, (np.zeros_like(events), signal))[0]
    components[title] = (before + events, signal)


def _band(likelihood: Any, parameters: Any, covariance: Any) -> np.ndarray[Any, Any]:
    """Standard deviation of the expected counts by linear propagation."""
    variances = np.diag(covariance)
    gradient = np.zeros((parameters.size, likelihood.expected(parameters).size))
    for index in np.flatnonzero(variances > 0):
        step = np.zeros(parameters.size)
        step[index] = 1e-3 * np.sqrt(variances[index])
        difference = likelihood.expected(parameters + step) - likelihood.expected(parameters - step)
        gradient[index] = difference / (2 * step[index])
    variance = np.einsum("ib,ij,jb->b", gradient, covariance, gradient)
    return np.asarray(np.sqrt(np.maximum(variance, 0)))


def _merged(components: dict[str, tuple[np.ndarray[Any, Any], bool]]) -> tuple[Component, ...]:
    """Largest first, signal last, small ones put together."""
    events = sum(float(values.sum()) for values, _ in components.values())
    kept, rest = [], None
    for title, (values, signal) in sorted(components.items(), key=lambda item: -item[1][0].sum()):
        if signal or values.sum() >= _MERGED * events:
            kept.append(Component(title, tuple(values.tolist()), signal))
        else:
            rest = values if rest is None else rest + values
    if rest is not None:
        kept.append(Component("others", tuple(rest.tolist()), False))
    return tuple(sorted(kept, key=lambda component: component.signal))


def draw_spectrum(result: FittedSpectrum, output: Path) -> None:
    """Draw a fitted spectrum; the file's ending chooses the format.

    Raises
    ------
    DataError
        If matplotlib is missing, the ending is unknown, or the file cannot be written.
    """
    plt = _pyplot()
    edges, observed = np.array(result.edges), np.array(result.observed)
    total, band = np.array(result.total), np.array(result.uncertainty)
    centres = (edges[:-1] + edges[1:]) / 2
    figure, (top, bottom) = plt.subplots(
        2, 1, figsize=(8, 6), sharex=True, height_ratios=[3, 1], layout="constrained"
    )
    for entry, colour in zip(result.components, _colours(result.components), strict=True):
        below = sum((np.array(other.events) for other in _before(result.components, entry)),
                    np.zeros_like(total))  # fmt: skip
        top.stairs(below + np.array(entry.events), edges, baseline=below, fill=True, color=colour,
                   label=f"{entry.title}: {sum(entry.events):.1f}")  # fmt: skip
    top.stairs(total + band, edges, baseline=total - band, fill=True, facecolor="none", hatch="////",
               edgecolor="0.3", linewidth=0, label="fit uncertainty")  # fmt: skip
    top.stairs(total, edges, color="black", linewidth=1)
    low, high = poisson_errors(observed)
    top.errorbar(centres, observed, yerr=[low, high], fmt="ko", markersize=3.5, linewidth=1,
                 label=f"data: {observed.sum():g}")  # fmt: skip
    width = edges[1] - edges[0]
    top.set_ylabel(f"events / {width:.3g} keV" if result.in_kev else "events / bin")
    top.set_ylim(0, 1.25 * max((observed + high).max(), total.max()))
    top.set_title(result.title, fontsize=10)
    order = top.get_legend_handles_labels()
    top.legend(*order, fontsize=8, ncols=2, frameon=False)
    with np.errstate(divide="ignore", invalid="ignore"):
        pulls = np.where(total > 0, (observed - total) / np.sqrt(total + band**2), np.nan)
    bottom.axhspan(-1, 1, color="0.85")
    bottom.axhline(0, color="0.4", linewidth=0.8)
    bottom.plot(centres, pulls, "ko", markersize=3.5)
    bottom.set_ylabel("(data − fit) / σ")
    reach = max(3.0, 1.1 * float(np.nanmax(np.abs(pulls))))
    bottom.set_ylim(-reach, reach)
    bottom.set_xlabel("reconstructed energy [keVee]" if result.in_kev else "bin")
    bottom.set_xlim(edges[0], edges[-1])
    save_figure(figure, output)


def _before(components: Sequence[Component], entry: Component) -> Sequence[Component]:
    return components[: components.index(entry)]


def _colours(components: Sequence[Component]) -> list[str]:
    palette = iter(_COLOURS * (1 + len(components) // len(_COLOURS)))
    return [_SIGNAL_COLOUR if entry.signal else next(palette) for entry in components]


def poisson_errors(counts: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Central 68.27 % intervals of Poisson means (Garwood), as distances below and above."""
    from scipy.special import gammaincinv

    tail = 0.158655
    low = np.where(counts > 0, gammaincinv(np.maximum(counts, 1e-9), tail), 0.0)
    return counts - low, gammaincinv(counts + 1, 1 - tail) - counts


def _pyplot() -> Any:
    try:
        import matplotlib as mpl

        mpl.use("Agg")
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise DataError("plots need matplotlib; pip install 'nuhist[plot]'") from error
    return plt


def save_figure(figure: Any, output: Path) -> None:
    """Write a figure whole or not at all."""
    import io

    from nuhist.files import write_atomically

    known = sorted(figure.canvas.get_supported_filetypes())
    kind = output.suffix.lstrip(".").lower()
    if kind not in known:
        raise DataError(f"{output}: no picture format '{kind}'; use one of {', '.join(known)}")
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=150)
    _pyplot().close(figure)
    write_atomically(output, buffer.getvalue())
