"""What alea's YAML says of parameters, terms and sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nuhist.errors import ExchangeError
from nuhist.exchange.alea.anchored import Anchored
from nuhist.exchange.alea.factors import RATE, Factor
from nuhist.exchange.alea.layout import axes_of, file_name, template_name
from nuhist.histfactory.workspace import Workspace

LIVETIME = "livetime"
_NUMBER = ":.9g"  # of an anchor in the name of a template


def definition(
    workspace: Workspace,
    known: Mapping[str, Factor],
    samples: Sequence[Anchored],
) -> str:
    """The YAML of a model."""
    import yaml

    parameters: dict[str, Any] = {LIVETIME: {"nominal_value": 1.0, "ptype": "livetime", "fittable": False}}
    meanings = (workspace.sidecar or {}).get("parameters", {})
    anchors = {f.name: a for each in samples for f, a in zip(each.shapes, each.anchors, strict=True)}
    for name, factor in known.items():
        parameters[factor.alea] = _parameter(factor, anchors.get(name), meanings.get(name, {}).get("meaning"))
    for each in samples:
        if all(factor.form != "rate" for factor in each.linear):
            if f"{each.source}{RATE}" in parameters:
                raise ExchangeError(
                    f"{workspace.origin}: '{each.source}{RATE}' would be two parameters; rename one"
                )
            parameters[f"{each.source}{RATE}"] = {"nominal_value": 1.0, "ptype": "rate", "fittable": False}
    terms = []
    for channel in workspace.spec["channels"]:
        name = channel["name"]
        terms.append(
            {
                "name": name,
                "default_source_class": "alea.template_source.TemplateSource",
                "likelihood_type": "blueice.likelihood.BinnedLogLikelihood",
                "analysis_space": [
                    {axis.name: [float(edge) for edge in axis.edges]} for axis in axes_of(workspace, name)
                ],
                "in_events_per_bin": True,
                "livetime_parameter": LIVETIME,
                "slice_args": {},
                "sources": [_source(each) for each in samples if each.channel == name],
            }
        )
    document = {"parameter_definition": parameters, "likelihood_config": {"likelihood_terms": terms}}
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    return f"# Written by nuhist. Templates are in this folder: alea takes it as template_path.\n{text}"


def _parameter(factor: Factor, anchors: Sequence[float] | None, meaning: str | None) -> dict[str, Any]:
    nominal = factor.start if factor.held or factor.sigma is None else factor.centre
    found: dict[str, Any] = {
        "nominal_value": factor.value(nominal),
        "ptype": factor.form,
        "fittable": not factor.held,
    }
    low, high = (anchors[0], anchors[-1]) if anchors else factor.limits
    if not factor.held:
        if factor.sigma is not None:
            found |= {"uncertainty": factor.sigma, "relative_uncertainty": False}
        start = min(max(factor.value(factor.start), low), high)
        found |= {"fit_guess": start, "parameter_interval_bounds": [low, high]}
    found["fit_limits"] = [low, high]
    if anchors:
        found["blueice_anchors"] = list(anchors)
    return found | ({"description": meaning} if meaning else {})


def _source(sample: Anchored) -> dict[str, Any]:
    rate = next((factor.alea for factor in sample.linear if factor.form == "rate"), f"{sample.source}{RATE}")
    efficiency = [factor.alea for factor in sample.linear if factor.form == "efficiency"]
    shapes = [factor.alea for factor in sample.shapes]
    found: dict[str, Any] = {
        "name": sample.source,
        "histname": template_name([f"{{{name}{_NUMBER}}}" for name in shapes]),
        "parameters": [rate, *efficiency, *shapes],
        "named_parameters": shapes,
        "template_filename": file_name(sample),
    }
    return found | ({"apply_efficiency": True, "efficiency_name": efficiency[0]} if efficiency else {})
