"""What a page's section on one model shows, ready for the template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nuhist.histfactory.data_kind import describe
from nuhist.histfactory.interest import coupling_scale
from nuhist.histfactory.patchset import SignalGrid
from nuhist.inference.fit import counts_per_event
from nuhist.inference.results import FittedSample
from nuhist.inference.study_results import Ranking
from nuhist.physics.coupling import CouplingScale
from nuhist.physics.hypotheses import title_of
from nuhist.report.correlation_figure import correlation_figure
from nuhist.report.figures import to_svg
from nuhist.report.page_chart import Chart, make_chart
from nuhist.report.page_provenance import Download, commands, downloads
from nuhist.report.page_study import Study
from nuhist.report.profile_figure import profile_figure
from nuhist.report.profiles import scan_line
from nuhist.report.pulls import Pull
from nuhist.report.pulls_figure import pulls_figure
from nuhist.report.ranking_figure import ranking_figure

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.figure import Figure

METHODS = {"profile": "Profile likelihood", "cls": "CLs", "feldman-cousins": "Feldman-Cousins"}
_NARROW = 4.6  # inches
_PARTS = {
    "tested": "What was tested",
    "result": "Result",
    "spectrum": "Spectrum",
    "yields": "Events per component",
    "fit": "Fit",
    "goodness": "Goodness of fit",
    "scan": "Δχ²",
    "pulls": "Pulls",
    "ranking": "Ranking",
    "provenance": "Provenance",
    "files": "Files",
}
_FLAVORS = {
    "effective": "one coupling that all flavours share",
    "e": "of the electron neutrino alone",
    "mu": "of the muon neutrino alone",
    "tau": "of the tau neutrino alone",
}


@dataclass(frozen=True, slots=True)
class ChannelView:
    """A channel: what it is, its events, and those of its samples before and after the fit."""

    name: str
    title: str
    bins: int
    low: float | None
    high: float | None
    axes: tuple[str, ...]
    exposure: float | None
    observed: float
    samples: tuple[FittedSample, ...]
    sources: tuple[str, ...]
    license: str | None
    url: str | None
    assumptions: tuple[str, ...]

    @property
    def before(self) -> float:
        """Events of all samples before the fit."""
        return sum(entry.before for entry in self.samples)

    @property
    def after(self) -> float:
        """Events of all samples after the fit."""
        return sum(entry.after for entry in self.samples)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture; one that ``fits`` may be scaled down to a telephone, another one is scrolled."""

    svg: Markup
    fits: bool


@dataclass(frozen=True, eq=False)
class Section:
    """All that the template shows of one model.

    Attributes
    ----------
    key
        What its anchors and ids begin with.
    study
        The results.
    name
        Name of the file or folder.
    parts
        What it is divided into, with the titles.
    headline, tested, flavor
        The hypothesis with the channels, alone, and whose coupling it is; empty if unknown.
    interest
        What the parameter of interest stands for, or None.
    channels, charts, scan
        Tables, spectra and the curve of Δχ².
    correlations, pulls, ranking
        Pictures of them.
    commands, downloads
        How to redo it, and files.
    """

    key: str
    study: Study
    name: str
    parts: dict[str, str]
    headline: str
    tested: str
    flavor: str
    interest: CouplingScale | None
    channels: tuple[ChannelView, ...]
    charts: tuple[Chart, ...]
    scan: Drawing | None
    correlations: Drawing | None
    pulls: Drawing | None
    ranking: Drawing | None
    commands: tuple[str, ...]
    downloads: tuple[Download, ...]

    @property
    def sidecar(self) -> dict[str, Any]:
        """Sidecar of the workspace; empty if unknown."""
        return dict(self.study.workspace.sidecar or {})

    @property
    def methods(self) -> dict[str, str]:
        """Names of methods for readers."""
        return METHODS

    def pull_of(self, parameter: str) -> Pull | None:
        """Pull of a parameter, or None where it has no constraint."""
        found = self.study.pulls.pulls if self.study.pulls else ()
        return next((entry for entry in found if entry.parameter == parameter), None)

    @property
    def data(self) -> str:
        """What the data are."""
        return describe(self.study.model.data_kind)

    @property
    def observed(self) -> str:
        """Heading of what the fit is made to."""
        kind = self.study.model.data_kind
        return "Observed" if kind == "observed" else f"Data ({describe(kind)})"

    @property
    def has_cls(self) -> bool:
        """Whether there is a limit from CLs."""
        return self.study.interval("cls") is not None

    @property
    def grid_ends(self) -> tuple[float, float]:
        """First and last coupling of a grid."""
        grid = self.study.model
        if not isinstance(grid, SignalGrid):
            return 0.0, 0.0
        convert = grid.coupling.to_coupling
        return convert(grid.points[0].value), convert(grid.points[-1].value)

    @property
    def is_grid(self) -> bool:
        """Whether the model is a grid of signal points."""
        return isinstance(self.study.model, SignalGrid)


