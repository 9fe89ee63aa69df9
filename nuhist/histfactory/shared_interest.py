"""The parameter of interest that several workspaces have in common."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, replace
from fnmatch import fnmatchcase
from typing import Any

from nuhist.errors import ConfigError, ModelError
from nuhist.histfactory.correlation import Part
from nuhist.histfactory.interest import coupling_scale, couplings, described_scale, signal_of
from nuhist.histfactory.parameter_sets import refuse_several_numbers
from nuhist.histfactory.rename import rename_parameter
from nuhist.histfactory.rescale import rescale_interest
from nuhist.histfactory.validation import modifiers
from nuhist.physics.coupling import OWN_UNIT, CouplingScale
from nuhist.physics.hypotheses import find_parameter


def shared_interest(
    parts: Sequence[Part], stated: Collection[str], poi: str | None, message: Callable[[str], None]
) -> CouplingScale:
    """Bring all parameters of interest to one name and scale: the first one's, or the largest if signed.

    A plain number is taken for another part's coupling where the user has ``stated`` its name: has given it
    that name, or has said that it is to be shared.

    Parameters
    ----------
    parts
        Changed in place.
    stated
        Names that mean the same in all parts.
    poi
        The parameter of interest that is chosen; those of other names are left as they are.
    message
        Called with a line of text for each thing that is renamed, rescaled, or no longer of interest.

    Raises
    ------
    ConfigError
        If no part has the chosen one.
    ModelError
        If a part has none, or they do not mean the same.
    """
    if poi is None and not any(_interest_acts(part) for part in parts):
        names = sorted({part.config["poi"] for part in parts if part.config["poi"]})
        if len(names) != 1:
            raise ConfigError("no workspace has a parameter of interest; choose one with poi=...")
        message(f"no workspace has a signal for {names[0]}; the combination has none either")
        return CouplingScale.plain(names[0])
    holding = _with_interest(parts, poi, message)
    parts, scales = [part for part, _ in holding], [_scale(part, known_as) for part, known_as in holding]
    known = {scale.name: scale for scale in reversed(scales) if not scale.is_plain and scale.name in stated}
    scales = [known.get(scale.name, scale) if scale.is_plain else scale for scale in scales]
    first = _common(scales)
    _refuse_unsaid(parts, first, stated)
    for part, other in zip(parts, scales, strict=True):
        if other is first:
            continue
        alike = (other.coupling, other.unit, other.power) == (first.coupling, first.unit, first.power)
        if not alike or _members_apart(first.name, other.name):
            same = f", correlate=['{first.name}']" if other.name == first.name else ""
            raise ModelError(
                f"{parts[scales.index(first)].origin} limits {first.meaning}, {part.origin} limits"
                f" {other.meaning}, and nothing says that they mean the same; rename one of them{same}, give"
                f" both workspaces their sidecars, or choose one with poi=...: {first.name} or {other.name}"
            )
        factor = first.to_parameter(other.to_coupling(1.0))  # first's value where other's is 1
        if abs(factor - 1) > 1e-12:
            rescale_interest(part.spec, other.name, 1 / factor, part.origin)
            described = part.sidecar.get("parameters", {}).get(other.name, {})
            if "meaning" in described:
                described["meaning"] = first.meaning
            message(f"{part.origin}: {other.name} rescaled to {first.meaning}")
        if other.name != first.name:
            rename_parameter(part.spec, part.sidecar, other.name, first.name, part.origin)
            message(f"{part.origin}: {other.name} renamed to {first.name}")
    return first


def rescale_couplings(parts: Sequence[Part], names: Iterable[str], message: Callable[[str], None]) -> None:
    """Bring other shared couplings to one reference and one scale: the first one's, or the largest if signed.

    Parameters
    ----------
    parts
        Changed in place, their sidecars too.
    names
        Names of shared parameters; those that are no couplings are left as they are.
    message
        Called with a line of text for each thing that is rescaled.
    """
    for name in names:
        entries = [
            (part, entry)
            for part in parts
            for entry in couplings(part.sidecar)
            if entry["name"] == name and entry["unit"] != OWN_UNIT
        ]
        scales = [described_scale(entry) for _, entry in entries]
        first = _common(scales) if scales else None
        for (part, entry), scale in zip(entries, scales, strict=True):
            if first is None or scale == first:
                continue
            if (scale.coupling, scale.unit, scale.power) != (first.coupling, first.unit, first.power):
                continue  # which is refused where meanings are compared
            rescale_interest(part.spec, name, 1 / first.to_parameter(scale.to_coupling(1.0)), part.origin)
            entry.update(asdict(first), meaning=first.meaning)
            if name in part.sidecar.get("parameters", {}):
                part.sidecar["parameters"][name]["meaning"] = first.meaning
            message(f"{part.origin}: {name} rescaled to {first.meaning}")


def _common(scales: Sequence[CouplingScale]) -> CouplingScale:
    """The one that all take. Signed couplings stay near the origin only in the largest unit."""
    if scales[0].scale == 1:
        return scales[0]
    return max(scales, key=lambda each: each.reference * each.scale)


def _refuse_unsaid(parts: Sequence[Part], first: CouplingScale, stated: Collection[str]) -> None:
    """Refuse rates of several imported models of which nothing says what a rate of 1 is.

    Raises
    ------
    ModelError
        With what to say.
    """
    imported = [part.origin for part in parts if "imported" in part.sidecar]
    said = any(fnmatchcase(first.name, each) for each in stated)
    if first.is_plain and not said and len(imported) > 1:
        raise ModelError(
            f"{' and '.join(imported[:2])} both have '{first.name}', and nothing says for which signal and"
            f" which reference it is 1; say correlate=['{first.name}'] if it is the same, or both with nuhist"
            " describe reference=... and signal=..."
        )


def refuse_other_signals(parts: Sequence[Part], shared: Iterable[str]) -> None:
    """Refuse shared parameters whose sidecars say that they scale different signals, such as of two masses.

    Raises
    ------
    ModelError
        With what differs.
    """
    for name in shared:
        said: dict[str, tuple[Any, str]] = {}
        for part in parts:
            for key, value in signal_of(part.sidecar, name).items():
                other, origin = said.setdefault(key, (value, part.origin))
                if other != value:
                    raise ModelError(
                        f"{origin} and {part.origin} share '{name}', but it is the signal of {key} {other}"
                        f" here and {value} there; combine those of one signal, or choose another one with"
                        f" poi=... and say decorrelate=['{name}']"
                    )


def signal_record(parts: Sequence[Part], name: str) -> dict[str, Any]:
    """What the parts say of a parameter's signal, for the sidecar; nothing if they say nothing."""
    said = {key: value for part in parts for key, value in signal_of(part.sidecar, name).items()}
    return {"signal": said} if said else {}


