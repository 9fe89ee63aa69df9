"""alea's models as workspaces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nuhist.__about__ import __version__
from nuhist.errors import OptionError, unknown_name
from nuhist.exchange.alea.data import Events, read_events
from nuhist.exchange.alea.deviation import BEST_FIT, Deviations, deviations
from nuhist.exchange.alea.document import read_model
from nuhist.exchange.alea.kept import kept_workspace
from nuhist.exchange.alea.likelihood import AleaLikelihood, read_grids
from nuhist.exchange.alea.mapping import MAPPINGS, HistFactoryMapping
from nuhist.exchange.alea.model import AleaModel
from nuhist.exchange.alea.shares import remarks
from nuhist.exchange.luminosity import KEEP, NORMSYS, check_choice
from nuhist.histfactory.describe import describe
from nuhist.histfactory.templates import Channel
from nuhist.histfactory.workspace import Workspace, make_workspace
from nuhist.physics.coupling import CouplingScale


def import_alea(
    path: Path | str,
    *,
    templates: Path | None = None,
    data: Sequence[str] = (),
    settings: Sequence[str] = (),
    fix: Sequence[str] = (),
    free: Sequence[str] = (),
    poi: str | None = None,
    mapping: str = "anchors",
    lumi: str = KEEP,
    license: str | None = None,
    sources: Sequence[str] = (),
    ignore_metadata: bool = False,
    command: str | None = None,
    message: Callable[[str], None] = lambda _: None,
) -> Workspace:
    """Make a workspace of a statistical model of alea, with a channel for each of its terms.

    What nuhist exported gives back its workspace, unless options or files say otherwise.

    Parameters
    ----------
    path
        The YAML file.
    templates
        Folder of the templates; the file's own folder is looked in as well.
    data
        Files of events, ``FILE`` or ``TERM=FILE``; without them, what is expected without the signal.
    settings
        ``TERM/SOURCE=PATTERN`` for the templates of a source, ``NAME=VALUE`` for a nominal value.
    fix
        ``NAME=VALUE``: parameters that are held. A source whose rate is held at 0 is left out.
    free
        Parameters whose constraint is left out.
    poi
        The parameter of interest; the first rate without a constraint by default.
    mapping
        ``"anchors"`` meets alea's likelihood at the anchors, with samples of either sign; ``"positive"`` has
        a histosys and a normsys for each shape parameter and no negative sample.
    lumi
        ``"keep"``: the only efficiency or livetime with a constraint is a lumi, which is exact;
        ``"normsys"``: it keeps its own name and is nearly linear, since workspaces that have a lumi each
        cannot be combined.
    license, sources
        On which terms the model was published, and what to cite, see :func:`nuhist.describe`.
    ignore_metadata
        Read a file that nuhist wrote like any other.
    command
        What the sidecar names as origin.
    message
        Called with a line of text for what is left out, and for how near the workspace is to alea.

    Raises
    ------
    DataError
        If a file is missing or cannot be read.
    ExchangeError
        If the model is none that HistFactory can hold.
    """
    place, said = Path(path), partial(_said, license=license, sources=sources)
    check_choice(lumi)
    if mapping not in MAPPINGS:
        raise unknown_name("mapping", mapping, MAPPINGS)
    if not ignore_metadata and not (
        data or settings or fix or free or poi or templates or mapping != "anchors" or lumi != KEEP
    ):
        kept = kept_workspace(place, message)
        if kept is not None:
            return said(kept)
    patterns, values = _settings(settings)
    model = read_model(
        place, templates=templates, patterns=patterns, values=values, fixed=_numbers(fix, "fix"), free=free
    )
    for term in model.terms:
        for source in term.sources:
            for line in remarks(source):
                message(f"{path}: {term.name}/{source.name}: {line}")
    interest = _interest(model, poi)
    likelihood = AleaLikelihood(model, read_grids(model), {}, {})
    events = read_events(data, model, message) if data else _expected(likelihood, interest)
    likelihood = replace(likelihood, observed=events.counts, measured=events.measured)
    made = HistFactoryMapping(likelihood, mapping == "positive", lumi == KEEP)
    if lumi == NORMSYS and replace(made, exact=True).lumi is None:
        raise OptionError(f"{path}: has no lumi; leave lumi=... out")
    channels = [
        Channel(term.name, np.zeros(0), tuple(made.samples(term)), events.counts[term.name])
        for term in model.terms
    ]
    scale = CouplingScale.plain(made.name(interest)) if interest else CouplingScale("", "none", "1")
    description = {
        "nuhist_version": __version__,
        "command": command,
        "poi": {**asdict(scale), "meaning": scale.meaning if interest else "background only"},
    }
    workspace = make_workspace(
        channels, made.parameters(), made.name(interest) if interest else "", description,
        data="observed" if data else "asimov",
    )  # fmt: skip
    workspace = replace(workspace, origin=str(path))
    found = deviations(workspace, made)
    message(f"{path}: {_told(found)}")
    return said(replace(workspace, sidecar=_sidecar(workspace, model, mapping, found, events)))


def _said(workspace: Workspace, license: str | None, sources: Sequence[str]) -> Workspace:
    """With terms and citations in the sidecar, if there are any."""
    return describe(workspace, license=license, sources=sources) if license or sources else workspace


def _settings(settings: Sequence[str]) -> tuple[dict[tuple[str, str], str], dict[str, float]]:
    """Patterns of sources, and values of parameters."""
    patterns: dict[tuple[str, str], str] = {}
    plain = []
    for text in settings:
        name, equals, value = text.partition("=")
        term, slash, source = name.partition("/")
        if not (slash and equals):
            plain.append(text)
        elif not (term and source and value):
            raise OptionError(f"settings=['{text}']: expected TERM/SOURCE=PATTERN or NAME=VALUE")
        else:
            patterns[term, source] = value
    return patterns, _numbers(plain, "settings")


def _numbers(settings: Sequence[str], option: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for text in settings:
        name, _, value = text.partition("=")
        try:
            number = float(value)
        except ValueError as error:
            raise OptionError(f"{option} {text}: expected NAME=VALUE with a number") from error
        if not np.isfinite(number) or name in found:
            raise OptionError(f"{option} {text}: expected one finite number for each name")
        found[name] = int(number) if value.lstrip("+-").isdigit() else number
    return found


def _interest(model: AleaModel, poi: str | None) -> str | None:
    used = {each.name: each for each in model.used() if each.fittable}
    if poi is not None:
        if poi not in used:
            raise unknown_name(f"parameter that can move in {model.origin}", poi, used)
        return poi
    return next((name for name, each in used.items() if each.kind == "rate" and each.sigma is None), None)


def _expected(likelihood: AleaLikelihood, interest: str | None) -> Events:
    """What is expected without the signal."""
    rate = interest is not None and likelihood.model.parameters[interest].kind == "rate"
    values = likelihood.values({interest: 0.0} if interest and rate else None)
    return Events({term.name: likelihood.expected(term, values) for term in likelihood.model.terms}, {}, {})


def _told(found: Deviations) -> str:
    sizes = [f"{found.largest(size) or 0:.2g} at ±{size}σ of shape parameters" for size in (1, 2)]
    points = f"{', '.join(sizes)}, " if found.largest(1) is not None else ""
    return (
        f"2 ln L is alea's but for {points}{abs(found.changes[BEST_FIT]):.2g} at the best fit, and a"
        f" constant: ln L(alea) = ln L(pyhf) {found.constant:+.10f}"
    )


def _sidecar(
    workspace: Workspace, model: AleaModel, mapping: str, found: Deviations, events: Events
) -> dict[str, Any]:
    sidecar = dict(workspace.sidecar or {})
    channels = {}
    for term in model.terms:
        entry = {key: value for key, value in sidecar["channels"][term.name].items() if key != "edges_keV"}
        entry["axes"] = [{"name": axis.name, "edges": axis.edges.tolist()} for axis in term.axes]
        if term.name in events.digests:
            entry["dataset"] = f"sha256:{events.digests[term.name]}"
        livetime = model.parameters[term.livetime].nominal if term.livetime else None
        assumptions = [f"livetime {livetime:g}, as {model.origin} has it"] if livetime is not None else []
        channels[term.name] = {**entry, "title": term.name, "assumptions": assumptions}
    imported = {
        "format": "alea",
        "mapping": mapping,
        "log_likelihood_constant": found.constant,
        "deviations_of_2lnL": found.record(),
        "best_fit": dict(found.best),
    }
    return {**sidecar, "channels": channels, "imported": imported}
