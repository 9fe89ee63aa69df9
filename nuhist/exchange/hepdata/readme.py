"""README.md of the archive with the likelihoods."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from nuhist.exchange.hepdata.licenses import License
from nuhist.exchange.hepdata.names import BACKGROUND, PATCHSET
from nuhist.exchange.hepdata.recipe import patchset_recipe, workspace_recipe
from nuhist.exchange.hepdata.refit import SMALL
from nuhist.exchange.hepdata.results import ExpectedInterval, ExpectedResults, versions
from nuhist.exchange.hepdata.scattering import scattering_in, sentence
from nuhist.exchange.hepdata.study import Study
from nuhist.histfactory.data_kind import describe
from nuhist.histfactory.patchset import SignalGrid
from nuhist.histfactory.summary import UNKNOWN, summarise
from nuhist.histfactory.workspace import Workspace
from nuhist.inference.results import FittedParameter
from nuhist.physics.coupling import spaced
from nuhist.physics.hypotheses import title_of
from nuhist.physics.rate_options import ELECTRON
from nuhist.values import percent

_INTRODUCTION = """\
The files are statistical models in the HistFactory JSON format. [pyhf](https://pyhf.readthedocs.io)
reads them (`pip install pyhf`); nothing else is needed to fit them. `expected_results.json` has the
numbers below for programs."""
_SIDECARS = """\
Each `*.meta.json` is a sidecar with what the format cannot hold: bin edges in keV, what each parameter
means, its unit, sources."""

_FLAVORS = {
    "effective": "all flavours have the same coupling",
    "e": "electron neutrinos have the coupling",
    "mu": "muon neutrinos have the coupling",
    "tau": "tau neutrinos have the coupling",
}
_METHODS = {
    "profile": "2NLL, profiled over all other parameters, less than the threshold above its minimum",
    "cls": "CLs falls below 1 − CL; test statistic q-tilde (q where the parameter may be negative),"
    " asymptotic formulas (arXiv:1007.1727)",
}


def readme(
    studies: Sequence[Study],
    expected: Sequence[ExpectedResults],
    digests: Mapping[str, str],
    license: License,
    command: str | None,
) -> str:
    """Text of the README: a study and numbers per model, SHA-256 by file name, licence, the command."""
    sidecars = [_SIDECARS] if "sidecar" in map(kind_of, digests) else []
    parts = ["# Likelihoods", _INTRODUCTION, *sidecars]
    parts += ["## Expected results", _results(expected), _methods(expected)]
    for entry, numbers in zip(studies, expected, strict=True):
        parts += _model(entry, numbers)
    parts += ["## How to get the numbers again", *_recipes(expected)]
    files = [(f"`{name}`", kind_of(name), value) for name, value in digests.items()]
    parts += ["## Files", _table(("file", "what", "SHA-256"), files)]
    parts += ["## Made with", _table(("package", "version"), list(versions().items()))]
    if command is not None:
        parts += ["The submission was written by", _code(command, "console")]
    parts.append(f"Licence: [{cell(license.name)}]({license.url}).")
    return "\n\n".join(parts) + "\n"


def shown(value: float | None) -> str:
    """A number as the README has it: six digits."""
    return "–" if value is None else f"{value:.6g}"


def result_cells(model: ExpectedResults, interval: ExpectedInterval) -> tuple[str, ...]:
    """One line of the README's table of results."""
    return (
        model.name,
        cell(model.coupling or ""),
        cell(model.unit or ""),
        interval.method,
        percent(interval.confidence_level),
        shown(interval.lower),
        shown(interval.upper),
        shown(interval.best_fit),
        shown(interval.parameter_lower),
        shown(interval.parameter_upper),
        shown(interval.parameter_best_fit),
        shown(model.min_chi2),
    )


def row(cells: Sequence[str]) -> str:
    """A row of a table."""
    return f"| {' | '.join(cells)} |"


def cell(text: str) -> str:
    """A text that stands in a table as it is: Markdown and HTML mean nothing in it."""
    plain = " ".join(text.split())
    for character in "\\`*[<|&":
        plain = plain.replace(character, f"\\{character}")
    return plain


def kind_of(name: str) -> str:
    """What a file of the archive is."""
    stem = name.removesuffix(".json")
    if stem.endswith(".meta"):
        return "sidecar"
    if stem.split(".")[-1] == BACKGROUND:
        return "background-only workspace"
    return "signal points" if stem.split(".")[-1] == PATCHSET else "workspace"


def _results(expected: Sequence[ExpectedResults]) -> str:
    header = (
        "model", "coupling", "unit", "method", "CL", "lower", "upper", "best fit",
        "parameter: lower", "upper", "best fit", "min_chi2",
    )  # fmt: skip
    rows = [result_cells(model, interval) for model in expected for interval in model.intervals]
    lines = [f"{model.name}: {_minimum(model)}" for model in expected if not model.intervals]
    return "\n\n".join([_table(header, rows), *lines] if rows else lines)


def _minimum(model: ExpectedResults) -> str:
    return f"no parameter of interest; min_chi2 {shown(model.min_chi2)}"


def _methods(expected: Sequence[ExpectedResults]) -> str:
    lines = []
    for method, text in _METHODS.items():
        found = [entry for model in expected for entry in model.intervals if entry.method == method]
        if found:
            level = found[0].delta_chi2
            lines.append(f"- {method}: {text}" + (f"; threshold {level:.4f}" if level else ""))
    lines.append("- –: one-sided by construction, or open within the parameter's bounds")
    lines.append(
        "- min_chi2: 2NLL at the best fit less that of the saturated model, in which every Poisson term and"
        " every constraint is at its own maximum; 2NLL is −2 ln L"
    )
    return "\n".join(lines)


def _model(entry: Study, numbers: ExpectedResults) -> list[str]:
    sidecar = entry.workspace.sidecar or {}
    parts = [f"## {entry.name}", "\n".join(_physics(entry, sidecar))]
    names = [channel["name"] for channel in entry.workspace.spec["channels"]]
    parts += [_channel(name, entry.workspace, sidecar) for name in names]
    parts += ["### Parameters", _parameters(entry)]
    if sidecar.get("command"):
        parts += ["### Command", "The model was built by", _code(sidecar["command"], "console")]
    what = "PatchSet" if numbers.workspace is None else "workspace, as `pyhf digest` prints it"
    lines = [f"- SHA-256 of the {what}: `{numbers.digest}`"]
    if numbers.twice_nll is not None:
        lines.append(f"- 2NLL at the best fit, constants included: {numbers.twice_nll:.6f}")
    if numbers.patchset is not None and entry.points is not None:
        files = f"{numbers.background} {numbers.patchset}"
        last = entry.points.points[-1]
        unit = f"{entry.points.coupling.reference:g}{spaced(cell(entry.points.coupling.unit))}"
        lines += [
            f"- {len(entry.points.points)} signal points: `pyhf patchset verify {files}`",
            f"- the workspace of one: `pyhf patchset apply {files} --name {last.name}`; its strength `mu` is"
            f" 1 at the patch's coupling, which is in units of {unit}",
        ]
    for interval in entry.intervals:
        lines += [f"- {interval.method}: {cell(note)}" for note in interval.notes]
        if interval.interpolation_error is not None and not interval.notes:
            error = f"{interval.interpolation_error:.1g} {cell(interval.unit)}"
            lines.append(f"- {interval.method}: interpolated between signal points, to ± {error}")
    lines += [f"- {cell(note)}" for note in entry.notes]
    return [*parts, "### Checks", "\n".join(lines)]


def _in_unit(unit: str) -> str:
    return f"is in {unit}" if spaced(unit) else "has none, either"


def _physics(entry: Study, sidecar: Mapping[str, Any]) -> list[str]:
    title = title_of(sidecar.get("hypothesis", ""))
    lines = []
    if entry.model.data_kind != "observed":
        lines.append(f"- data: {describe(entry.model.data_kind)}")
    if title is not None:
        flavors = _FLAVORS.get(sidecar.get("flavor", ""))
        lines.append(f"- hypothesis: {'; '.join(filter(None, (title, flavors)))}")
        found = scattering_in(sidecar.get("channels", {}).values())
        physics = f"{sentence(found)}; spectra of recoils are folded with the response of each detector"
        physics += ", of electrons as in arXiv:2207.05036" if ELECTRON in {x.process for x in found} else ""
        own = "" if flavors else ", beside a signal that is no neutrino's and is folded with it, too"
        lines.append(f"- physics: {cell(physics + own)}")
    if isinstance(entry.model, SignalGrid):
        scale = entry.model.coupling
        lines.append(
            f"- coupling: {cell(scale.coupling)}, the label of the patches, in units of"
            f" {scale.reference:g}{spaced(cell(scale.unit))}"
        )
    elif entry.intervals and "poi" in sidecar:
        poi = sidecar["poi"]
        lines.append(
            f"- parameter of interest: {cell(poi['name'])} = {cell(poi['meaning'])}; it has no unit, and the"
            f" coupling {cell(poi['coupling'])} {_in_unit(cell(poi['unit']))}"
        )
    elif entry.intervals:
        name = cell(entry.intervals[0].parameter)
        lines.append(f"- parameter of interest: {name}, a plain number")
    return lines


def _channel(name: str, workspace: Workspace, sidecar: Mapping[str, Any]) -> str:
    described = sidecar.get("channels", {}).get(name, {})
    observed = workspace.observed()[name]
    title = f": {cell(described['title'])}" if "title" in described else ""
    lines = [f"Channel {cell(name)}{title}", ""]
    if "edges_keV" in described:
        edges = described["edges_keV"]
        lines.append(f"- {len(observed)} bins, {edges[0]:g} to {edges[-1]:g} keV")
    else:
        axes = [cell(axis["name"]) for axis in described.get("axes", ())]
        lines.append(f"- {len(observed)} bins{' of ' if axes else ''}{', '.join(axes)}")
    unit = described.get("counts_per_event", 1)
    per_event = f"; an event is {unit:g} counts" if unit != 1 else ""
    kind = workspace.data_kind
    what = "observed" if kind == "observed" else f"({describe(kind)})"
    lines.append(f"- {sum(observed):g} counts {what}{per_event}")
    if "exposure_tonne_year" in described:
        lines.append(f"- exposure {described['exposure_tonne_year']:.4g} t yr")
    keys = [key for key in ("background", "response") if key in described]
    lines += [f"- {key}: {cell(str(described[key]))}" for key in keys]
    samples = described.get("samples", {}).values()
    lines += [f"- samples: {cell('; '.join(samples))}"] if samples else []
    replaced = described.get("templates", {}).items()
    lines += [f"- counts of {cell(sample)} from {cell(source)}" for sample, source in replaced]
    lines += [f"- source: {cell(text)}" for text in described.get("sources", ())]
    lines += [f"- licence: {cell(described['license'])}"] if "license" in described else []
    lines += [f"- published at {cell(described['url'])}"] if "url" in described else []
    lines += [f"- assumption: {cell(text)}" for text in described.get("assumptions", ())]
    return "\n".join(lines)


def _parameters(entry: Study) -> str:
    fitted = {item.name: item for item in entry.fit.parameters} if entry.fit else {}
    header = ("name", "type", "meaning", "unit", "fitted")
    rows = [
        (
            cell(parameter.name),
            "/".join(parameter.types),
            "" if parameter.meaning == UNKNOWN else cell(parameter.meaning),
            cell(parameter.unit or ""),
            _fitted(fitted.get(parameter.name)),
        )
        for parameter in summarise(entry.workspace).parameters
    ]
    # Columns of which nothing is known say nothing.
    kept = [index for index in range(len(header)) if index < 2 or any(cells[index] for cells in rows)]
    return _table([header[index] for index in kept], [[cells[index] for index in kept] for cells in rows])


def _fitted(parameter: FittedParameter | None) -> str:
    if parameter is None:
        return ""
    if parameter.uncertainty is None:
        return f"{parameter.value:.3g}"
    return f"{parameter.value:.3g} ± {parameter.uncertainty:.2g}"


def _recipes(expected: Sequence[ExpectedResults]) -> list[str]:
    """A program for the first workspace and one for the first grid alone; the others are like them."""
    parts = []
    with_limits = [model for model in expected if model.intervals]
    workspaces = [model for model in with_limits if model.workspace is not None]
    grids = [model for model in with_limits if model.workspace is None]
    if workspaces:
        parts += [
            f"Profile likelihood of `{workspaces[0].workspace}`, with stock pyhf and SciPy, in Python:",
            _code(workspace_recipe(workspaces[0]), "python"),
        ]
    if grids:
        parts += [
            f"The same from the signal points of `{grids[0].patchset}`:",
            _code(patchset_recipe(grids[0]), "python"),
        ]
    first = with_limits[0] if with_limits else expected[0]
    file = first.workspace or first.background
    said, option = "With pyhf's command line:", ""
    if _is_small(first):
        said = "With pyhf's command line and Minuit, as SciPy's steps do not suit so small a parameter:"
        option = " --optimizer minuit"
    parts += [said, _code(f"pyhf inspect {file}\npyhf fit --value{option} {file}", "console")]
    return parts


def _is_small(model: ExpectedResults) -> bool:
    """Whether the parameter of interest is a signed coupling over a large scale."""
    ends = [end for each in model.intervals for end in (each.parameter_lower, each.parameter_upper)]
    return any(ends) and all(abs(end) < SMALL for end in ends if end is not None)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join([row(header), row(["---"] * len(header)), *map(row, rows)])


def _code(text: str, language: str) -> str:
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"
