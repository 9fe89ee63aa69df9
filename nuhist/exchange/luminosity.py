"""A luminosity rewritten as a normsys, for formats that cannot have it on some samples only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import log, log1p
from typing import Any

from nuhist.errors import ExchangeError, OptionError
from nuhist.histfactory.workspace import Workspace, digest

KEEP, NORMSYS = "keep", "normsys"


def check_choice(choice: str) -> None:
    """Refuse a word that says nothing of a luminosity, with an OptionError."""
    if choice not in (KEEP, NORMSYS):
        raise OptionError(f"lumi='{choice}': is neither {KEEP} nor {NORMSYS}")


def with_luminosity(workspace: Workspace, choice: str) -> tuple[Workspace, tuple[str, ...]]:
    """A workspace with its lumi as it is, or as a normsys of the same name; and what that changes.

    Raises
    ------
    OptionError
        If the choice is another word, or there is no lumi to rewrite.
    ExchangeError
        If the luminosity is not centred at 1, or measurements have different ones.
    """
    check_choice(choice)
    if choice == KEEP:
        return workspace, ()
    spec = workspace.spec
    if not any(entry["type"] == "lumi" for _, entries in _samples(spec) for entry in entries):
        raise OptionError(f"{workspace.origin}: has no lumi; leave lumi=... out")
    blocks = [_block(measurement) for measurement in spec["measurements"]]
    sizes = {(block["auxdata"][0], block["sigmas"][0]) for block in blocks}
    if len(sizes) > 1:
        raise ExchangeError(f"{workspace.origin}: its measurements have different luminosities; keep one")
    ((centre, width),) = sizes
    if centre != 1 or width >= 1:
        raise ExchangeError(
            f"{workspace.origin}: its luminosity is {centre:g} ± {width:g}; only one of 1 with a smaller"
            " error can be a normsys: scale the counts"
        )
    news = {"name": "lumi", "type": "normsys", "data": {"hi": 1 + width, "lo": 1 - width}}
    channels = [
        {
            **channel,
            "samples": [
                {
                    **sample,
                    "modifiers": [
                        dict(news) if entry["type"] == "lumi" else entry for entry in sample["modifiers"]
                    ],
                }
                for sample in channel["samples"]
            ],
        }
        for channel in spec["channels"]
    ]
    measurements = [_rewritten(measurement, width) for measurement in spec["measurements"]]
    changed = {**spec, "channels": channels, "measurements": measurements}
    sidecar = workspace.sidecar and {**workspace.sidecar, "workspace_digest": digest(changed)}
    said = (
        f"{workspace.origin}: lumi becomes a normsys of {100 * width:.3g} %: a sample is scaled by"
        f" {1 + width:g}^a (below 0: {1 - width:g}^-a) in place of 1 + {width:g} a, which is the same within"
        f" {100 * width**2:.2g} % up to 2 standard deviations"
    )
    return replace(workspace, spec=changed, sidecar=sidecar), (said,)


def _samples(spec: Mapping[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    return [
        (sample["name"], sample["modifiers"]) for channel in spec["channels"] for sample in channel["samples"]
    ]


def _block(measurement: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(
        block for block in measurement["config"]["parameters"] if block["name"] == "lumi"
    )
    return found


def _deviations(factor: float, width: float) -> float:
    """Where a normsys of this width has a factor: exponential beyond one standard deviation, as in code 4."""
    if factor > 1 + width:
        return log(factor) / log1p(width)
    if 0 < factor < 1 - width < 1:
        return -log(factor) / log1p(-width)
    return (factor - 1) / width


def _rewritten(measurement: Mapping[str, Any], width: float) -> dict[str, Any]:
    """A measurement whose luminosity is counted in standard deviations."""

    def counted(block: Mapping[str, Any]) -> dict[str, Any]:
        start = [_deviations(value, width) for value in block["inits"]]
        bounds = [[_deviations(value, width) for value in pair] for pair in block["bounds"]]
        kept = {key: value for key, value in block.items() if key not in ("auxdata", "sigmas")}
        return {**kept, "inits": start, "bounds": bounds}

    config = measurement["config"]
    blocks = [counted(block) if block["name"] == "lumi" else block for block in config["parameters"]]
    return {**measurement, "config": {**config, "parameters": blocks}}
