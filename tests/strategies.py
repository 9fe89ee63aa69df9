"""Random HistFactory models, from a seed or from hypothesis.

Everything that pyhf takes and nuhist's validation lets pass: one to five channels of one to 200 bins, one
to ten samples, all seven types of modifier, several of a type on a sample, names shared between samples,
channels and types where pyhf allows it, empty bins, samples and channels, and overrides of the parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from nuhist.histfactory.validation import validate
from nuhist.histfactory.workspace import Workspace

Array = NDArray[np.float64]
Modifier = dict[str, Any]

POI = "mu"
NORMS = (POI, "norm_1", "norm_2")
DIGITS = 4  # of all numbers, so that a model can be written down


@dataclass(frozen=True)
class Limits:
    """The largest model that may be drawn."""

    channels: int = 5
    bins: int = 200
    samples: int = 10
    causes: int = 8  # parameters of normsys and histosys


LARGEST = Limits()
SMALL = Limits(channels=3, bins=12, samples=4, causes=4)


def random_workspace(seed: int | Sequence[int], limits: Limits = LARGEST) -> Workspace:
    """A random model; the same one for the same seed and limits."""
    rng = np.random.default_rng(seed)
    sizes = [_log_uniform_integer(rng, limits.bins) for _ in range(rng.integers(1, limits.channels + 1))]
    if len(sizes) > 1 and rng.random() < 0.4:  # so that shapefactors can be shared
        sizes[-1] = sizes[0]
    names = [f"sample_{index}" for index in range(rng.integers(1, limits.samples + 1))]
    causes = [f"cause_{index}" for index in range(rng.integers(1, limits.causes + 1))]
    # A lumi on some samples only is fine for pyhf, but ROOT has no such thing.
    with_lumi = float(rng.choice([0.0, 0.6, 1.0], p=[0.7, 0.1, 0.2]))
    per_bin = float(rng.choice([0.0, 0.3, 1.0]))  # a parameter for each bin soon makes hundreds
    counts = _nominal(rng, sizes, names)
    for name, where, carriers in _statistics(rng, len(sizes), names, per_bin):
        for channel in where:
            for sample in carriers:
                nominal = counts[channel].setdefault(sample, _shape(rng, sizes[channel]))
                error = nominal * rng.uniform(0.01, 0.4) * rng.random(nominal.size) ** 0.5
                error[rng.random(nominal.size) < 0.1] = 0.0
                modifier = {"name": name, "type": "staterror", "data": rounded(error)}
                counts[channel].modifiers.setdefault(sample, []).append(modifier)
    channels: list[dict[str, Any]] = []
    for number, parts in enumerate(counts):
        samples = [
            {
                "name": name,
                "data": rounded(nominal),
                "modifiers": [
                    *parts.modifiers.get(name, []),
                    *_modifiers(rng, nominal, causes, f"{number}_{name}", with_lumi, per_bin),
                ],
            }
            for name, nominal in parts.items()
        ]
        channels.append({"name": f"channel_{number}", "samples": samples})
    _put_interest(rng, channels)
    for each in channels:
        for sample_spec in each["samples"]:
            rng.shuffle(sample_spec["modifiers"])
    spec = {
        "channels": channels,
        "observations": [_observation(rng, each) for each in channels],
        "measurements": [{"name": "only", "config": {"poi": POI, "parameters": _overrides(rng, channels)}}],
        "version": "1.0.0",
    }
    validate(spec, "random")
    return Workspace(spec, origin="random")


def workspaces(limits: Limits = SMALL) -> st.SearchStrategy[Workspace]:
    """Hypothesis's strategy: it shrinks the limits; the rest follows from a seed."""
    drawn = st.builds(
        Limits,
        channels=st.integers(1, limits.channels),
        bins=st.integers(1, limits.bins),
        samples=st.integers(1, limits.samples),
        causes=st.integers(1, limits.causes),
    )
    return st.builds(random_workspace, st.integers(0, 2**32 - 1), drawn)


def rounded(values: Iterable[float]) -> list[float]:
    """To a few significant digits."""
    return [float(f"{value:.{DIGITS}g}") for value in values]


