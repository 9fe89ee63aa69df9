"""Limits that the collaborations published themselves, beside ours."""

from __future__ import annotations

from dataclasses import dataclass

from nuhist.__about__ import __version__
from nuhist.experiments.experiment import FluxModel
from nuhist.experiments.loading import bundled_experiments, load_experiment
from nuhist.histfactory.build import build
from nuhist.inference.results import JsonResult
from nuhist.methods.limits import limit
from nuhist.physics.hypotheses import Dependence, get_hypothesis
from nuhist.showing import Table

_METHODS: tuple[str, ...] = ("profile", "cls")


@dataclass(frozen=True, slots=True)
class PublishedLimit:
    """One published upper limit and ours, by flux model and method, in ``unit``; with ratios."""

    experiment: str
    hypothesis: str
    flavor: str
    source: str
    unit: str
    published: float
    ours: dict[str, float | None]
    ratios: dict[str, float | None]


@dataclass(frozen=True, slots=True, repr=False)
class PublishedLimits(JsonResult):
    """All of them, at 90 % C.L."""

    limits: tuple[PublishedLimit, ...]
    nuhist_version: str

    @property
    def summary(self) -> str:
        """How many."""
        return f"{len(self.limits)} limits published by collaborations, and ours"

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all of ours, those of the paper's flux first."""
        found = dict.fromkeys(name for entry in self.limits for name in entry.ours)
        return tuple(sorted(found, key=lambda name: "split" in name))

    def table(self) -> Table:
        """A row for each limit, a column for each of ours."""
        names = ("experiment", "hypothesis", "flavor", "source", "unit", "published")
        ours = self.columns
        plain = Table.of(self.limits, *names)
        pairs = zip(plain.rows, self.limits, strict=True)
        rows = ((*row, *(entry.ours.get(name) for name in ours)) for row, entry in pairs)
        return Table((*names, *ours), tuple(rows))


def compare_published() -> PublishedLimits:
    """Compute the limits that bundled experiments quote as published by their collaborations."""
    limits = []
    for name in bundled_experiments():
        experiment = load_experiment(name)
        fluxes: tuple[FluxModel, ...] = ("split",)
        if experiment.neutrino_source(experiment.treatment()).common_uncertainty is not None:
            fluxes = ("paper", "split")
        for entry in experiment.published:
            ours: dict[str, float | None] = {}
            unit = ""
            for flux in fluxes:
                workspace = build(name, hypothesis=entry["hypothesis"], flavor=entry["flavor"], flux=flux)
                signed = get_hypothesis(entry["hypothesis"]).dependence is Dependence.POLYNOMIAL
                for method in ("profile",) if signed else _METHODS:  # CLs gives no interval of two sides
                    interval = limit(workspace, method=method)
                    ours[f"{method}, flux {flux}"] = interval.upper
                    unit = interval.unit
            published = float(entry["upper"])
            limits.append(
                PublishedLimit(
                    experiment=name,
                    hypothesis=entry["hypothesis"],
                    flavor=entry["flavor"],
                    source=entry["source"],
                    unit=unit,
                    published=published,
                    ours=ours,
                    ratios={key: None if value is None else value / published for key, value in ours.items()},
                )
            )
    return PublishedLimits(tuple(limits), __version__)
