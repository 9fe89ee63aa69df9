"""From a workspace to its likelihood in arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from nuhist.inference.compiled import CompiledModel, Constraints, Group, Index
from nuhist.inference.interpolation import code4_coefficients
from nuhist.tables import Array

_PER_BIN = ("staterror", "shapesys", "shapefactor")
_STRAIGHT = 1e-14  # of a variation: a bend that is only the rounding of a mirror image
_ONE = 0  # the factor that is always 1


class _Factors:
    """Collects the different factors of a model."""

    def __init__(self) -> None:
        self.known: dict[tuple[Any, ...], int] = {(0, 0, 1.0, 1.0): _ONE}

    def index(self, kind: int, parameter: int, high: float = 1.0, low: float = 1.0) -> int:
        return self.known.setdefault((kind, parameter, high, low), len(self.known))

    def arrays(self) -> tuple[Index, Index, Array, Array]:
        kind, parameter, high, low = zip(*self.known, strict=True)
        return np.array(kind), np.array(parameter), np.array(high), np.array(low)


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
        If a modifier is of a type that is not known here.
    """
    config = model.config
    slices = {name: config.par_slice(name) for name in config.par_order}
    factors = _Factors()
    rows: list[list[int]] = []
    templates: list[Array] = []
    owners: list[tuple[str, ...]] = []
    for channel in spec["channels"]:
        part = config.channel_slices[channel["name"]]
        for sample in channel["samples"]:
            own = tuple(sorted(m["name"] for m in sample["modifiers"] if m["type"] in _PER_BIN))
            common: list[int] = []
            nominal = np.zeros(config.nmaindata)
            nominal[part] = sample["data"]
            additions: list[tuple[int, Array]] = []
            for modifier in sample["modifiers"]:
                name, kind, data = modifier["name"], modifier["type"], modifier["data"]
                start = slices[name].start
                if kind in ("normfactor", "lumi"):
                    common.append(factors.index(1, start))
                elif kind == "normsys":
                    common.append(factors.index(2, start, data["hi"], data["lo"]))
                elif kind == "histosys":
                    up, down = np.zeros_like(nominal), np.zeros_like(nominal)
                    up[part] = np.asarray(data["hi_data"]) - sample["data"]
                    down[part] = np.asarray(sample["data"]) - data["lo_data"]
                    additions.append((factors.index(1, start), (up + down) / 2))
                    bend = (up - down) / 16
                    if np.abs(bend).max() > _STRAIGHT * np.abs(up).max():
                        additions.append((factors.index(3, start), bend))
                elif kind not in _PER_BIN:
                    raise NotImplementedError(f"modifier type '{kind}'")
            for extra, template in [(_ONE, nominal), *additions]:
                if template.any():
                    rows.append([*common, extra])
                    templates.append(template)
                    owners.append(own)
    most = max(map(len, rows), default=1)
    slots = np.array([row + [_ONE] * (most - len(row)) for row in rows], dtype=np.intp)
    kind, parameter, high, low = factors.arrays()
    slots = slots.reshape(len(rows), most)
    groups = [
        replace(group, terms=_terms(group.rows, slots, kind, parameter))
        for group in _groups(spec, config, slices, owners, templates)
    ]
    return CompiledModel(
        parameters=config.npars,
        bins=config.nmaindata,
        kind=kind,
        parameter=parameter,
        high=high,
        low=low,
        coefficients=code4_coefficients(high, low),
        slots=np.ascontiguousarray(slots.T),
        groups=tuple(groups),
        constraints=_constraints(config),
    )


def _groups(
    spec: Mapping[str, Any],
    config: Any,
    slices: Mapping[str, slice],
    owners: list[tuple[str, ...]],
    templates: list[Array],
) -> list[Group]:
    positions: dict[str, Index] = {}
    for channel in spec["channels"]:
        for sample in channel["samples"]:
            for modifier in sample["modifiers"]:
                if modifier["type"] in _PER_BIN and modifier["name"] not in positions:
                    positions[modifier["name"]] = _positions(
                        spec, config, modifier["name"], slices[modifier["name"]].start
                    )
    groups = []
    for own in dict.fromkeys(owners):
        rows = np.array([i for i, other in enumerate(owners) if other == own], dtype=np.intp)
        stacked = np.stack([templates[i] for i in rows])
        groups.append(Group(rows, stacked, tuple(positions[name] for name in own)))
    return groups


def _terms(rows: Index, slots: Index, kind: Index, parameter: Index) -> tuple[tuple[int, Index, Index], ...]:
    """For each parameter: the rows of a group that it changes, and the slots of its factors in them."""
    used = slots[rows]
    owner = np.where(kind[used] == 0, -1, parameter[used])
    terms = []
    for index in np.unique(owner[owner >= 0]):
        local, slot = np.nonzero(owner == index)
        terms.append((int(index), local, slot))
    return tuple(terms)


def _positions(spec: Mapping[str, Any], config: Any, name: str, start: int) -> Index:
    """Parameter of each bin for a bin-by-bin modifier: pyhf numbers the bins of its channels in order."""
    index = np.full(config.nmaindata, -1, dtype=np.intp)
    having = {
        channel["name"]
        for channel in spec["channels"]
        for sample in channel["samples"]
        for modifier in sample["modifiers"]
        if modifier["name"] == name
    }
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