def _with_interest(
    parts: Sequence[Part], poi: str | None, message: Callable[[str], None]
) -> list[tuple[Part, str]]:
    """The parts that have the parameter of interest, and its name in their files; others are controls."""
    holding = []
    for part in parts:
        names = {name for name, _ in modifiers(part.spec)}
        own = part.config["poi"]
        if poi is None and own and own not in names:
            raise ModelError(f"{part.origin}: has no parameter of interest to combine; apply a patch first")
        chosen = own if poi is None else poi
        if own != chosen and own in names:
            message(f"{part.origin}: {own} is not of interest here; it stays free, as a nuisance parameter")
        if chosen not in names:
            message(f"{part.origin}: has no parameter of interest{_called(poi)}; it is a control measurement")
            continue
        holding.append((part, part.source.measurement()["config"]["poi"] if own == chosen else chosen))
        part.config["poi"] = chosen
        refuse_several_numbers(part.spec, part.spec["measurements"][0], part.origin)
    if not holding:
        raise ConfigError(f"no workspace has a parameter of interest{_called(poi)}")
    return holding


def _members_apart(first: str, other: str) -> bool:
    """Whether two parameters are of two members of a family, such as bosons of two masses."""
    found = {known[0].name for known in (find_parameter(first), find_parameter(other)) if known is not None}
    return len(found) > 1 and any(":" in name for name in found)


def _interest_acts(part: Part) -> bool:
    return any(name == part.config["poi"] for name, _ in modifiers(part.spec))


def _called(poi: str | None) -> str:
    return "" if poi is None else f" '{poi}'"


def _scale(part: Part, known_as: str) -> CouplingScale:
    """What the parameter of interest stands for, under the name that it has now."""
    scale, name = coupling_scale(part.source, known_as), part.config["poi"]
    return CouplingScale.plain(name) if scale.is_plain else replace(scale, name=name)
