"""Likelihood terms of alea's YAML, and their sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nuhist.errors import ExchangeError
from nuhist.exchange.alea.entries import (
    as_list,
    as_mapping,
    as_text,
    as_truth,
    axis_number,
    known,
    needed,
    parameter_names,
    positive,
)
from nuhist.exchange.alea.model import (
    RATE_SUFFIX,
    TO_BE_DONE,
    Parameter,
    Slice,
    Source,
    Term,
)
from nuhist.exchange.alea.space import edges, numbers
from nuhist.exchange.inference_interface.files import MOST_AXES, Axis
from nuhist.values import shown

_LARGEST_BINS = 1_000_000
_BINNED = ("blueice.likelihood.BinnedLogLikelihood", "blueice.BinnedLogLikelihood")
_TEMPLATES = ("alea.template_source.TemplateSource", "alea.TemplateSource")
_SOURCE = {
    "name", "class", "histname", "parameters", "named_parameters", "template_filename", "apply_efficiency",
    "efficiency_name", "in_events_per_bin", "slice_args", "histogram_scale_factor", "normalise_template",
    "log10_bins", "convert_to_uniform",
}  # fmt: skip
_TERM = {"default_source_class", "likelihood_type", "analysis_space", "livetime_parameter", "sources"}


def read_term(
    content: Any, parameters: Mapping[str, Parameter], patterns: dict[tuple[str, str], str], where: str
) -> Term:
    """A likelihood term; what is used of the patterns is taken out of them."""
    entry = as_mapping(content, where)
    name = as_text(needed(entry, "name", where), f"{where}: name")
    where = f"{where} ({name})"
    settings = {key: value for key, value in entry.items() if key not in _TERM}
    known(settings, _SOURCE | {"likelihood_config", "source_wise_interpolation"}, where)
    kind = needed(entry, "likelihood_type", where)
    if kind not in _BINNED:
        raise ExchangeError(
            f"{where}: likelihood_type: {shown(kind)} cannot be held; HistFactory holds"
            " blueice.likelihood.BinnedLogLikelihood alone"
        )
    _refuse_settings(settings.pop("likelihood_config", None), f"{where}: likelihood_config")
    settings.pop("source_wise_interpolation", None)
    axes = []
    for index, each in enumerate(as_list(needed(entry, "analysis_space", where), f"{where}: analysis_space")):
        for axis, value in as_mapping(each, f"{where}: analysis_space[{index}]").items():
            place = f"{where}: analysis_space[{index}]: {axis}"
            axes.append(Axis(edges(value, place), as_text(axis, place)))
    names = [axis.name for axis in axes]
    if not axes or len(axes) > MOST_AXES or len(set(names)) < len(names):
        raise ExchangeError(f"{where}: analysis_space: expected axes of different names, at most {MOST_AXES}")
    livetime = entry.get("livetime_parameter")
    if livetime is not None and not (isinstance(livetime, str) and livetime in parameters):
        raise ExchangeError(f"{where}: livetime_parameter: there is no parameter {shown(livetime)}")
    duration = None if livetime is None else parameters[livetime].nominal
    if duration is not None and not duration > 0:
        raise ExchangeError(
            f"{where}: livetime_parameter: '{livetime}' is {duration:g}; expected more than 0"
        )
    default = entry.get("default_source_class")
    sources = []
    for index, each in enumerate(as_list(needed(entry, "sources", where), f"{where}: sources")):
        place = f"{where}: sources[{index}]"
        given = as_mapping(each, place)
        own = {key: value for key, value in settings.items() if key != "name"}
        source = _source({**own, "class": default, **given}, parameters, (name, patterns), place)
        sources.append(source)
    present = [source.name for source in sources]
    if not present or len(set(present)) < len(present):
        raise ExchangeError(f"{where}: sources: is empty, or has two of one name")
    kept = tuple(source for source in sources if not _is_off(parameters[source.rate]))
    term = Term(name, tuple(axes), kept, livetime)
    if term.bins > _LARGEST_BINS:
        raise ExchangeError(f"{where}: has {term.bins} bins; at most {_LARGEST_BINS} can be read")
    for source in kept:
        if source.filename == TO_BE_DONE:
            raise ExchangeError(
                f"{where}: source '{source.name}': template_filename: is {TO_BE_DONE}; name its files with"
                f" settings=['{name}/{source.name}=PATTERN'], or leave it out with fix=['{source.rate}=0']"
            )
    return term


def _is_off(rate: Parameter) -> bool:
    return not rate.fittable and rate.nominal == 0


def _source(
    entry: Mapping[str, Any],
    parameters: Mapping[str, Parameter],
    patterns: tuple[str, dict[tuple[str, str], str]],
    where: str,
) -> Source:
    name = as_text(needed(entry, "name", where), f"{where}: name")
    where = f"{where} ({name})"
    known(entry, _SOURCE, where)
    if entry["class"] not in _TEMPLATES:
        raise ExchangeError(
            f"{where}: class: {shown(entry['class'])} cannot be read; expected {_TEMPLATES[0]}"
        )
    used = parameter_names(needed(entry, "parameters", where), parameters, f"{where}: parameters")
    named = parameter_names(entry.get("named_parameters") or [], parameters, f"{where}: named_parameters")
    if missing := [each for each in named if each not in used]:
        raise ExchangeError(f"{where}: named_parameters: '{missing[0]}' is none of its parameters")
    rates = [each for each in used if parameters[each].kind == "rate"]
    if len(rates) != 1:
        raise ExchangeError(f"{where}: parameters: has {len(rates)} of ptype rate; expected one")
    if rates[0] != f"{name}{RATE_SUFFIX}":
        raise ExchangeError(
            f"{where}: parameters: '{rates[0]}' would not reach it in alea, which scales a source '{name}' by"
            f" '{name}{RATE_SUFFIX}' alone; rename one of them"
        )
    for each in used:
        if parameters[each].kind in ("shape", "index") and not parameters[each].anchors:
            raise ExchangeError(f"{where}: parameters: '{each}' has no blueice_anchors")
    efficiency = entry.get("efficiency_name")
    if efficiency is None and as_truth(entry.get("apply_efficiency"), False, f"{where}: apply_efficiency"):
        raise ExchangeError(f"{where}: apply_efficiency: has no efficiency_name beside it")
    if efficiency is not None and (efficiency not in used or parameters[efficiency].kind != "efficiency"):
        raise ExchangeError(
            f"{where}: efficiency_name: {shown(efficiency)} is no efficiency of its parameters"
        )
    term, given = patterns
    filename = given.pop((term, name), None) or needed(entry, "template_filename", where)
    return Source(
        name, used, named,
        as_text(filename, f"{where}: template_filename"),
        as_text(needed(entry, "histname", where), f"{where}: histname"),
        rates[0], efficiency,
        as_truth(entry.get("in_events_per_bin"), True, f"{where}: in_events_per_bin"),
        positive(entry.get("histogram_scale_factor", 1), f"{where}: histogram_scale_factor"),
        as_truth(entry.get("normalise_template"), False, f"{where}: normalise_template"),
        tuple(_slices(entry.get("slice_args"), f"{where}: slice_args")),
        tuple(axis_number(each, where) for each in as_list(entry.get("log10_bins") or [], where)),
        as_truth(entry.get("convert_to_uniform"), False, f"{where}: convert_to_uniform"),
    )  # fmt: skip


def _slices(content: Any, where: str) -> Iterator[Slice]:
    for each in content if isinstance(content, list) else [content or {}]:
        entry = as_mapping(each, where)
        if not entry:
            continue
        known(entry, {"slice_axis", "sum_axis", "slice_axis_limits"}, where)
        limits = entry.get("slice_axis_limits")
        if limits is not None:
            pair = numbers(limits, f"{where}: slice_axis_limits")
            if len(pair) != 2 or not pair[0] < pair[1]:
                raise ExchangeError(f"{where}: slice_axis_limits: expected two numbers that rise")
            limits = (float(pair[0]), float(pair[1]))
        axis = as_text(needed(entry, "slice_axis", where), f"{where}: slice_axis")
        yield Slice(axis, limits, as_truth(entry.get("sum_axis"), False, f"{where}: sum_axis"))


def _refuse_settings(content: Any, where: str) -> None:
    """Settings of blueice's likelihood: other ways to interpolate, errors of the templates themselves."""
    settings = as_mapping(content or {}, where)
    for key, value in settings.items():
        if key == "morpher" and value == "GridInterpolator":
            continue
        if key == "model_statistical_uncertainty_handling" and value is None:
            continue
        if key in ("morpher_config", "unphysical_behaviour") and not value:
            continue
        raise ExchangeError(
            f"{where}: {shown(key)}: {shown(value)} cannot be held; HistFactory holds the interpolation of"
            " GridInterpolator, without Beeston and Barlow's errors of templates"
        )
