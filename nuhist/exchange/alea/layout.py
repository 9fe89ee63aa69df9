"""Where the templates of a sample are, what they are called, and in which bins they are."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from nuhist.exchange.alea.anchored import Anchored
from nuhist.exchange.inference_interface.files import Axis
from nuhist.exchange.inference_interface.projection import KEV
from nuhist.exchange.inference_interface.write import ENERGY
from nuhist.histfactory.workspace import Workspace


def file_name(sample: Anchored) -> str:
    """Name of the file with the templates of a sample."""
    return f"{sample.channel}_{sample.source}.h5"


def template_name(values: Sequence[float | str]) -> str:
    """Name of the template at anchors."""
    words = (value if isinstance(value, str) else f"{value:.9g}" for value in values)
    return "_".join(("template", *words))


def axes_of(workspace: Workspace, channel: str) -> tuple[Axis, ...]:
    """Axes of a channel, by its sidecar; bins are numbered where it says nothing that fits."""
    described = (workspace.sidecar or {}).get("channels", {}).get(channel, {})
    bins = len(workspace.observed()[channel])
    axes = described.get("axes", [])
    if axes and prod(len(axis["edges"]) - 1 for axis in axes) == bins:
        return tuple(Axis(np.array(axis["edges"], dtype=np.float64), axis["name"]) for axis in axes)
    edges = described.get("edges_keV", [])
    if len(edges) == bins + 1:
        return (Axis(np.array(edges, dtype=np.float64), ENERGY, KEV),)
    return (Axis(np.arange(bins + 1, dtype=np.float64), "bin"),)
