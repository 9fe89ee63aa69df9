"""Maximum-likelihood fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, get_args

import numpy as np

from nuhist.__about__ import __version__
from nuhist.errors import unknown_name
from nuhist.histfactory.loading import Source
from nuhist.histfactory.sample_names import sample_titles
from nuhist.histfactory.workspace import Workspace
from nuhist.inference.covariance import covariance as covariance_of
from nuhist.inference.covariance import held_on_bounds, not_told
from nuhist.inference.likelihood import Likelihood, Minimum, is_artefact
from nuhist.inference.model import Model, as_model
from nuhist.inference.notes import command, goodness_notes
from nuhist.inference.prepare import Engine
from nuhist.inference.profile_errors import profile_errors
from nuhist.inference.results import FitResult, FittedParameter, FittedSample
from nuhist.inference.walls import bins_at_walls
from nuhist.physics.coupling import CouplingScale
from nuhist.tables import Array
from nuhist.values import as_number, as_text

ErrorKind = Literal["covariance", "profile"]

_NOTHING = 1e-9  # of a typical step: a smaller error is that of rounding
_STEP = 1e-3  # of a standard deviation, for derivatives of the yields
_SHOWN = 5  # names in a note
_TOGETHER = 500  # parameters of which these are taken at a time


def fit(
    model: Model | Source,
    *,
    test_poi: float | None = None,
    errors: ErrorKind = "covariance",
    measurement: str | None = None,
    poi: str | None = None,
    engine: Engine | None = None,
) -> FitResult:
    """Fit a model to its data.

    Parameters
    ----------
    model
        A :class:`nuhist.Model`, or what it is made from: a path, a dict, a workspace.
    test_poi
        Hold the parameter of interest at this value (of the parameter, not of the coupling).
    errors
        ``"covariance"``, or ``"profile"`` for those downwards and upwards by each parameter's own profile
        likelihood, too, as MINOS has them: 2NLL minimised over all others rises by 1.
    measurement, poi, engine
        Choices of :class:`nuhist.Model`, where one is made.

    Raises
    ------
    ConfigError
        If the value to hold lies outside of the bounds, as in a scan.
    ModelError
        If pyhf refuses the model.
    FitError
        If the fit does not converge.

    Examples
    --------
    >>> from nuhist import build, fit
    >>> result = fit(build("lz_ws2022", hypothesis="magnetic-moment", background="paper"))
    >>> round(result.min_chi2)
    33
    """
    if as_text(errors, "errors") not in get_args(ErrorKind):
        raise unknown_name("kind of errors", errors, get_args(ErrorKind))
    made = as_model(model, measurement=measurement, poi=poi, engine=engine)
    workspace, likelihood = made.workspace, made.likelihood
    held: tuple[str, ...]
    if test_poi is None:
        held = ()
        minimum, covariance = made.best, made.covariance
    else:
        held, index = (likelihood.interest.name,), likelihood.poi_index
        limits = float(likelihood.lower[index]), float(likelihood.upper[index])
        value = CouplingScale.plain(held[0]).within(as_number(test_poi, held[0]), limits)
        minimum = likelihood.minimise({held[0]: value})
        covariance = covariance_of(likelihood, minimum, held)
    uncertainty = np.sqrt(np.diag(covariance))
    profiled = {}
    if errors == "profile":
        profiled = profile_errors(replace(likelihood, constant=_constant(likelihood, held)), minimum)
    described = (workspace.sidecar or {}).get("parameters", {})
    interest = likelihood.poi
    bins, p_value = _goodness_of_fit(likelihood, minimum, free_poi=test_poi is None)
    return FitResult(
        parameter=interest.name if interest else None,
        coupling=interest.coupling if interest else None,
        unit=interest.unit if interest else None,
        best_fit=interest.to_coupling(float(minimum.parameters[likelihood.poi_index])) if interest else None,
        parameters=tuple(
            FittedParameter(
                name,
                float(value),
                float(sigma) if sigma > _NOTHING * scale else None,
                profiled.get(name),
                described.get(name, {}).get("meaning"),
                _unit(described.get(name, {}).get("unit")),
            )
            for name, value, sigma, scale in zip(
                likelihood.names, minimum.parameters, uncertainty, likelihood.scale, strict=True
            )
        ),
        correlations=_correlations(covariance),
        samples=_fitted_samples(workspace, likelihood, minimum, covariance),
        observed={
            channel: float(likelihood.data[part].sum()) / counts_per_event(workspace, channel)
            for channel, part in likelihood.model.config.channel_slices.items()
        },
        twice_nll=minimum.twice_nll,
        min_chi2=likelihood.min_chi2(minimum),
        degrees_of_freedom=bins,
        p_value=p_value,
        method=f"maximum likelihood ({_engine(likelihood)}), p-value of min_chi2 asymptotic",
        conditional_on=held_on_bounds(likelihood, minimum, held),
        notes=(*_flat_notes(likelihood, minimum, covariance, held), *_notes(made, minimum, p_value)),
        data_kind=made.data_kind,
        workspace_digest=made.digest,
        nuhist_version=__version__,
    )


def _unit(unit: str | None) -> str | None:
    """A unit as a reader expects it: nothing for a plain number, which files call 1."""
    return "" if unit == "1" else unit


def _engine(likelihood: Likelihood) -> str:
    """Whose likelihood was fitted; each minimum of the compiled one is compared with pyhf's density."""
    return "pyhf" if likelihood.compiled is None else "compiled, checked against pyhf"


