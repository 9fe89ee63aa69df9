"""What several formats cannot hold, or other programs read as something else."""

from __future__ import annotations

import re

from nuhist.errors import ExchangeError
from nuhist.histfactory.parameter_sets import parameter_sets
from nuhist.histfactory.workspace import Workspace


def refuse_names(workspace: Workspace, pattern: re.Pattern[str], form: str) -> None:
    """Refuse names of channels, samples and parameters that a format does not take, and say which it does."""
    channels = workspace.spec["channels"]
    samples = [sample["name"] for channel in channels for sample in channel["samples"]]
    for name in (*(channel["name"] for channel in channels), *samples, *parameter_sets(workspace.spec)):
        if not pattern.fullmatch(name):
            raise ExchangeError(f"{workspace.origin}: '{name}' is no name for {form}")


def refuse_several_staterrors(workspace: Workspace, form: str) -> None:
    """Refuse channels with more than one staterror: the format has one per channel, without a name."""
    for channel in workspace.spec["channels"]:
        found = [entry for sample in channel["samples"] for entry in sample["modifiers"]]
        if len({entry["name"] for entry in found if entry["type"] == "staterror"}) > 1:
            where = f"{workspace.origin}: channel '{channel['name']}'"
            raise ExchangeError(f"{where}: has several staterrors; {form} holds one per channel")


def refuse_negative_counts(workspace: Workspace, form: str) -> None:
    """Refuse samples that expect fewer than no events, which ROOT sets to 0 where a histosys acts."""
    for channel in workspace.spec["channels"]:
        for sample in channel["samples"]:
            for index, count in enumerate(sample["data"]):
                if count < 0:
                    raise ExchangeError(
                        f"{workspace.origin}: channel '{channel['name']}': sample '{sample['name']}': bin"
                        f" {index}: {count:g} is negative; ROOT sets it to 0 where a histosys acts and pyhf"
                        f" does not, so {form} has no one meaning: keep the JSON"
                    )


def refuse_partial_lumi(workspace: Workspace) -> None:
    """Refuse a lumi on some samples only, which ROOT would apply to all of them."""
    samples = [
        (channel["name"], sample["name"], {modifier["type"] for modifier in sample["modifiers"]})
        for channel in workspace.spec["channels"]
        for sample in channel["samples"]
    ]
    without = [(channel, sample) for channel, sample, kinds in samples if "lumi" not in kinds]
    if without and len(without) < len(samples):
        channel, sample = without[0]
        raise ExchangeError(
            f"{workspace.origin}: channel '{channel}': sample '{sample}' has no lumi and others have; ROOT"
            " scales all samples of a measurement with its luminosity, whatever NormalizeByTheory says, so"
            " XML cannot hold it; put a normsys in its place (nuhist build: --constraint normsys)"
        )