class _Channel(dict[str, Array]):
    """Nominal counts by sample, and the staterrors drawn already."""

    def __init__(self) -> None:
        super().__init__()
        self.modifiers: dict[str, list[Modifier]] = {}


def _log_uniform_integer(rng: np.random.Generator, highest: int) -> int:
    return int(np.exp(rng.uniform(0.0, np.log(highest + 1))))


def _nominal(rng: np.random.Generator, sizes: Sequence[int], names: Sequence[str]) -> list[_Channel]:
    channels = []
    for size in sizes:
        channel = _Channel()
        present = [name for name in names if rng.random() < 0.7] or [names[0]]
        for name in present:
            channel[name] = _shape(rng, size)
        channels.append(channel)
    return channels


def _shape(rng: np.random.Generator, size: int) -> Array:
    """Flat, falling or peaked, from far less than an event to some hundred per bin, with empty bins."""
    axis = (np.arange(size) + 0.5) / size
    kind = rng.integers(4)
    height = np.exp(rng.uniform(np.log(0.02), np.log(300.0)))
    shape = [
        np.ones(size),
        np.exp(-axis * rng.uniform(0.5, 5.0)),
        np.exp(-(((axis - rng.random()) / rng.uniform(0.05, 0.4)) ** 2)),
        rng.random(size),
    ][kind]
    shape = np.where(rng.random(size) < rng.choice([0.0, 0.0, 0.2, 0.7]), 0.0, height * shape)
    return np.where(shape < 1e-6, 0.0, shape) if rng.random() < 0.97 else np.zeros(size)


def _statistics(
    rng: np.random.Generator, channels: int, names: Sequence[str], per_bin: float
) -> list[tuple[str, list[int], list[str]]]:
    """Name, channels and samples of staterrors; pyhf asks for the same channels in all samples."""
    found = [
        (f"stat_{channel}", [channel], _some(rng, names))
        for channel in range(channels)
        if rng.random() < 0.25 * per_bin
    ]
    if channels > 1 and rng.random() < 0.15 * per_bin:
        shared = sorted(int(i) for i in rng.choice(channels, rng.integers(2, channels + 1), replace=False))
        found.append(("stat", shared, _some(rng, names)))
    return found


def _some(rng: np.random.Generator, names: Sequence[str]) -> list[str]:
    return [name for name in names if rng.random() < 0.5] or [names[int(rng.integers(len(names)))]]


def _modifiers(
    rng: np.random.Generator,
    nominal: Array,
    causes: Sequence[str],
    own: str,
    with_lumi: float,
    per_bin: float,
) -> list[Modifier]:
    """Modifiers of one sample but for its staterrors; those without ``own`` in their name are shared."""
    size = nominal.size
    chosen: list[Modifier] = [
        {"name": name, "type": "normfactor", "data": None} for name in NORMS if rng.random() < 0.2
    ]
    for name in causes:
        if rng.random() < 0.25:
            chosen.append({"name": name, "type": "normsys", "data": _norm_variation(rng)})
        if rng.random() < 0.2:
            chosen.append({"name": name, "type": "histosys", "data": _shape_variation(rng, nominal)})
    if rng.random() < with_lumi:
        chosen.append({"name": "lumi", "type": "lumi", "data": None})
    for number in range(rng.choice([0, 1, 2], p=[1 - 0.3 * per_bin, 0.2 * per_bin, 0.1 * per_bin])):
        # Not below 1 %: a datum of 1/(relative error)² makes 2NLL the difference of huge numbers.
        error = nominal * rng.uniform(0.01, 0.5, size) * (rng.random(size) > 0.1)
        chosen.append({"name": f"shape_{own}_{number}", "type": "shapesys", "data": rounded(error)})
    chosen += [
        {"name": name, "type": "shapefactor", "data": None}
        for name in (f"factor_{size}", f"factor_of_{own}")
        if rng.random() < 0.05 * per_bin
    ]
    return chosen


def _norm_variation(rng: np.random.Generator) -> dict[str, float]:
    width = rng.choice([0.02, 0.1, 0.4])
    high, low = np.exp(width * rng.normal(size=2)) if rng.random() < 0.3 else (1 + width, 1 / (1 + width))
    high, low = rounded([high, low])
    return {"hi": high, "lo": low}


