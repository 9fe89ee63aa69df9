"""What several formats cannot hold, or other programs read as something else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nuhist.errors import ExchangeError
from nuhist.histfactory.parameter_sets import parameter_sets, refuse_several_numbers
from nuhist.histfactory.workspace import Workspace


@dataclass(frozen=True)
class Names:
    """What a program takes for names, as it was seen to, and how to say so.

    Samples may have any name, where the pattern is None.
    """

    program: str
    channels: re.Pattern[str]
    parameters: re.Pattern[str]
    samples: re.Pattern[str] | None
    advice: Mapping[str, str]


def refuse_names(workspace: Workspace, names: Names) -> None:
    """Refuse names that a program does not take, and say which it does."""
    channels, sets = workspace.spec["channels"], parameter_sets(workspace.spec)
    found: dict[str, Iterable[str]] = {
        "channel": (channel["name"] for channel in channels),
        "sample": (sample["name"] for channel in channels for sample in channel["samples"]),
        "parameter": (name for name, entry in sets.items() if entry.kind != "staterror"),  # which have none
    }
    patterns = {"channel": names.channels, "sample": names.samples, "parameter": names.parameters}
    for what, pattern in patterns.items():
        for name in found[what]:
            if pattern is not None and not pattern.fullmatch(name):
                raise ExchangeError(
                    f"{workspace.origin}: '{name}' is no name of a {what} for {names.program};"
                    f" {names.advice[what]}"
                )


def refuse_several_staterrors(workspace: Workspace, form: str) -> None:
    """Refuse channels with more than one staterror: the format has one per channel, without a name."""
    for channel in workspace.spec["channels"]:
        found = [entry for sample in channel["samples"] for entry in sample["modifiers"]]
        if len({entry["name"] for entry in found if entry["type"] == "staterror"}) > 1:
            where = f"{workspace.origin}: channel '{channel['name']}'"
            raise ExchangeError(f"{where}: has several staterrors; {form} holds one per channel")


def refuse_other_constraints(
    workspace: Workspace, measurements: Sequence[Mapping[str, Any]], form: str, *, centres: bool = False
) -> None:
    """Refuse constraints that a measurement centres or sizes otherwise than their modifiers say.

    A luminosity always says itself. With ``centres``, the format holds those of normsys and histosys.
    """
    sets = parameter_sets(workspace.spec)
    for measurement in measurements:
        for block in measurement["config"]["parameters"]:
            entry = sets.get(block["name"])
            if entry is None or entry.kind == "lumi":
                continue
            held = {"normsys": 0.0, "histosys": 0.0, "staterror": 1.0}.get(entry.kind)
            for key in ("auxdata", "sigmas", "factors"):
                usual = key == "auxdata" and all(value == held for value in block.get(key, ()))
                if key not in block or usual or (centres and key == "auxdata" and held == 0):
                    continue
                raise ExchangeError(
                    f"{workspace.origin}: measurement '{measurement['name']}': '{block['name']}' has {key}"
                    f" {block[key]} of its own; {form} has those of its modifier, so take them out"
                )


def refuse_partial_lumi(workspace: Workspace, measurements: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a lumi on some samples only, which ROOT would apply to all; one that is held at 1 is none."""
    samples = [
        (channel["name"], sample["name"], {modifier["type"] for modifier in sample["modifiers"]})
        for channel in workspace.spec["channels"]
        for sample in channel["samples"]
    ]
    without = [(channel, sample) for channel, sample, kinds in samples if "lumi" not in kinds]
    if not without or len(without) == len(samples):
        return
    for measurement in measurements:
        blocks = {block["name"]: block for block in measurement["config"]["parameters"]}
        if blocks["lumi"].get("fixed", False) and blocks["lumi"]["inits"] == [1]:
            continue
        channel, sample = without[0]
        raise ExchangeError(
            f"{workspace.origin}: channel '{channel}': sample '{sample}' has no lumi and others have; ROOT"
            " scales all samples of a measurement with its luminosity, whatever NormalizeByTheory says, so"
            " XML cannot hold it; add lumi='normsys', which writes it as a normsys (or export HS3)"
        )


def refuse_several_interests(workspace: Workspace, measurements: Sequence[Mapping[str, Any]]) -> None:
    """Refuse measurements whose parameter of interest is more than one number; a ModelError."""
    for measurement in measurements:
        refuse_several_numbers(
            workspace.spec, measurement, workspace.origin, "export another one, by measurement=..."
        )