def make_section(key: str, study: Study) -> Section:
    """Prepare one model for the template.

    Parameters
    ----------
    key
        What its anchors and ids begin with.
    study
        Its results.
    """
    sidecar = study.workspace.sidecar or {}
    named = sidecar.get("hypothesis", "")
    titles = [title_of(each) or each for each in (named, *_further(sidecar))]
    tested = " and ".join(dict.fromkeys(titles))
    channels = tuple(_channel(study, channel["name"]) for channel in study.workspace.spec["channels"])
    poi = study.workspace.interest()
    interest = coupling_scale(study.workspace, poi) if poi else None
    missing = set() if interest else {"result", "scan", "ranking"}
    if isinstance(study.model, SignalGrid):
        missing |= {"pulls", "ranking"}
    where = ", ".join(channel.name for channel in channels)
    return Section(
        key=key,
        study=study,
        name=study.path.name,
        parts={part: title for part, title in _PARTS.items() if part not in missing},
        headline=f"{tested[0].upper()}{tested[1:]}: {where}" if tested else str(study.path),
        tested=tested,
        flavor="" if "further" in sidecar else _FLAVORS.get(sidecar.get("flavor", ""), ""),
        interest=interest,
        channels=channels,
        charts=tuple(make_chart(spectrum) for spectrum in study.spectra),
        scan=draw_scans([study], f"{key}-scan"),
        correlations=drawing(correlation_figure(study.fit), f"{key}-correlations") if study.fit else None,
        pulls=_pulls(study, f"{key}-pulls"),
        ranking=_ranking(study, interest, f"{key}-ranking"),
        commands=commands(study),
        downloads=downloads(study),
    )


def draw_scans(studies: Sequence[Study], name: str = "together") -> Drawing | None:
    """Δχ² curves of all studies that have one, in one figure; None where they cannot share an axis."""
    lines = [scan_line(study.path.stem, study.scan) for study in studies if study.scan is not None]
    if not lines or len({line.unit for line in lines}) > 1:
        return None
    return drawing(profile_figure(lines), name, height=3.6 if len(lines) == 1 else None)


def _further(sidecar: Mapping[str, Any]) -> list[str]:
    """Hypotheses besides the one of interest, by name."""
    return [entry.get("hypothesis", entry["coupling"]["coupling"]) for entry in sidecar.get("further", ())]


def _pulls(study: Study, name: str) -> Drawing | None:
    if study.pulls is None or not study.pulls.pulls:
        return None
    figure = pulls_figure(study.pulls)
    return drawing(figure, name, height=float(figure.get_figheight()))


def _ranking(study: Study, interest: CouplingScale | None, name: str) -> Drawing | None:
    if study.ranking is None or not _has_impacts(study.ranking):
        return None
    return drawing(ranking_figure(study.ranking, interest), name)


def _has_impacts(ranking: Ranking) -> bool:
    """Whether any parameter moves the parameter of interest."""
    return any(entry.impact_up or entry.impact_down for entry in ranking.impacts)


def drawing(figure: Figure, name: str, *, height: float | None = None) -> Drawing:
    """A figure as it is, or with a height in inches made narrow enough for a telephone."""
    from markupsafe import Markup

    if height is not None:
        figure.set_size_inches(_NARROW, height)
    # Outlines only: no text of a workspace is in it.
    return Drawing(Markup(to_svg(figure, name)), fits=height is not None)  # noqa: S704


def _channel(study: Study, name: str) -> ChannelView:
    workspace = study.workspace
    described = (workspace.sidecar or {}).get("channels", {}).get(name, {})
    counts = workspace.observed()[name]
    edges = described.get("edges_keV")
    samples = study.fit.samples if study.fit else ()
    return ChannelView(
        name=name,
        title=described.get("title", name),
        bins=len(counts),
        low=edges[0] if edges else None,
        high=edges[-1] if edges else None,
        axes=tuple(str(axis["name"]) for axis in described.get("axes", ())),
        exposure=described.get("exposure_tonne_year"),
        observed=sum(counts) / counts_per_event(workspace, name),
        samples=tuple(entry for entry in samples if entry.channel == name),
        sources=tuple(described.get("sources", ())),
        license=described.get("license"),
        url=described.get("url"),
        assumptions=tuple(described.get("assumptions", ())),
    )