def _shape_variation(rng: np.random.Generator, nominal: Array) -> dict[str, list[float]]:
    width = rng.choice([0.01, 0.05, 0.15, 0.4])
    up = width * rng.normal(size=nominal.size)
    kind = rng.integers(3)
    down = (-up, width * rng.normal(size=nominal.size), np.zeros(nominal.size))[kind]
    base = nominal.copy()
    if rng.random() < 0.1:  # what a bin without nominal counts gets
        base = np.where(base > 0, base, 0.1)
        up = np.where(nominal > 0, up, np.abs(up))
        down = np.where(nominal > 0, down, 0.0)
    return {
        "hi_data": rounded(np.maximum(nominal + up * base, 0.0)),
        "lo_data": rounded(np.maximum(nominal + down * base, 0.0)),
    }


def _put_interest(rng: np.random.Generator, channels: list[dict[str, Any]]) -> None:
    """Make sure that some sample has the parameter of interest."""
    samples = [sample for channel in channels for sample in channel["samples"]]
    if not any(entry["name"] == POI for sample in samples for entry in sample["modifiers"]):
        samples[int(rng.integers(len(samples)))]["modifiers"].append(
            {"name": POI, "type": "normfactor", "data": None}
        )


def _observation(rng: np.random.Generator, channel: dict[str, Any]) -> dict[str, Any]:
    """Counts thrown around the nominal ones; now and then these themselves, or none."""
    total = np.sum([sample["data"] for sample in channel["samples"]], axis=0)
    kind = rng.random()
    if kind < 0.1:
        counts = total
    elif kind < 0.13:
        counts = np.zeros_like(total)
    else:
        counts = rng.poisson(total * rng.uniform(0.7, 1.4)).astype(float)
    return {"name": channel["name"], "data": [float(value) for value in counts]}


def _overrides(rng: np.random.Generator, channels: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Parameter blocks of the measurement; lumi needs one."""
    found: dict[str, tuple[str, int]] = {}
    for channel in channels:
        for sample in channel["samples"]:
            for entry in sample["modifiers"]:
                size = len(sample["data"]) if entry["type"] in ("shapesys", "shapefactor") else 1
                found.setdefault(entry["name"], (entry["type"], size))
    blocks = []
    for name, (kind, size) in sorted(found.items()):
        if kind == "lumi":
            centre = float(rng.choice([1.0, 1.1, 36.1]))
            low, high = rounded([0.7 * centre, 1.3 * centre])
            sigma = rounded([centre * rng.uniform(0.01, 0.1)])
            block = {"auxdata": [centre], "sigmas": sigma, "bounds": [[low, high]], "inits": [centre]}
            if rng.random() < 0.15:
                block["fixed"] = True
            blocks.append({"name": name, **block})
        elif kind != "staterror" and rng.random() < 0.3:
            blocks.append({"name": name, **_override(rng, kind, size)})
    return blocks


def _override(rng: np.random.Generator, kind: str, size: int) -> dict[str, Any]:
    block: dict[str, Any] = {}
    if kind in ("normsys", "histosys"):
        if rng.random() < 0.5:
            block["bounds"] = [rounded([-rng.uniform(1, 6), rng.uniform(1, 6)])]
        if rng.random() < 0.4:
            block["inits"] = rounded([rng.uniform(-1, 1)])
        if rng.random() < 0.3:
            block["auxdata"] = rounded([rng.uniform(-1, 1)])
    else:
        if rng.random() < 0.5:
            low = -0.5 if kind == "normfactor" and rng.random() < 0.3 else 0.0
            block["bounds"] = [rounded([low, rng.uniform(2, 20)])] * size
        if rng.random() < 0.4:
            block["inits"] = rounded(rng.uniform(0.5, 1.5, size))
        if kind == "shapesys" and rng.random() < 0.3:
            block["auxdata"] = rounded(rng.uniform(1, 100, size))
            if rng.random() < 0.5:
                block["factors"] = rounded(rng.uniform(1, 100, size))
    if rng.random() < 0.2:
        block["fixed"] = True
    return block