def _constant(likelihood: Likelihood, held: tuple[str, ...]) -> tuple[bool, ...]:
    """What is constant where some parameters are held, too."""
    pairs = zip(likelihood.names, likelihood.constant, strict=True)
    return tuple(fixed or name in held for name, fixed in pairs)


def _flat_notes(
    likelihood: Likelihood, minimum: Minimum, covariance: Array, held: tuple[str, ...]
) -> tuple[str, ...]:
    names = not_told(likelihood, minimum, covariance, held)
    if not names:
        return ()
    shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    return (
        f"no errors of {shown}: the data say nothing of them, or do not tell them apart; errors of"
        " events are those of the other parameters",
    )


def _notes(model: Model, minimum: Minimum, p_value: float | None) -> tuple[str, ...]:
    general = (*_edge_notes(model.likelihood, minimum), *model.notes)
    if p_value is None:
        return general
    toys = command(model, "gof", "--ntoys 5000")
    return (*goodness_notes(model.likelihood.expected(minimum.parameters), toys), *general)


def _edge_notes(likelihood: Likelihood, minimum: Minimum) -> tuple[str, ...]:
    """On whose edge a fit has ended."""
    places = [
        f"channel '{channel}', bin {position - part.start}"
        for position in bins_at_walls(likelihood, minimum)
        for channel, part in likelihood.model.config.channel_slices.items()
        if part.start <= position < part.stop
    ]
    if not places:
        return ()
    named = "; ".join(places[:3]) + (f" and {len(places) - 3} more" if len(places) > 3 else "")
    return (f"the fit ends where {named} would expect less than nothing; errors are those along this edge",)


def counts_per_event(workspace: Workspace, channel: str) -> float:
    """What one event counts in a channel's likelihood, by the sidecar; 1 where it is unknown."""
    channels = (workspace.sidecar or {}).get("channels", {})
    return float(channels.get(channel, {}).get("counts_per_event", 1.0))


def _correlations(covariance: Array) -> tuple[tuple[float, ...], ...]:
    width = np.sqrt(np.diag(covariance))
    scale = np.outer(width, width)
    matrix = np.where(scale > 0, covariance / np.where(scale > 0, scale, 1.0), 0.0)
    return tuple(tuple(row) for row in matrix.tolist())


