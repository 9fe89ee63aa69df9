"""The figures by name: nuhist's own, and those of other packages; drawn from Python as from the shell."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from nuhist.entry_points import Offers, with_entry_points
from nuhist.errors import ConfigError, OptionError, unknown_option
from nuhist.offered import Option, refuse_unknown_options
from nuhist.report.canvas import Look, with_look
from nuhist.report.figure import FigureKind
from nuhist.values import as_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_RESPONSE = Option("response", "matrix, gaussian or none [default: the experiment's].", "KIND")
_PARAMETERS = Option("most", "Parameters, the most important ones.", "N", least=1)

FIGURES = (
    FigureKind(
        "nuhist.report.spectrum_figure:draw_spectrum",
        "Observed and expected events per bin of each channel, by component, with residuals.",
        "lz.json --coupling 2.8e-11 -o lz.pdf",
        (
            Option("channels", "Name of a channel; may be repeated [default: all].", "NAME", "channel"),
            Option("coupling", "Draw this coupling on the fit without it.", "X"),
            Option("signal", "Line over the stack: limit, fit, none or a coupling [default: limit].", "S"),
            Option("confidence_level", "Of the limit [default: 0.90].", "X", short="--cl"),
            Option("prefit", "Before the fit, with the uncertainties of the constraints."),
        ),
        name="spectrum",
    ),
    FigureKind(
        "nuhist.report.profile_figure:draw_scan",
        "Δχ² of one or several workspaces in one figure.",
        "e.json mu.json tau.json -o flavours.png",
        (Option("labels", "Of each curve, in order.", "TEXT", "label"),),
        name="scan",
        subject="models",
    ),
    FigureKind(
        "nuhist.report.cls_figure:draw_cls",
        "CLs against the coupling, observed and expected.",
        "lz.json -o cls.pdf",
        (Option("confidence_level", "Confidence level of the limits.", "X", short="--cl"),),
        name="cls",
    ),
    FigureKind(
        "nuhist.report.pulls_figure:draw_pulls",
        "How far the fit pulls each constrained parameter.",
        "lz.json -o pulls.pdf",
        (_PARAMETERS,),
        name="pulls",
    ),
    FigureKind(
        "nuhist.report.ranking_figure:draw_ranking",
        "Impact of each constrained parameter on the coupling, beside its pull.",
        "lz.json -o ranking.pdf",
        (_PARAMETERS,),
        name="ranking",
    ),
    FigureKind(
        "nuhist.report.correlation_figure:draw_correlations",
        "Correlations of the fitted parameters.",
        "lz.json -o correlations.pdf",
        (_PARAMETERS,),
        name="correlations",
    ),
    FigureKind(
        "nuhist.report.contour_figure:draw_contour",
        "Contours of Δχ² in two parameters, all others profiled.",
        "lz.json --parameters mu_nu_squared,lz_ws2022_beta_norm -o contour.pdf",
        (
            Option("parameters", "Names of two parameters.", "X[,..]"),
            Option("levels", "Joint confidence levels.", "L,..."),
        ),
        name="contour",
    ),
    FigureKind(
        "nuhist.report.exclusion_figure:draw_exclusion",
        "Contours of one or several RESULTs, files that nuhist exclusion has written.",
        "plane.json -o plane.pdf",
        (
            Option("labels", "Of each result, in order.", "TEXT", "label"),
            Option("published", "Curve to draw besides: CSV of x and y; may be repeated.", "FILE"),
            Option("palette", "safe for colour-blind readers, or field: green and yellow.", "NAME"),
            Option("limits", "The observed limits on the strength beside the points."),
            Option("log_x", "A logarithmic horizontal axis."),
        ),
        name="exclusion",
        subject="results",
    ),
    FigureKind(
        "nuhist.report.sensitivity_figure:draw_sensitivity",
        "Expected limits and significances against exposure, of a RESULT of nuhist sensitivity.",
        "forecast.json -o forecast.pdf",
        (
            Option("published", "Curve to draw besides: CSV of x and y; may be repeated.", "FILE"),
            Option("palette", "safe for colour-blind readers, or field: green and yellow.", "NAME"),
        ),
        name="sensitivity",
        subject="results",
    ),
    FigureKind(
        "nuhist.report.world_limits_figure:draw_world_limits",
        "Published limits on magnetic moment and charge at 90 % CL, and those of workspaces.",
        "lz.json xenonnt.json -o limits.pdf",
        (
            Option("labels", "Of each workspace, in order.", "TEXT", "label"),
            Option("method", "profile, cls or feldman-cousins [default: profile].", "M"),
        ),
        name="world-limits",
        subject="workspaces",
    ),
    FigureKind(
        "nuhist.report.detector_figure:draw_response",
        "Response matrix of an EXPERIMENT (a bundled name or a folder).",
        "lz_ws2022 -o response.png",
        (_RESPONSE,),
        name="response",
        subject="experiment",
    ),
    FigureKind(
        "nuhist.report.detector_figure:draw_efficiency",
        "Efficiency of one or several EXPERIMENTs against the true recoil energy.",
        "lz_ws2022 xenonnt_sr0 -o efficiency.pdf",
        (_RESPONSE,),
        name="efficiency",
        subject="experiments",
    ),
    FigureKind(
        "nuhist.report.neutrino_figure:draw_flux", "Fluxes of a source of neutrinos.", "-o flux.pdf",
        (Option("source", "[default: sun].", "NAME[:KEY=VALUE,...]"),), name="flux", subject="nothing",
    ),
    FigureKind(
        "nuhist.report.neutrino_figure:draw_cross_sections",
        "Cross sections of electromagnetic properties, and of other hypotheses, per target atom.",
        "--flavor e -o cross_section.pdf",
        (
            Option("flavor", "effective, e, mu or tau.", "F"),
            Option("neutrino_energy", "[default: averaged over the solar flux].", "KEV"),
            Option("couplings", "In μ_B, e₀ or cm² [default: 1e-11 μ_B, 1e-13 e₀, 1e-31 cm²].",
                   "HYPOTHESIS=VALUE", "coupling"),
            Option("atomic", "step or rrpa.", "KIND"),
            Option("source", "[default: sun].", "NAME[:KEY=VALUE,...]"),
            Option("target", "[default: xenon].", "NAME"),
        ),
        name="cross-section",
        subject="nothing",
    ),
)  # fmt: skip
ENTRY_POINTS = "nuhist.figures"  # group of the figures that other packages bring along


@cache
def figures() -> Offers[FigureKind]:
    """Figures by name."""
    return with_entry_points(FIGURES, ENTRY_POINTS, "figure", (), _check)


def figure_names() -> tuple[str, ...]:
    """Names of the figures that :func:`plot` draws, those of other packages included."""
    return tuple(figures())


def _check(entry: Any) -> None:
    if not isinstance(entry, FigureKind):
        raise TypeError("it is no nuhist.report.figure.FigureKind")
    refuse_unknown_options(entry)


@with_look
def plot(figure: str, subject: Any = None, **options: Any) -> Figure:
    """Draw a figure, by its name in the shell.

    Parameters
    ----------
    figure
        Such as ``"spectrum"``, ``"scan"``, ``"ranking"``, or a figure of another package.
    subject
        What the figure is of: a :class:`nuhist.Model` or what it is made from; a list of them for ``"scan"``
        and ``"world-limits"``; an experiment for ``"response"``, a list of them for ``"efficiency"``; results
        of :func:`nuhist.exclusion` or :func:`nuhist.sensitivity`, or their files, for ``"exclusion"`` and
        ``"sensitivity"``.
    options
        Options of the figure, as ``nuhist plot NAME --help`` names them, such as ``prefit=True`` of a
        spectrum.

    Returns
    -------
    The figure of matplotlib, to change or to save as you like.

    Raises
    ------
    ConfigError
        If there is no such figure, or its subject or an option makes no sense.
    DataError
        If matplotlib is not installed.

    Examples
    --------
    >>> import nuhist
    >>> workspace = nuhist.build("lz_ws2022", hypothesis="magnetic-moment")
    >>> figure = nuhist.plot("spectrum", workspace, prefit=True, title="LZ", log=True)
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['events / 0.333 keV', 'residual [σ]']
    """
    kind = figures().entry(figure)
    known = {*Look.__annotations__, *(option.name for option in kind.options)}
    for name in options:
        if name not in known:
            raise unknown_option(name, f"the figure '{figure}'", known)
    for option in kind.options:
        if option.least is not None and option.name in options:
            as_whole(options[option.name], option.name, option.least)
    drawn: Figure = kind.function()(*_subject(kind, subject), **options).figure
    return drawn


def _subject(kind: FigureKind, subject: Any) -> tuple[Any, ...]:
    """What the function of a figure takes."""
    from nuhist.experiments.experiment import Experiment
    from nuhist.experiments.loading import load_experiment, load_experiments
    from nuhist.inference.model import as_model

    several = [*subject] if isinstance(subject, list | tuple) else [] if subject is None else [subject]
    if kind.subject == "nothing":
        if several:
            raise OptionError(f"the figure '{kind.name}' is of nothing; leave its subject out")
        return ()
    if kind.subject in {"model", "experiment"} and len(several) != 1:
        raise ConfigError(f"the figure '{kind.name}' is of one {kind.subject}; {len(several)} given")
    if not several and kind.subject != "workspaces":
        raise ConfigError(f"the figure '{kind.name}' is of {kind.subject}; give one or several")
    made: Sequence[Any]
    if kind.subject == "experiment":
        made = [each if isinstance(each, Experiment) else load_experiment(each) for each in several]
    elif kind.subject == "experiments":
        made = load_experiments(several)
    elif kind.subject == "results":
        from nuhist.methods.result_files import read_result

        made = [read_result(each) for each in several]
    else:
        made = [as_model(each) for each in several]
    return (made[0],) if kind.subject in {"model", "experiment"} else (made,)
