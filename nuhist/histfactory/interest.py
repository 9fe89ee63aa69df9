"""What the parameter of interest of a workspace stands for, and its scale."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from math import isclose
from typing import Any

from nuhist.errors import ConfigError
from nuhist.histfactory.found_range import is_found_scale, is_moved
from nuhist.histfactory.parameter_sets import each_modifier, parameter_sets
from nuhist.histfactory.sample_names import whole_name
from nuhist.histfactory.templates import LINEAR_ENDS, Parameter, sample_name
from nuhist.histfactory.workspace import MEASUREMENT, Workspace
from nuhist.physics.coupling import CouplingScale, spaced
from nuhist.physics.hypotheses import (
    FLAVOR_CHOICES,
    HYPOTHESES,
    Dependence,
    FlavorChoice,
    Hypothesis,
    find_parameter,
)
from nuhist.values import as_text


def interest_parameter(hypothesis: Hypothesis, flavor: FlavorChoice) -> Parameter:
    """The parameter of interest of a hypothesis, with its bounds and start."""
    coupling = hypothesis.parameter_of_interest(flavor)
    low, high = hypothesis.parameter_range(flavor).bounds
    start = interest_start(hypothesis, (low, high))
    bounds = (low / coupling.scale, high / coupling.scale)
    return Parameter(coupling.name, coupling.meaning, "1", bounds, start / coupling.scale)


def interest_start(hypothesis: Hypothesis, bounds: tuple[float, float]) -> float:
    """Where fits of a coupling start, as a power of x."""
    # Minuit that starts on a bound stays there, and a signed coupling is flat at 0: hence 0.1.
    start = 1.0 if hypothesis.replaces_standard_model else 0.1
    low, high = bounds
    return start if low < start < high else (low + high) / 2


def signal_name(hypothesis: Hypothesis, group: str = "all", label: str = "") -> str:
    """Name of the samples that carry a coupling, for a group of fluxes; with a label of several flavours."""
    signed = hypothesis.dependence is Dependence.POLYNOMIAL and hypothesis.of_neutrinos
    scattering = hypothesis.replaces_standard_model or signed
    name = "nu" if scattering else sample_name(hypothesis.name) + label
    return name if group == "all" else f"{name}_{group}"


def coupling_scale(workspace: Workspace, name: str) -> CouplingScale:
    """What a parameter of interest stands for: what the sidecar says, or how nuhist has built it.

    A workspace that came through a pipe has no sidecar. A signed polynomial is known by its histosys, by
    the samples that have it and by its bounds next to the origin; a power of the coupling by all that
    :func:`nuhist.build` writes of it: measurement, samples, modifiers, bounds and start. A name alone says
    nothing: the parameter is then a plain number.
    """
    sidecar = workspace.sidecar
    if sidecar is not None:
        for described in couplings(sidecar):
            if described["name"] == name:
                return described_scale(described)
    found = find_parameter(name)
    if sidecar is None and found is not None:
        built = _as_built(workspace.spec, *found)
        if built is not None:
            return built
    return CouplingScale.plain(name)


def described_scale(described: Mapping[str, Any]) -> CouplingScale:
    """What a sidecar says of a coupling."""
    return CouplingScale(**{field.name: described[field.name] for field in fields(CouplingScale)})


def couplings(sidecar: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a sidecar says of all couplings that are parameters, the one of interest first."""
    first = [sidecar["poi"]] if "poi" in sidecar else []
    return first + [entry["coupling"] for entry in sidecar.get("further", ())]


