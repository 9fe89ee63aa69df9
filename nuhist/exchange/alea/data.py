"""Observed events of alea's terms as counts per bin: from pickles, CSV and HDF5."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from nuhist.errors import ConfigError, ExchangeError, unknown_name
from nuhist.exchange.alea.model import AleaModel, Term
from nuhist.exchange.alea.pickled import read_pickle
from nuhist.exchange.inference_interface.storage import refused_storage
from nuhist.exchange.stored import damage
from nuhist.inputs import MEBIBYTE, is_file, read_bytes
from nuhist.tables import Array, column, read_table

_LARGEST = 256 * MEBIBYTE
_HDF5 = b"\x89HDF\r\n\x1a\n"
_ANCILLARY = ("ancillary", "ancillary_likelihood")
_TOY = re.compile(r"[0-9]+")


@dataclass(frozen=True, eq=False)
class Events:
    """What was observed.

    Attributes
    ----------
    counts
        Per bin, by term.
    digests
        SHA-256 of the events of a term, in order of size: the same for the same events. None without events.
    measured
        Central values of constraints, where the data have them.
    """

    counts: Mapping[str, Array]
    digests: Mapping[str, str]
    measured: Mapping[str, float]


def read_events(sources: Sequence[str], model: AleaModel, message: Callable[[str], None]) -> Events:
    """Events from files: ``FILE`` with those of all terms, or ``TERM=FILE`` for one.

    Raises
    ------
    DataError
        If a file cannot be read.
    ExchangeError
        If events are missing, or do not fit the model.
    """
    found: dict[str, Any] = {}
    places: dict[str, str] = {}
    names = [term.name for term in model.terms]
    for text in sources:
        term, equals, rest = text.partition("=")
        single = bool(equals) and term in names
        path = Path(rest if single else text)
        if equals and not single and not is_file(path):
            raise unknown_name(f"term in {model.origin}", term, names)
        content = _content(path)
        if isinstance(content, list):
            content = dict(zip((*names, _ANCILLARY[0]), content, strict=False))
        if not isinstance(content, dict):  # one array
            if not single and len(names) > 1:
                raise ConfigError(
                    f"{path}: has events of one term; write data=['TERM=FILE'] of {', '.join(names)}"
                )
            content = {term if single else names[0]: content}
        elif single:
            content = {term: content.get(term)}
        found |= content
        places |= dict.fromkeys(content, str(path))
    counts, digests = {}, {}
    for term_ in model.terms:
        if found.get(term_.name) is None:
            raise ExchangeError(
                f"{', '.join(sources)}: has no events of {term_.name}; add data=['{term_.name}=FILE']"
            )
        where = f"{places[term_.name]}: {term_.name}"
        events = _coordinates(found[term_.name], term_, where)
        counts[term_.name] = _binned(events, term_, where, message)
        if events.size:  # that nothing was seen tells no data from others
            rows = np.ascontiguousarray(events[np.lexsort(events.T)], dtype="<f8")
            digests[term_.name] = hashlib.sha256(rows.tobytes()).hexdigest()
    return Events(counts, digests, _measured(found, model))


def _content(path: Path) -> Any:
    if path.suffix.lower() == ".csv":
        return dict_of_columns(path)
    content = read_bytes(path, _LARGEST)
    if content.startswith(_HDF5):
        return _hdf5(content, str(path))
    if path.suffix.lower() in (".pkl", ".pickle") or content[:1] == b"\x80":
        return read_pickle(content, str(path))
    raise ExchangeError(f"{path}: is no pickle, CSV or HDF5 file of events")


def dict_of_columns(path: Path) -> Any:
    """A CSV file of events as an array with the columns' names."""
    table = read_table(path, least=0)  # a search may have seen nothing
    names = [name for name in table if name]
    columns = {name: column(path, table, name) for name in names}
    size = next(iter(columns.values())).size if columns else 0
    events = np.zeros(size, dtype=[(name, np.float64) for name in names])
    for name in names:
        events[name] = columns[name]
    return events


def _hdf5(content: bytes, where: str) -> Any:
    """Events that ``inference_interface`` stores: a group for each toy, of which there must be one."""
    import h5py  # templates, which are read before, say if it is missing

    with damage(where), h5py.File(BytesIO(content), "r") as file:
        toys = [name for name in file if _TOY.fullmatch(name)]
        if len(toys) != 1 or not isinstance(file.get(toys[0], getlink=True), h5py.HardLink):
            raise ExchangeError(f"{where}: has {len(toys)} data sets; expected one, in the group '0'")
        found = {}
        for name in file[toys[0]]:
            entry = file[toys[0]].get(name, getlink=True)
            data = file[toys[0]][name] if isinstance(entry, h5py.HardLink) else None
            if not isinstance(data, h5py.Dataset) or data.is_virtual or data.external or data.ndim != 1:
                raise ExchangeError(f"{where}: {toys[0]}/{name}: is no list of events")
            if data.dtype.hasobject:
                raise ExchangeError(f"{where}: {toys[0]}/{name}: holds {data.dtype}; expected numbers")
            if data.size * data.dtype.itemsize > _LARGEST or (wrong := refused_storage(data, _LARGEST)):
                raise ExchangeError(f"{where}: {toys[0]}/{name}: {wrong or 'is too large'}")
            found[name] = data[()]
        return found


def _coordinates(events: Any, term: Term, where: str) -> Array:
    """Events in the term's axes, shape (events, axes)."""
    names = [axis.name for axis in term.axes]
    if not isinstance(events, np.ndarray) or events.dtype.names is None or events.ndim != 1:
        raise ExchangeError(f"{where}: is no array of events with the fields {', '.join(names)}")
    for name in names:
        if name not in events.dtype.names:
            raise unknown_name(f"field of the events of {where}", name, events.dtype.names)
        if events.dtype[name].kind not in "fiu":
            raise ExchangeError(f"{where}: {name}: holds {events.dtype[name]}; expected numbers")
    found = np.array([events[name] for name in names], dtype=np.float64).T.reshape(len(events), len(names))
    if not np.isfinite(found).all():
        row, axis = np.argwhere(~np.isfinite(found))[0]
        raise ExchangeError(f"{where}: event {row}: {names[axis]}: {found[row, axis]:g} is no finite number")
    return found


def _binned(events: Array, term: Term, where: str, message: Callable[[str], None]) -> Array:
    counts, _ = np.histogramdd(events, bins=[axis.edges for axis in term.axes])
    outside = len(events) - int(counts.sum())
    if outside:
        first = next(
            f"'{axis.name}'"
            for axis, line in zip(term.axes, events.T, strict=True)
            if ((line < axis.edges[0]) | (line > axis.edges[-1])).any()
        )
        message(
            f"{where}: {outside} of {len(events)} events lie outside the bins, in {first} first; left out"
        )
    return np.asarray(counts.ravel(), dtype=np.float64)


def _measured(found: Mapping[str, Any], model: AleaModel) -> dict[str, float]:
    """Central values of constraints that differ from the nominal ones."""
    entry = next((found[name] for name in _ANCILLARY if found.get(name) is not None), None)
    if not isinstance(entry, np.ndarray) or entry.dtype.names is None or entry.size != 1:
        return {}
    values = {name: float(entry[name].ravel()[0]) for name in entry.dtype.names}
    return {
        each.name: values[each.name]
        for each in model.parameters.values()
        if each.sigma is not None and np.isfinite(values.get(each.name, each.value)) and each.name in values
    }
