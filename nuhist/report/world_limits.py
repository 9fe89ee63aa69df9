"""Published limits on the neutrino's magnetic moment and charge, with ours among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nuhist.__about__ import __version__
from nuhist.errors import ConfigError, FitError, OptionError
from nuhist.histfactory.data_kind import DataKind, describe
from nuhist.histfactory.loading import Source
from nuhist.inference.model import Model, as_model
from nuhist.inference.results import JsonResult
from nuhist.methods.limits import limit
from nuhist.physics.coupling import spaced
from nuhist.report.profiles import model_name
from nuhist.showing import Table
from nuhist.tables import read_rows
from nuhist.values import percent

UNITS = {"mu_nu": "mu_B", "q_nu": "e_0"}
QUANTITIES = tuple(UNITS)
CONFIDENCE_LEVEL = 0.90  # of the whole table

_TABLE = Path(__file__).parent / "tables" / "world_limits.csv"
_FLAVORS = {"": "effective", "e": "e", "mu": "mu", "tau": "tau"}


@dataclass(frozen=True, slots=True)
class WorldLimit:
    """One limit, in μ_B (``mu_nu``) or e₀ (``q_nu``).

    ``lower`` is None where the limit is on the modulus. ``ours`` marks what nuhist computed;
    ``source`` is then the method, the data unless observed, and the digest of the workspace.
    """

    quantity: str
    flavor: str
    lower: float | None
    upper: float
    experiment: str
    source: str
    ours: bool
    data_kind: DataKind

    @property
    def modulus(self) -> float:
        """The limit on the modulus: the larger of the two ends."""
        return max(abs(self.lower or 0.0), abs(self.upper))


@dataclass(frozen=True, slots=True, repr=False)
class WorldLimits(JsonResult):
    """All of them, at one confidence level."""

    limits: tuple[WorldLimit, ...]
    confidence_level: float
    nuhist_version: str

    @property
    def summary(self) -> str:
        """How many."""
        ours = sum(entry.ours for entry in self.limits)
        level = f"{percent(self.confidence_level)} CL"
        return f"{len(self.limits) - ours} published limits and {ours} of workspaces at {level}"

    def table(self) -> Table:
        """A row for each limit."""
        names = ("quantity", "flavor", "lower", "upper", "experiment", "source", "ours", "data_kind")
        return Table.of(self.limits, *names)


def published_limits() -> tuple[WorldLimit, ...]:
    """The limits in the package's table, each with its source."""
    header, rows = read_rows(_TABLE)
    found = []
    for row in rows:
        entry = dict(zip(header, row, strict=True))
        found.append(
            WorldLimit(
                quantity=entry["quantity"],
                flavor=entry["flavor"],
                lower=float(entry["lower"]) if entry["lower"] else None,
                upper=float(entry["upper"]),
                experiment=entry["experiment"],
                source=entry["source"],
                ours=False,
                data_kind="observed",
            )
        )
    return tuple(found)


def world_limits(
    models: Sequence[Model | Source] = (),
    labels: Sequence[str] = (),
    *,
    method: str | None = None,
) -> WorldLimits:
    """Published limits, and those of workspaces, at 90 % C.L.

    Parameters
    ----------
    models
        Models of a magnetic moment or a charge, or what models are made from.
    labels
        One for each model; by default the name of its file.
    method
        See :func:`nuhist.limit`.

    Raises
    ------
    OptionError
        If there is a method and no model.
    ConfigError
        If a model is of another coupling, or there are not as many labels as models.
    FitError
        If a model gives no limit on the modulus.
    """
    if labels and len(labels) != len(models):
        raise ConfigError(f"{len(labels)} labels for {len(models)} workspaces; give one for each or none")
    if method is not None and not models:
        raise OptionError("method=...: does nothing without a workspace")
    made = [as_model(model) for model in models]
    names = labels or [model_name(model.source) for model in made]
    ours = tuple(_ours(model, name, method or "profile") for model, name in zip(made, names, strict=True))
    return WorldLimits((*published_limits(), *ours), CONFIDENCE_LEVEL, __version__)


def _ours(model: Model, name: str, method: str) -> WorldLimit:
    interval = limit(model, method=method, confidence_level=CONFIDENCE_LEVEL)
    for quantity in QUANTITIES:
        flavor = _FLAVORS.get(interval.coupling.removeprefix(quantity))
        known = interval.unit == UNITS[quantity]  # a parameter of this name may be anything
        if known and interval.coupling.startswith(quantity) and flavor is not None:
            break
    else:
        unit = f" in {interval.unit}" if spaced(interval.unit) else ", a plain number"
        raise ConfigError(
            f"{name}: its coupling is {interval.coupling}{unit}; the table has mu_nu in mu_B and"
            " q_nu in e_0 only"
        )
    signed = (interval.parameter_best_fit < 0) or interval.lower is not None
    if interval.upper is None or (signed and interval.lower is None):
        raise FitError(f"{name}: no limit on the modulus of {interval.coupling}: its interval is open")
    lower = interval.lower if interval.lower is not None and interval.lower < 0 else None
    kind = interval.data_kind
    data = "" if kind == "observed" else f"{describe(kind)}; "
    source = f"{data}nuhist, {interval.method}, workspace {interval.workspace_digest[:12]}"
    return WorldLimit(quantity, flavor, lower, interval.upper, name, source, ours=True, data_kind=kind)