def _goodness_of_fit(likelihood: Likelihood, minimum: Minimum, *, free_poi: bool) -> tuple[int, float | None]:
    """Degrees of freedom, and the asymptotic p-value of ``min_chi2``."""
    from scipy.special import chdtrc

    config = likelihood.model.config
    constrained = set(config.auxdata_order)
    if likelihood.poi is not None and is_artefact(likelihood):
        constrained.discard(likelihood.poi.name)
    free = 0
    for name in config.par_order:
        if name in constrained or (likelihood.poi and name == likelihood.poi.name and not free_poi):
            continue
        part = config.par_slice(name)
        free += sum(not fixed for fixed in likelihood.constant[part])
    walls = bins_at_walls(likelihood, minimum)
    expecting = likelihood.expected(minimum.parameters) > 0
    expecting[walls] = False
    bins = int(np.sum(expecting)) - max(free - walls.size, 0)
    if bins < 1:
        return bins, None
    return bins, float(chdtrc(bins, max(likelihood.min_chi2(minimum), 0.0)))


def _fitted_samples(
    workspace: Workspace, likelihood: Likelihood, minimum: Minimum, covariance: Array
) -> tuple[FittedSample, ...]:
    keys = [
        (channel["name"], sample["name"])
        for channel in workspace.spec["channels"]
        for sample in channel["samples"]
    ]
    before, after = likelihood.yields(np.stack([likelihood.initial, minimum.parameters]))
    gradient = np.zeros((len(keys), len(likelihood.names)))
    widths = np.sqrt(np.diag(covariance))
    moving = np.flatnonzero(widths > 0)
    for first in range(0, moving.size, _TOGETHER):
        own = moving[first : first + _TOGETHER]
        points = np.tile(minimum.parameters, (2, own.size, 1))
        step = _STEP * widths[own]
        for side, sign in enumerate((1.0, -1.0)):
            points[side, np.arange(own.size), own] += sign * step
        up, down = likelihood.yields(points.reshape(-1, widths.size)).reshape(2, own.size, -1)
        gradient[:, own] = ((up - down) / (2 * step[:, None])).T
    titles = [
        title
        for channel in workspace.spec["channels"]
        for title in sample_titles(channel, workspace.sidecar).values()
    ]
    leading, row = _terms_together(workspace, titles)
    together = np.zeros((len(leading), len(keys)))
    together[row, np.arange(len(keys))] = 1
    gradient, before, after = together @ gradient, together @ before, together @ after
    sigma = np.sqrt(np.maximum(np.sum((gradient @ covariance) * gradient, axis=1), 0))
    keys, titles = [keys[index] for index in leading], [titles[index] for index in leading]
    return tuple(
        FittedSample(
            channel=channel,
            sample=sample,
            title=title,
            before=float(start) / counts_per_event(workspace, channel),
            after=float(end) / counts_per_event(workspace, channel),
            uncertainty=float(error) / counts_per_event(workspace, channel),
        )
        for (channel, sample), title, start, end, error in sorted(
            zip(keys, titles, before, after, sigma, strict=True)
        )
    )


def _terms_together(workspace: Workspace, titles: Sequence[str]) -> tuple[list[int], list[int]]:
    """Which sample is the first of its kind, and of which kind each is.

    Samples of one title of which some count negative are terms of a sum: only that means events.
    """
    places = [
        (channel["name"], sample) for channel in workspace.spec["channels"] for sample in channel["samples"]
    ]
    known = [(channel, title) for (channel, _), title in zip(places, titles, strict=True)]
    signed = {key for key, (_, sample) in zip(known, places, strict=True) if min(sample["data"]) < 0}
    kinds: dict[tuple[str, str | int], int] = {}
    first, row = list[int](), list[int]()
    for index, key in enumerate(known):
        kind = key if key in signed else (key[0], index)
        if kind not in kinds:
            kinds[kind] = len(first)
            first.append(index)
        row.append(kinds[kind])
    return first, row
