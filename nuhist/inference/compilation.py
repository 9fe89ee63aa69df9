"""From a workspace to its likelihood in arrays."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import numpy as np

from nuhist.histfactory.parameter_sets import each_modifier
from nuhist.inference.compiled import CompiledModel
from nuhist.inference.interpolation import code4_coefficients
from nuhist.inference.structure import Channel, Constraints, Factors, Index, Layer, Shapes
from nuhist.tables import Array

_PER_BIN = ("staterror", "shapesys", "shapefactor")
_STRAIGHT = 1e-14  # of a variation: a bend that is only the rounding of a mirror image

_Entry = tuple[int, int, bool, float, float]  # sample, parameter, whether a normsys, its sides


class _Tilts(NamedTuple):
    """All histosys: parameter, first bin, slot and number of bins of each; and counts one after the other."""

    owners: list[tuple[int, int, int, int]]
    high: list[float]
    middle: list[float]
    low: list[float]


def compile_model(spec: Mapping[str, Any], model: Any) -> CompiledModel:
    """Compile a workspace.

    Parameters
    ----------
    spec
        HistFactory JSON.
    model
        pyhf's model of it, which gives the parameters, their order and their constraints.

    Raises
    ------
    NotImplementedError
        If a modifier is of a type, or has a place, that is not known here.
    """
    config = model.config
    start = {name: config.par_slice(name).start for name in config.par_order}
    most = max(len(channel["samples"]) for channel in spec["channels"])
    shape = (config.nmaindata, most)
    nominal, sample_of = np.zeros(shape), np.zeros(shape, dtype=np.intp)
    channels: list[Channel] = []
    entries: list[_Entry] = []
    tilts = _Tilts([], [], [], [])
    cells: dict[str, Any] = {}  # by bin-by-bin modifier
    number = 0
    for channel in spec["channels"]:
        part, samples = config.channel_slices[channel["name"]], channel["samples"]
        channels.append(Channel(part, len(samples), slice(number, number + len(samples))))
        for slot, sample in enumerate(samples):
            nominal[part, slot], sample_of[part, slot] = sample["data"], number
            entries.append((number, -1, False, 1.0, 1.0))
            for modifier in sample["modifiers"]:
                name, kind, data = modifier["name"], modifier["type"], modifier["data"]
                if kind in ("normfactor", "lumi"):
                    entries.append((number, start[name], False, 1.0, 1.0))
                elif kind == "normsys":
                    entries.append((number, start[name], True, float(data["hi"]), float(data["lo"])))
                elif kind == "histosys":
                    tilts.owners.append((start[name], part.start, slot, len(sample["data"])))
                    tilts.high.extend(data["hi_data"])
                    tilts.middle.extend(sample["data"])
                    tilts.low.extend(data["lo_data"])
                elif kind in _PER_BIN:
                    multiplied = cells.setdefault(name, np.zeros(shape, dtype=bool))
                    multiplied[part, slot] = True
                else:
                    raise NotImplementedError(f"modifier type '{kind}'")
            number += 1
    factors = _factors(entries)
    layers = _layers(config, spec, start, cells)
    compiled = CompiledModel(
        parameters=config.npars,
        bins=config.nmaindata,
        channels=tuple(channels),
        sample=sample_of,
        nominal=nominal,
        factors=factors,
        shapes=_shapes(tilts, shape),
        layers=layers,
        constraints=_constraints(config),
    )
    if np.intersect1d(compiled.wide, compiled.narrow).size:
        raise NotImplementedError("a parameter that acts bin by bin and on whole samples")
    return compiled


def _factors(entries: list[_Entry]) -> Factors:
    sample, parameter, norm, high, low = (np.array(column) for column in zip(*entries, strict=True))
    pairs = np.stack([sample, parameter], axis=1)[parameter >= 0]
    if len(np.unique(pairs, axis=0)) < len(pairs):
        raise NotImplementedError("a parameter that multiplies a sample twice")
    coefficients = np.zeros((sample.size, 6))
    if norm.any():
        coefficients[norm] = code4_coefficients(high[norm], low[norm])
    first = np.flatnonzero(parameter < 0)  # each sample begins with the factor that is always 1
    return Factors(sample, parameter, norm, high, low, coefficients, first)


def _shapes(tilts: _Tilts, shape: tuple[int, int]) -> Shapes:
    """Half differences D and curvatures C; a bend that is only the rounding of a mirror image is none."""
    owner, first, slot, size = np.array(tilts.owners, dtype=np.intp).reshape(-1, 4).T
    high, middle, low = (np.array(part, dtype=np.float64) for part in tilts[1:])
    up, down, start = high - middle, middle - low, np.cumsum(size) - size
    bend = up - down
    parameter, column = np.unique(owner, return_inverse=True)
    straight, bends = (np.zeros((*shape, parameter.size)) for _ in range(2))
    if owner.size:
        most, steepest = (np.maximum.reduceat(np.abs(part), start) for part in (bend, up))
        bend = np.where(np.repeat(most > _STRAIGHT * 16 * steepest, size), bend / 16, 0.0)
        bins = np.repeat(first - start, size) + np.arange(middle.size)
        places = bins, np.repeat(slot, size), np.repeat(column, size)
        np.add.at(straight, places, (up + down) / 2)
        np.add.at(bends, places, bend)
    curved = np.flatnonzero(bends.any(axis=(0, 1)))
    return Shapes(parameter, straight, curved, np.ascontiguousarray(bends[:, :, curved]))


def _layers(
    config: Any, spec: Mapping[str, Any], start: Mapping[str, int], cells: Mapping[str, Any]
) -> tuple[Layer, ...]:
    """Bin-by-bin modifiers, put together where they share no bin."""
    layers: list[tuple[Index, Any]] = []  # parameter of each bin or -1, and the cells
    having: dict[str, set[str]] = {name: set() for name in cells}
    for channel, _, modifier in each_modifier(spec):
        if modifier["name"] in having:
            having[modifier["name"]].add(channel["name"])
    for name, multiplied in cells.items():
        parameter = _positions(having[name], config, name, start[name])
        parameter = np.where(multiplied.any(axis=1), parameter, -1)
        for others, multiplied_there in layers:
            if not ((others >= 0) & (parameter >= 0)).any():
                others[parameter >= 0] = parameter[parameter >= 0]
                multiplied_there[multiplied] = True
                break
        else:
            layers.append((parameter, multiplied.copy()))
    return tuple(_layer(config, spec, *layer) for layer in layers)


def _layer(config: Any, spec: Mapping[str, Any], parameter: Index, multiplied: Any) -> Layer:
    bins = np.flatnonzero(parameter >= 0)
    filled = np.zeros_like(multiplied)
    for channel in spec["channels"]:
        filled[config.channel_slices[channel["name"]], : len(channel["samples"])] = True
    whole = bool((multiplied[bins] == filled[bins]).all())
    return Layer(bins, parameter[bins], multiplied[bins], whole)


def _positions(having: Collection[str], config: Any, name: str, start: int) -> Index:
    """Parameter of each bin for a bin-by-bin modifier: pyhf numbers the bins of its channels in order."""
    index = np.full(config.nmaindata, -1, dtype=np.intp)
    size = config.param_set(name).n_parameters
    for channel in config.channels:
        if channel in having:
            part = config.channel_slices[channel]
            width = part.stop - part.start
            shared = size == width  # one set of parameters for all channels that have it
            index[part] = start + np.arange(width)
            start += 0 if shared else width
    return index


def _constraints(config: Any) -> Constraints:
    gaussian: list[tuple[int, int, float]] = []
    poisson: list[tuple[int, int, float]] = []
    position = int(config.nmaindata)
    for name in config.auxdata_order:
        parameters, part = config.param_set(name), config.par_slice(name)
        size = parameters.n_parameters
        if parameters.pdf_type == "normal":
            widths = getattr(parameters, "sigmas", None) or [1.0] * size
            entries, target = widths, gaussian
        else:
            entries, target = parameters.factors, poisson
        target += [(part.start + i, position + i, float(entries[i])) for i in range(size)]
        position += size
    return Constraints(*_columns(gaussian), *_columns(poisson))


def _columns(entries: list[tuple[int, int, float]]) -> tuple[Index, Index, Array]:
    parameter = np.array([entry[0] for entry in entries], dtype=np.intp)
    position = np.array([entry[1] for entry in entries], dtype=np.intp)
    return parameter, position, np.array([entry[2] for entry in entries], dtype=np.float64)
