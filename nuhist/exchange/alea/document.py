"""alea's YAML as a model: every key is known, or refused by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nuhist.documents import parse_yaml
from nuhist.errors import ExchangeError, unknown_name
from nuhist.exchange.alea.entries import (
    as_list,
    as_mapping,
    as_number,
    as_text,
    as_truth,
    known,
    limits,
    needed,
)
from nuhist.exchange.alea.model import (
    KINDS,
    TO_BE_DONE,
    AleaModel,
    Kind,
    Parameter,
)
from nuhist.exchange.alea.space import numbers
from nuhist.exchange.alea.terms import read_term
from nuhist.files import read_text
from nuhist.values import shown

_PARAMETER = {
    "nominal_value", "fittable", "ptype", "uncertainty", "relative_uncertainty", "blueice_anchors",
    "fit_limits", "parameter_interval_bounds", "fit_guess", "description", "latex_name",
    "conditioning_parameter_name",
}  # fmt: skip


_CONFIG = {"template_folder", "likelihood_terms"}


def read_model(
    path: Path,
    *,
    templates: Path | None = None,
    patterns: Mapping[tuple[str, str], str] | None = None,
    values: Mapping[str, float] | None = None,
    fixed: Mapping[str, float] | None = None,
    free: Sequence[str] = (),
) -> AleaModel:
    """Read a model's YAML; templates are not read.

    Parameters
    ----------
    path
        The YAML file.
    templates
        Folder in which templates are looked for first.
    patterns
        Files of sources, by term and source, in place of the file's own.
    values
        Nominal values, by parameter.
    fixed
        Values at which parameters are held. A source whose rate is held at 0 is left out.
    free
        Parameters whose constraint is left out.

    Raises
    ------
    DataError
        If the file cannot be read.
    ExchangeError
        If it is no such model, or HistFactory cannot hold it.
    """
    where = str(path)
    document = as_mapping(parse_yaml(read_text(path), where, ExchangeError), where)
    known(document, {"parameter_definition", "likelihood_config"}, where)
    config = as_mapping(needed(document, "likelihood_config", where), f"{where}: likelihood_config")
    definition = as_mapping(needed(document, "parameter_definition", where), f"{where}: parameter_definition")
    nominal = {**(values or {}), **(fixed or {})}
    for name in (*nominal, *free):
        if name not in definition:
            raise unknown_name(f"parameter in {where}", name, map(str, definition))
    parameters: dict[str, Parameter] = {}
    for name, entry in definition.items():
        place = f"{where}: parameter '{as_text(name, where)}'"
        given = as_mapping({} if entry is None else entry, place)
        parameters[name] = _parameter(
            name,
            _resolved(given, definition, nominal, place),
            place,
            nominal.get(name),
            name in (fixed or {}),
        )
    for name in fixed or {}:
        parameters[name] = replace(parameters[name], fittable=False)
    for name in free:
        if parameters[name].sigma is None:
            raise ExchangeError(f"{where}: parameter '{name}': has no constraint that could be left out")
        parameters[name] = replace(parameters[name], sigma=None)
    known(config, _CONFIG, f"{where}: likelihood_config")
    own = _folders(config.get("template_folder"), path, f"{where}: likelihood_config: template_folder")
    folders = tuple(dict.fromkeys((*([templates] if templates else []), *own, path.parent)))
    left, terms = dict(patterns or {}), []
    _refuse_unknown_sources(left, config, where)
    for index, entry in enumerate(as_list(needed(config, "likelihood_terms", where), where)):
        terms.append(read_term(entry, parameters, left, f"{where}: likelihood_terms[{index}]"))
    names = [term.name for term in terms]
    if not names or len(set(names)) < len(names):
        raise ExchangeError(f"{where}: likelihood_config: has no terms, or two of one name")
    return AleaModel(parameters, tuple(terms), folders, where)


def _refuse_unknown_sources(
    patterns: Mapping[tuple[str, str], str], config: Mapping[str, Any], where: str
) -> None:
    """Refuse files of a source that is not there; what is no list or mapping is refused elsewhere."""

    def entries(content: Any) -> list[Mapping[str, Any]]:
        return [each for each in content if isinstance(each, Mapping)] if isinstance(content, list) else []

    known = [
        (term.get("name"), source.get("name"))
        for term in entries(config.get("likelihood_terms"))
        for source in entries(term.get("sources"))
    ]
    for each in patterns:
        if each not in known:
            raise unknown_name(
                f"source in {where}", "/".join(each), [f"{term}/{name}" for term, name in known]
            )


def _resolved(
    entry: Mapping[str, Any], definition: Mapping[str, Any], nominal: Mapping[str, float], where: str
) -> dict[str, Any]:
    """What a parameter is where others that it depends on are at their nominal values."""
    on = entry.get("conditioning_parameter_name")
    if on is None:
        return dict(entry)
    other = definition.get(on) if isinstance(on, str) else None
    value = nominal.get(str(on), other.get("nominal_value") if isinstance(other, Mapping) else None)
    found = {}
    for key, each in entry.items():
        if isinstance(each, Mapping) and (isinstance(value, Mapping | list) or value not in each):
            raise ExchangeError(f"{where}: {key}: has no entry for {on} = {shown(value)}")
        found[key] = each[value] if isinstance(each, Mapping) else each
    return found


def _parameter(name: str, entry: Mapping[str, Any], where: str, value: float | None, held: bool) -> Parameter:
    known(entry, _PARAMETER, where)
    kind: Kind = entry.get("ptype") or "needs_reinit"
    if kind not in KINDS:
        raise ExchangeError(f"{where}: ptype: {shown(kind)} is not known; expected one of {', '.join(KINDS)}")
    own = as_number(entry.get("nominal_value"), f"{where}: nominal_value")
    nominal = own if value is None else value
    between = limits(entry.get("fit_limits"), f"{where}: fit_limits")
    anchors = entry.get("blueice_anchors")
    points = sorted(set([] if anchors is None else numbers(anchors, f"{where}: blueice_anchors")))
    if any(isinstance(point, float) for point in points):
        points = [float(point) for point in points]
    if nominal is not None:
        _check_value(nominal, kind, between if value is not None else (None, None), points, where)
    found = entry.get("uncertainty")
    if isinstance(found, str):
        raise ExchangeError(
            f"{where}: uncertainty: {shown(found)} is a distribution in words; HistFactory holds normal"
            " constraints, so write their standard deviation"
        )
    sigma = as_number(found, f"{where}: uncertainty")
    if sigma is not None and as_truth(
        entry.get("relative_uncertainty"), False, f"{where}: relative_uncertainty"
    ):
        if nominal is None:
            raise ExchangeError(f"{where}: has a relative uncertainty and no nominal_value")
        # Where a parameter is held, its constraint stays as it is.
        sigma *= own if held and own is not None else nominal
    if sigma is not None and not sigma > 0:
        raise ExchangeError(
            f"{where}: uncertainty: is {sigma:g} of the parameter's own; expected a positive number"
        )
    fittable = as_truth(entry.get("fittable"), True, f"{where}: fittable")
    if kind == "needs_reinit" and fittable and sigma is not None:
        raise ExchangeError(
            f"{where}: needs_reinit: templates would have to be made again for each value; hold it with"
            f" fix=['{name}=VALUE']"
        )
    guess = as_number(entry.get("fit_guess"), f"{where}: fit_guess")
    text = str(entry.get("description") or "")
    return Parameter(name, kind, nominal, fittable, sigma, tuple(points), between, guess, text)


def _check_value(
    value: float, kind: Kind, between: tuple[float | None, float | None], anchors: Sequence[float], where: str
) -> None:
    """Refuse a value that a parameter cannot have."""
    if kind in ("rate", "efficiency", "livetime") and value < 0:
        raise ExchangeError(f"{where}: is {value:g}, but multiplies counts and cannot be below 0")
    low, high = between
    if (low is not None and value < low) or (high is not None and value > high):
        raise ExchangeError(f"{where}: {value:g} lies outside its fit_limits, {low} to {high}")
    if kind in ("shape", "index") and anchors and not anchors[0] <= value <= anchors[-1]:
        raise ExchangeError(f"{where}: {value:g} lies outside its anchors, {anchors[0]:g} to {anchors[-1]:g}")


def _folders(content: Any, path: Path, where: str) -> list[Path]:
    names = (
        []
        if content in (None, TO_BE_DONE)
        else [content]
        if isinstance(content, str)
        else as_list(content, where)
    )
    return [path.parent / as_text(name, where) for name in names]