def signal_of(sidecar: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The signal that a coupling's reference is for, as far as a sidecar says it of a parameter."""
    return next((each.get("signal", {}) for each in couplings(sidecar) if each["name"] == name), {})


def coupling_named(workspace: Workspace, name: str) -> CouplingScale | None:
    """The coupling of that name, of which a parameter of the workspace is; None if there is none.

    Raises
    ------
    ConfigError
        If several parameters are of it, such as those of two masses.
    """
    if name in parameter_sets(workspace.spec):
        return None
    sidecar, interest = workspace.sidecar, workspace.interest()
    scales = [described_scale(entry) for entry in couplings(sidecar or {})]
    if sidecar is None and interest is not None:
        scales = [coupling_scale(workspace, interest)]
    found = [scale for scale in scales if scale.coupling == name]
    if len(found) > 1:
        names = ", ".join(scale.name for scale in found)
        raise ConfigError(f"{name}: is the coupling of several parameters; name one of {names}")
    return found[0] if found else None


def parameter_named(workspace: Workspace, name: str | None) -> str | None:
    """The name of a parameter, which a user may call by its coupling's."""
    scale = None if name is None else coupling_named(workspace, as_text(name, "parameter"))
    return name if scale is None else scale.name


def interest_remarks(workspace: Workspace, name: str) -> tuple[str, ...]:
    """How to get units of a parameter of interest of which only its name is known, or nothing."""
    found = find_parameter(name)
    if found is None or not coupling_scale(workspace, name).is_plain:
        return ()
    return (
        f"{name} is a plain number: only its name says that it is the coupling {found[0].coupling}; for"
        f" {_results_in(found[0].unit)} a sidecar must say so, NAME.meta.json beside NAME.json",
    )


def lost_meanings(workspace: Workspace) -> tuple[str, ...]:
    """What nobody knows any more of a workspace's couplings where its sidecar is lost, as behind a pipe."""
    bare = replace(workspace, sidecar=None)
    said = [described_scale(entry) for entry in couplings(workspace.sidecar or {})]
    return tuple(
        f"{scale.name} = {scale.meaning} is a plain number without the sidecar; write the workspace to a file"
        for scale in said
        if not scale.is_plain and coupling_scale(bare, scale.name) != scale
    )


def label_remarks(coupling: CouplingScale) -> tuple[str, ...]:
    """The same for what the signal points of a PatchSet stand for."""
    if not coupling.is_plain:
        return ()
    known = catalogue_couplings()
    if coupling.coupling not in known:
        return ()
    return (
        f"{coupling.coupling} is a plain number: only its name says what it is; for"
        f" {_results_in(known[coupling.coupling])} the folder needs the sidecar BkgOnly.meta.json",
    )


def catalogue_couplings() -> dict[str, str]:
    """Units of all couplings of the catalogue, by their names."""
    return {
        hypothesis.parameter_of_interest(flavor).coupling: hypothesis.unit
        for hypothesis in HYPOTHESES.values()
        for flavor in FLAVOR_CHOICES
    }


def _results_in(unit: str) -> str:
    """What a sidecar gives: results in a unit, or those of the coupling where it has none."""
    unit = spaced(unit)
    return f"results in{unit}" if unit else "results of the coupling"


def named_interest(name: str) -> CouplingScale:
    """What a user means who calls the strength of a signal so: nuhist's coupling of that name, or itself."""
    found = find_parameter(name)
    return CouplingScale.plain(name) if found is None else found[0].parameter_of_interest(found[1])


def told_of_reference(scale: CouplingScale, origin: str, message: Callable[[str], None]) -> CouplingScale:
    """Say what a user's name for the strength of a signal means for the signal."""
    if not scale.is_plain:
        message(
            f"{origin}: {scale.name} taken for {scale.meaning}: the signal must be that of"
            f" {scale.reference:g}{spaced(scale.unit)}; else choose another parameter with poi=..."
        )
    return scale


def _as_built(spec: Mapping[str, Any], hypothesis: Hypothesis, flavor: FlavorChoice) -> CouplingScale | None:
    """The parameter of interest of a hypothesis, if it stands in a workspace as built."""
    stated = hypothesis.parameter_of_interest(flavor)
    measurement = spec["measurements"][0]
    blocks = {block["name"]: block for block in measurement["config"]["parameters"]}
    found = blocks.get(stated.name, {})
    signed = hypothesis.dependence is Dependence.POLYNOMIAL
    if not signed and measurement["name"] != MEASUREMENT:
        return None
    scale = _built_scale(found, hypothesis, flavor)
    kind = "histosys" if signed else "normfactor"
    holders = [
        (whole_name(channel, sample), sample, modifier["type"])
        for channel, sample, modifier in each_modifier(spec)
        if modifier["name"] == stated.name
    ]
    built = all(
        (entry == kind and name in _built_names(hypothesis, flavor, sample))
        or (signed and _is_product(hypothesis, sample))
        for name, sample, entry in holders
    )
    return replace(stated, scale=scale) if scale is not None and holders and built else None


def _built_scale(found: Mapping[str, Any], hypothesis: Hypothesis, flavor: FlavorChoice) -> float | None:
    """The scale of a parameter of interest from its bounds and start; None if they are not as built.

    Bounds are those that the hypothesis states, or :mod:`nuhist.histfactory.bounds` has moved them; the
    start says which scale it has found. So near the origin is nothing else.
    """
    expected = interest_parameter(hypothesis, flavor).to_spec() or {}
    stated = hypothesis.parameter_range(flavor)
    if hypothesis.dependence is Dependence.POLYNOMIAL:
        if found.get("bounds") == expected["bounds"]:
            return stated.scale
        ((init,), (ends,)) = found.get("inits") or (0.0,), found.get("bounds") or ((),)
        scale = interest_start(hypothesis, stated.bounds) / init if init else 0.0
        scale = float(f"{scale:.12g}")
    else:
        scale, (ends,) = stated.scale, found.get("bounds") or ((),)
        if {**found, "bounds": 0} != {**expected, "bounds": 0}:
            return None
    if len(ends) != 2 or not (scale == stated.scale or is_found_scale(scale)):
        return None
    moved = (is_moved(end * scale, bound) for end, bound in zip(ends, stated.bounds, strict=True))
    return scale if all(moved) else None


def _built_names(hypothesis: Hypothesis, flavor: FlavorChoice, sample: Mapping[str, Any]) -> set[str]:
    """Names that a sample of a coupling may have: with the group of fluxes of which it has the parameter."""
    fluxes = {entry["name"] for entry in sample["modifiers"] if entry["name"].endswith("_flux")}
    groups = ("all", *(entry.removesuffix("_flux") for entry in fluxes))
    names = {signal_name(hypothesis, group, label) for group in groups for label in ("", f"_{flavor}")}
    # Scattering on nuclei has the name of its group alone.
    on_nuclei = groups[1:] if signal_name(hypothesis) == "nu" and "nucleus" in hypothesis.processes else ()
    return names | set(on_nuclei)


def _is_product(hypothesis: Hypothesis, sample: Mapping[str, Any]) -> bool:
    """Whether a sample is the product of a signed coupling and another, see ``several``."""
    linear = any(
        entry["type"] == "normsys"
        and isclose(entry["data"]["hi"], LINEAR_ENDS[0])
        and isclose(entry["data"]["lo"], LINEAR_ENDS[1])
        for entry in sample["modifiers"]
    )
    return sample_name(hypothesis.name) in sample["name"] and linear and not any(sample["data"])
